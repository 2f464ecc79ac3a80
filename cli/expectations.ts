// Expectations: the records of a test against those that came, paired so that one too many does not spoil all behind it.

import type { TestConfig } from '../config/schema.ts'

/** What is said of one record. */
export type Expectation = NonNullable<TestConfig['expect']>[number]

/** A record that came: its columns. A line without fields is all `body`. */
export type Columns = Readonly<Record<string, unknown>>

/** One thing that is not as expected. */
export interface Difference {
  /** The key of the test it is about. */
  readonly path: readonly (string | number)[]
  readonly message: string
  /** Null for nothing. */
  readonly expected?: unknown
  readonly got?: unknown
  /** The record that it is about. */
  readonly record?: Columns
}

/** Pairs are looked for among so many combinations of records and expectations; beyond it goes by their numbers. */
const combinationsMax = 250_000

/** What is not as the test says; nothing when it passed. */
export function differencesOf(test: TestConfig, records: readonly Columns[]): readonly Difference[] {
  const { expect, count } = test
  if (expect !== undefined) return compared(expect, records)
  if (count === undefined) return records.map((record) => extra(record, ['dropped']))
  if (records.length === count) return []
  return [{ path: ['count'], message: 'another number of records', expected: count, got: records.length }]
}

function compared(expectations: readonly Expectation[], records: readonly Columns[]): readonly Difference[] {
  return pairs(expectations, records).flatMap(({ left, right }) => {
    const record = right === null ? null : (records[right] as Columns)
    const expectation = left === null ? null : (expectations[left] as Expectation)
    if (left === null || expectation === null) return record === null ? [] : [extra(record, ['expect'])]
    if (record === null)
      return [{ path: ['expect', left], message: 'no such record', expected: written(expectation) }]
    const differences = recordDifferences(expectation, record)
    return differences.map((one) => ({ ...one, path: ['expect', left, ...one.path], record }))
  })
}

function extra(record: Columns, path: Difference['path']): Difference {
  return { path, message: 'a record that is not expected', got: record }
}

/** An expectation as it was written. */
function written({ fields, ...columns }: Expectation): unknown {
  return Object.keys(fields).length === 0 ? columns : { ...columns, fields }
}

function recordDifferences({ fields, ...columns }: Expectation, record: Columns): readonly Difference[] {
  const found: Difference[] = []
  const compare = (path: readonly string[], expected: unknown, got: unknown, isSame: boolean) => {
    if (!isSame) found.push({ path, message: '', expected, got })
  }
  for (const [name, expected] of Object.entries(columns)) {
    const got = own(record, name)
    const isSame = name === 'ts' ? isSameTime(String(expected), String(got)) : got === expected
    compare([name], expected, got, isSame)
  }
  for (const [name, expected] of Object.entries(fields)) {
    const got = fieldOf(record, name)
    compare(['fields', name], expected, got, got === expected)
  }
  return found
}

/** The attribute of this name, whatever its type; null when there is none. */
function fieldOf(record: Columns, name: string): unknown {
  for (const column of ['attrs_string', 'attrs_number', 'attrs_bool']) {
    const found = own(own(record, column), name)
    if (found !== null) return found
  }
  return null
}

function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : null
}

/** The same moment, to the last digit of the second. */
function isSameTime(left: string, right: string): boolean {
  const [first, second] = [left, right].map((text) => {
    const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
    return `${Date.parse(text.replace(/\.\d+/, ''))} ${fraction.replace(/0+$/, '')}`
  })
  return first === second
}

/** Indexes that stand for one another; null: nothing does. */
interface Pair {
  readonly left: number | null
  readonly right: number | null
}

/** Both lists in order, paired so that the least is wrong; of very long ones by their numbers. */
function pairs(expectations: readonly Expectation[], records: readonly Columns[]): readonly Pair[] {
  const found: Pair[] = []
  let begin = 0
  const shorter = Math.min(expectations.length, records.length)
  const costOf = (left: number, right: number) =>
    pairCost(expectations[left] as Expectation, records[right] as Columns)
  for (; begin < shorter && costOf(begin, begin) === 0; begin += 1) found.push({ left: begin, right: begin })
  const ends = [expectations.length, records.length] as const
  const isFew = (ends[0] - begin) * (ends[1] - begin) <= combinationsMax
  const costs = isFew ? cheapest(begin, ends, costOf) : null
  let [left, right] = [begin, begin]
  while (left < ends[0] || right < ends[1]) {
    const step = costs?.stepAt(left, right) ?? 'pair'
    found.push({
      left: step !== 'extra' && left < ends[0] ? left++ : null,
      right: step !== 'missing' && right < ends[1] ? right++ : null,
    })
  }
  return found
}

/** 0 for a record as expected; less than 2, which is what leaving both alone costs. */
function pairCost(expectation: Expectation, record: Columns): number {
  const { fields, ...columns } = expectation
  const said = Object.keys(columns).length + Object.keys(fields).length
  return said === 0 ? 0 : (1.9 * recordDifferences(expectation, record).length) / said
}

/** The cheapest way through both lists from `begin` on, one list alone costs 1 a step (Needleman and Wunsch, 1970). */
function cheapest(
  begin: number,
  [leftEnd, rightEnd]: readonly [number, number],
  costOf: (left: number, right: number) => number,
): { stepAt(left: number, right: number): 'pair' | 'missing' | 'extra' } {
  const width = rightEnd - begin + 1
  const costs = new Float64Array((leftEnd - begin + 1) * width)
  const steps = new Uint8Array(costs.length)
  const at = (left: number, right: number) => (left - begin) * width + right - begin
  for (let left = leftEnd; left >= begin; left -= 1) {
    for (let right = rightEnd; right >= begin; right -= 1) {
      const [hasLeft, hasRight] = [left < leftEnd, right < rightEnd]
      if (!hasLeft && !hasRight) continue
      const missing = hasLeft ? 1 + (costs[at(left + 1, right)] as number) : Number.POSITIVE_INFINITY
      const extra = hasRight ? 1 + (costs[at(left, right + 1)] as number) : Number.POSITIVE_INFINITY
      const pair =
        hasLeft && hasRight
          ? costOf(left, right) + (costs[at(left + 1, right + 1)] as number)
          : Number.POSITIVE_INFINITY
      const least = Math.min(pair, missing, extra)
      costs[at(left, right)] = least
      steps[at(left, right)] = least === pair ? 0 : least === missing ? 1 : 2
    }
  }
  const names = ['pair', 'missing', 'extra'] as const
  return { stepAt: (left, right) => names[steps[at(left, right)] as 0 | 1 | 2] }
}
