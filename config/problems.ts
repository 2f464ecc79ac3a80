// zod's issues as sentences: one problem for each, at the key it is about, with "did you mean". No values in them.

import type { z } from 'zod'
import { didYouMean } from './suggest.ts'

/** A path into the configuration: names of keys, indexes of lists. */
export type Path = readonly (string | number)[]

/** Something wrong at a path. `at` says whether the key or its value is meant. */
export interface Finding {
  readonly path: Path
  readonly at: 'key' | 'value'
  readonly message: string
  readonly severity: 'error' | 'warning'
}

/** An error about a value. */
export function wrong(path: Path, message: string): Finding {
  return { path, at: 'value', message, severity: 'error' }
}

/** Something that works and is likely not meant. */
export function doubtful(path: Path, message: string): Finding {
  return { path, at: 'value', message, severity: 'warning' }
}

/** Checks a value against a schema: the parsed value, or what is wrong with it. */
export function check<T>(
  schema: z.ZodType<T>,
  value: unknown,
): { value: T } | { findings: readonly Finding[] } {
  const parsed = schema.safeParse(value, { error: sentence })
  if (parsed.success) return { value: parsed.data }
  return { findings: parsed.error.issues.flatMap((issue) => findingsOf(issue, [], value)) }
}

/** `collector.keys.web`, `sinks.a.topics[2]`: a path as people write it. */
export function formatPath(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\w.-]{1,64}$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${quoted(part)}]`
  }
  return text
}

/** A name as it may be printed: control characters escaped, cut at 60. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 59)}…` : name)
}

function findingsOf(issue: z.core.$ZodIssue, prefix: Path, root: unknown): readonly Finding[] {
  const path = [...prefix, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]
  if (issue.code === 'unrecognized_keys') {
    // `sentence` wrote a line for each key, in order: only there the known keys are at hand.
    const lines = issue.message.split('\n')
    return issue.keys.map((key, index) => ({
      ...wrong([...path, key], lines[index] ?? 'unknown key'),
      at: 'key',
    }))
  }
  if (issue.code === 'invalid_key')
    return [{ ...wrong(path, issue.issues[0]?.message ?? issue.message), at: 'key' }]
  if (issue.code === 'invalid_union') {
    const branch = nearestBranch(issue.errors)
    if (branch !== undefined) return branch.flatMap((inner) => findingsOf(inner, path, root))
  }
  return [wrong(path, exists(root, path) ? issue.message : `missing: ${issue.message}`)]
}

/** The branch of a union whose outer shape fits, so that its inner problems are what the reader must mend. */
function nearestBranch(branches: readonly z.core.$ZodIssue[][]): readonly z.core.$ZodIssue[] | undefined {
  return branches.find(
    (issues) =>
      issues.length > 0 &&
      issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  )
}

function exists(root: unknown, path: Path): boolean {
  let value = root
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return false
    value = Reflect.get(value, part)
  }
  return true
}

/** The sentence for an issue whose schema brings none of its own. */
function sentence(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = shapeKeys(issue.inst)
      return issue.keys.map((key) => `unknown key ${quoted(key)}${didYouMean(key, known)}`).join('\n')
    }
    case 'invalid_value': {
      const choices = issue.values.map(String)
      const typed = typeof issue.input === 'string' ? didYouMean(issue.input, choices) : ''
      return `expected ${choices.length === 1 ? '' : 'one of '}${choices.join(', ')}${typed}`
    }
    case 'invalid_type': {
      const found = issue.input === undefined ? '' : `, found ${kindOf(issue.input)}`
      const hint = issue.expected === 'string' && typeof issue.input === 'number' ? '; put it in quotes' : ''
      return `expected ${kindNames.get(issue.expected) ?? issue.expected}${found}${hint}`
    }
    case 'too_small':
      return `too small: at least ${String(issue.minimum)}`
    case 'too_big':
      return `too big: at most ${String(issue.maximum)}`
    default:
      return undefined
  }
}

const kindNames: ReadonlyMap<string, string> = new Map([
  ['object', 'a map'],
  ['record', 'a map'],
  ['array', 'a list'],
  ['string', 'a text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
])

function kindOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return kindNames.get(typeof value) ?? typeof value
}

/** Keys a strict object knows. */
function shapeKeys(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null || !('shape' in schema)) return []
  const { shape } = schema
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : []
}
