// From the options of an input to its transforms; what is wrong with them is said with its key and its column.
import { LogdriveError } from '../../core/errors.ts'
import type { AddedValue, TransformOptions } from './options.ts'
import { parseExpression } from './parser.ts'
import { Redactor } from './redact.ts'
import { type Expression, namesIn } from './syntax.ts'
import { type Action, type Step, Transforms } from './transforms.ts'

/** Compiles steps; throws CONFIG_INVALID with `details.path`, the key at fault from `transforms` on. */
export function compileTransforms(options: readonly TransformOptions[]): Transforms {
  const steps = options.map((step, index) => at([index], () => stepOf(step)))
  return new Transforms(steps, [...new Set(steps.flatMap(namesOf))])
}

function stepOf(options: TransformOptions): Step {
  const { when } = options
  return {
    when: when === undefined ? null : at(['when'], () => parseExpression(when)),
    action: actionOf(options),
  }
}

function actionOf({ add, remove, rename, filter, sample, redact }: TransformOptions): Action {
  if (add !== undefined) return { kind: 'add', fields: Object.entries(add).map(addedField) }
  if (remove !== undefined) return { kind: 'remove', names: remove }
  if (rename !== undefined) return { kind: 'rename', names: Object.entries(rename) }
  if (filter !== undefined) return { kind: 'filter', keep: at(['filter'], () => parseExpression(filter)) }
  if (sample !== undefined) return { kind: 'sample', rate: sample.rate, key: sample.key ?? null }
  if (redact !== undefined) {
    for (const [name, pattern] of Object.entries(redact.patterns))
      at(
        ['redact', 'patterns', name],
        () => new Redactor({ ...redact, kinds: [], patterns: { [name]: pattern } }),
      )
    return { kind: 'redact', redactor: new Redactor(redact) }
  }
  throw new Error('expected one of add, remove, rename, filter, sample, redact')
}

function addedField([name, value]: [string, AddedValue]): readonly [string, Expression] {
  return at(['add', name], () => {
    if (name === 'severity_number') throw new Error('add severity_text: the number follows from it')
    if (typeof value !== 'object') return [name, { kind: 'literal', at: 1, value }] as const
    return [name, at(['expression'], () => parseExpression(value.expression))] as const
  })
}

function namesOf({ when, action }: Step): readonly string[] {
  return [...(when === null ? [] : namesIn(when)), ...namesOfAction(action)]
}

function namesOfAction(action: Action): readonly string[] {
  switch (action.kind) {
    case 'add':
      return action.fields.flatMap(([name, expression]) => [name, ...namesIn(expression)])
    case 'remove':
      return action.names
    case 'rename':
      return action.names.flat()
    case 'filter':
      return namesIn(action.keep)
    case 'sample':
      return action.key === null ? [] : [action.key]
    case 'redact':
      return []
  }
}

/** Runs a step; what it throws is about the key at this path. */
function at<T>(path: readonly (string | number)[], step: () => T): T {
  try {
    return step()
  } catch (error) {
    const inner = error instanceof LogdriveError ? (error.details.path as readonly (string | number)[]) : []
    const message = error instanceof Error ? error.message : String(error)
    throw new LogdriveError('CONFIG_INVALID', message, { details: { path: [...path, ...inner] } })
  }
}
