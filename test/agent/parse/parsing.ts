// Lines through a parser as an input has it, and the records that come out, read again.

import { expect } from 'vitest'
import { compileParser } from '../../../agent/parse/compile.ts'
import type { MadeLines } from '../../../agent/parse/made-lines.ts'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { RecordMaker } from '../../../agent/parse/records.ts'
import { lineRanges, splitLines } from '../../../agent/tail/lines.ts'

/** When the lines are read, unless a test says otherwise. */
export const readAt = Date.parse('2026-11-21T07:00:00.000Z')

export interface Record {
  readonly ts: string
  readonly body: string
  readonly severity_text?: string
  readonly severity_number?: number
  readonly service_name?: string
  readonly trace_id?: string
  readonly span_id?: string
  readonly attrs_string?: { readonly [name: string]: string }
  readonly attrs_number?: { readonly [name: string]: number }
  readonly attrs_bool?: { readonly [name: string]: boolean }
}

export interface Parsed {
  /** The values of the records, as text. */
  readonly values: readonly string[]
  readonly records: readonly Record[]
  readonly unparsed: Readonly<{ [reason: string]: number }>
}

/** Parses whole lines, given as bytes without their line ends. */
export function parseBytes(options: ParseOptions, lines: readonly Uint8Array[], at = readAt): Parsed {
  const maker = new RecordMaker(compileParser(options))
  const bytes = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))
  const ranges = lineRanges(Math.max(1, lines.length))
  splitLines(bytes, 0, bytes.length, 16 * 1024 * 1024, ranges)
  const made = maker.make({ bytes, starts: ranges.valueFrom, ends: ranges.valueTo, count: ranges.count }, at)
  const values = valuesOf(made)
  return {
    values,
    records: values.map((value): Record => JSON.parse(value)),
    unparsed: Object.fromEntries(made.tally.unparsed),
  }
}

/** What a maker makes of lines with these bytes behind each; so many more are behind the first and the last. */
export function recordsOf(
  maker: RecordMaker,
  lines: readonly (string | Uint8Array)[],
  {
    behind = Buffer.from('\n'),
    gapBytes = 0,
  }: { readonly behind?: Uint8Array; readonly gapBytes?: number } = {},
): readonly string[] {
  const gap = Buffer.alloc(gapBytes)
  const starts = new Int32Array(lines.length)
  const ends = new Int32Array(lines.length)
  const pieces: Uint8Array[] = []
  let at = 0
  for (const [index, line] of lines.entries()) {
    const value = Buffer.from(line)
    pieces.push(value, behind)
    starts[index] = at
    ends[index] = at + value.length
    at += value.length + behind.length
    if (index > 0) continue
    pieces.push(gap)
    at += gapBytes
  }
  const bytes = Buffer.concat([...pieces, gap])
  return valuesOf(maker.make({ bytes, starts, ends, count: lines.length }, readAt))
}

function valuesOf({ bytes, starts, ends, count }: MadeLines): readonly string[] {
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(bytes.subarray(starts[index], ends[index])).toString(),
  )
}

function parseLines(options: ParseOptions, lines: readonly string[], at = readAt): Parsed {
  return parseBytes(
    options,
    lines.map((line) => Buffer.from(line)),
    at,
  )
}

/** The record of one line without its raw body, for snapshots that stay short. */
export function fieldsOf(options: ParseOptions, line: string, at = readAt): Partial<Record> {
  const [record] = parseLines(options, [line], at).records
  const { body, ...rest } = record as Record
  return body === line ? rest : { ...rest, body }
}

/** Why each of these lines does not parse; all of it stays in the body. */
export function reasons(options: ParseOptions, lines: readonly string[]): readonly (string | undefined)[] {
  const { records } = parseLines(options, lines)
  expect(records.map(({ body }) => body)).toEqual(lines)
  return records.map(({ attrs_string }) => attrs_string?.parse_error)
}
