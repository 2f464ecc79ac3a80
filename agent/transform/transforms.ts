// Transforms: the steps of an input over its records, one after the other. Pure: the same record gives the same bytes.
import { increase, type Tally, type Verdict } from '../tally.ts'
import { Evaluator, type Surroundings } from './evaluate.ts'
import { EvaluationError, type Value } from './functions.ts'
import type { CountRedacted, Redactor } from './redact.ts'
import { isSampled, valueHash } from './sample.ts'
import type { Expression } from './syntax.ts'

/** What steps work on: the fields of a record, or a line that has none. */
export interface TransformRecord extends Surroundings {
  /** Sets a field. Throws EvaluationError when that cannot be. */
  set(name: string, value: Value): void
  /** Takes a field away, and those inside of it. */
  remove(name: string): void
  /** Gives a field another name, and those inside of it. */
  rename(from: string, to: string): void
  /** Replaces what the redactor finds, wherever it stands. */
  redact(redactor: Redactor, count: CountRedacted): void
  /** Says in the record itself that steps could not be done. */
  mark(reasons: string): void
}

export type Action =
  | { readonly kind: 'add'; readonly fields: readonly (readonly [string, Expression])[] }
  | { readonly kind: 'remove'; readonly names: readonly string[] }
  | { readonly kind: 'rename'; readonly names: readonly (readonly [string, string])[] }
  | { readonly kind: 'filter'; readonly keep: Expression }
  | { readonly kind: 'sample'; readonly rate: number; readonly key: string | null }
  | { readonly kind: 'redact'; readonly redactor: Redactor }

export interface Step {
  readonly when: Expression | null
  readonly action: Action
}

/** One record on its way through the steps. */
export interface Passing {
  /** The hash of its source and position. */
  readonly hash: number
  /** It may hold what redaction looks for; false when its bytes were looked at and do not. */
  readonly isSuspect: boolean
}

export class Transforms {
  readonly #steps: readonly Step[]
  readonly #evaluator = new Evaluator()
  /** Fields are changed: a line that has none has to become a record. */
  readonly needsFields: boolean
  /** Every name that is read, so that it is known before the first record. */
  readonly names: readonly string[]
  /** The redactors whose needles tell which lines to look at; null when every line is to be looked at. */
  readonly scanners: readonly Redactor[] | null
  /** A line that is not suspect stays as it is. */
  readonly onlyRedacts: boolean

  constructor(steps: readonly Step[], names: readonly string[]) {
    this.#steps = steps
    this.names = names
    const redacts = steps.flatMap(({ action }) => (action.kind === 'redact' ? [action.redactor] : []))
    this.needsFields = steps.some(({ action }) => ['add', 'remove', 'rename'].includes(action.kind))
    // What is put together stands in no line: it has to be looked at as well.
    const makes = steps.some(
      ({ action }) => action.kind === 'add' && action.fields.some(([, value]) => value.kind !== 'literal'),
    )
    this.scanners = makes || redacts.some(({ looksAtAll }) => looksAtAll) ? null : redacts
    this.onlyRedacts = this.scanners !== null && redacts.length === steps.length
  }

  /** Takes a record through the steps. One that cannot be done for it is left out, marked and counted; it stays. */
  apply(record: TransformRecord, passing: Passing, tally: Tally): Verdict {
    this.#evaluator.begin()
    const failures: string[] = []
    for (const step of this.#steps) {
      const verdict = this.#try(step, record, passing, tally, failures)
      if (verdict !== 'kept') return verdict
    }
    if (failures.length > 0) record.mark(failures.join(', '))
    return 'kept'
  }

  #try(step: Step, record: TransformRecord, passing: Passing, tally: Tally, failures: string[]): Verdict {
    const { action } = step
    const fail = (error: unknown) => {
      if (!(error instanceof EvaluationError)) throw error
      failures.push(`${action.kind}: ${error.reason}`)
      increase(tally.failed, error.reason)
    }
    try {
      if (step.when !== null && !this.#evaluator.isTrue(step.when, record)) return 'kept'
    } catch (error) {
      fail(error)
      // In doubt nothing secret leaves the machine.
      if (action.kind !== 'redact') return 'kept'
    }
    try {
      return this.#act(action, record, passing, tally)
    } catch (error) {
      fail(error)
      return 'kept'
    }
  }

  #act(action: Action, record: TransformRecord, passing: Passing, tally: Tally): Verdict {
    switch (action.kind) {
      case 'add':
        for (const [name, expression] of action.fields) {
          const value = this.#evaluator.evaluate(expression, record)
          if (value !== null) record.set(name, value)
        }
        return 'kept'
      case 'remove':
        for (const name of action.names) record.remove(name)
        return 'kept'
      case 'rename':
        for (const [from, to] of action.names) record.rename(from, to)
        return 'kept'
      case 'filter':
        return this.#evaluator.isTrue(action.keep, record) ? 'kept' : 'filtered'
      case 'sample': {
        const value = action.key === null ? null : record.valueOf(action.key)
        const hash = value === null ? passing.hash : valueHash(String(value))
        return isSampled(hash, action.rate) ? 'kept' : 'sampled'
      }
      case 'redact':
        if (passing.isSuspect) record.redact(action.redactor, (kind) => increase(tally.redacted, kind))
        return 'kept'
    }
  }
}
