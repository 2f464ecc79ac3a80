// Any bytes through any parser: one record a line, valid JSON, the line whole, bounded, and the same every time.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { parseBytes, readAt } from './parsing.ts'

const all: readonly ParseOptions[] = [
  { type: 'json' },
  { type: 'json', keepRaw: false },
  { type: 'logfmt' },
  { type: 'nginx' },
  { type: 'nginx', format: '$a $b' },
  { type: 'apache', format: 'vhost_combined' },
  { type: 'syslog' },
  { type: 'cri' },
  { type: 'cri', inside: { type: 'json' } },
  { type: 'docker' },
  { type: 'docker', inside: { type: 'logfmt', keepRaw: false } },
  { type: 'klog' },
  { type: 'regex', pattern: '(?<time>\\S*) (?<level>\\S*)(?<rest>.*)' },
  { type: 'csv', columns: ['time', 'b', 'c'] },
]

/** Lines that nearly parse: pieces of every format in any order. */
const pieces = fc.constantFrom(
  '{"log":"',
  '{"a":',
  '{',
  '}',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '\\n',
  ':',
  ',',
  '[',
  ']',
  '1e999',
  '-0',
  'true',
  'null',
  '"__proto__":',
  '"time":',
  '"level":"info"',
  '2026-11-21T06:00:00.123Z',
  '21/Nov/2026:06:00:00 +0000',
  'Nov 21 06:00:00',
  'stdout',
  ' F ',
  ' P ',
  '<13>',
  '1 ',
  'I1121 06:00:00.123456 1 a.go:1] ',
  '=',
  'level=',
  ' - - [',
  '] "GET / HTTP/1.1" 200 ',
  '\t',
  '\0',
  'é',
  '🦊',
  ' ',
)
const nearly = fc.array(pieces, { maxLength: 24 }).map((parts) => Buffer.from(parts.join('')))
const junk = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
const lines = fc.array(
  fc.oneof(nearly, nearly, junk).map((line) => line.map((byte) => (byte === 10 || byte === 13 ? 32 : byte))),
  { minLength: 1, maxLength: 12 },
)

test.each(all.map((options) => [JSON.stringify(options), options] as const))('%s', (_, options) => {
  fc.assert(
    fc.property(lines, (input) => {
      const parsed = parseBytes(options, input)
      expect(parsed.records.length).toBe(input.length)
      const failed = Object.values(parsed.unparsed).reduce((sum, count) => sum + count, 0)
      expect(failed).toBe(
        parsed.records.filter(({ attrs_string }) => attrs_string?.parse_error !== undefined).length,
      )
      for (const [index, record] of parsed.records.entries()) {
        const line = Buffer.from(input[index] as Uint8Array)
        expect(parsed.values[index]?.length).toBeLessThan(8192)
        expect(Object.keys(record)).toEqual(Object.keys(record).filter((key) => columns.has(key)))
        expect(record.ts).toBe(new Date(record.ts).toISOString().slice(0, 23) + record.ts.slice(23))
        const error = record.attrs_string?.parse_error
        if (error === 'not_utf8')
          expect(Buffer.from(record.attrs_string?.body_base64 ?? '', 'base64')).toEqual(line)
        else if (error !== undefined && options.inside === undefined)
          expect(record.body).toBe(line.toString())
      }
      expect(parseBytes(options, input, readAt)).toEqual(parsed)
    }),
    { numRuns: 300 },
  )
})

const columns = new Set([
  'ts',
  'severity_text',
  'severity_number',
  'service_name',
  'trace_id',
  'span_id',
  'body',
  'attrs_string',
  'attrs_number',
  'attrs_bool',
])

test('what JSON.parse takes is taken, and its fields are found', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
  )
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 20 }), leaf, { maxKeys: 20 }),
      (object) => {
        const line = JSON.stringify(object)
        // Columns of their own are another test's.
        const usual = /^(t|ts|time|timestamp|level|lvl|msg|message|@t|@m|@l)$/
        if (Object.keys(object).some((key) => usual.test(key))) return
        const { records, unparsed } = parseBytes({ type: 'json' }, [Buffer.from(line)])
        expect(unparsed).toEqual({})
        const { attrs_string = {}, attrs_number = {}, attrs_bool = {} } = records[0] ?? {}
        const found = new Map<string, unknown>(
          [attrs_string, attrs_number, attrs_bool].flatMap((attributes) => Object.entries(attributes)),
        )
        for (const [key, value] of Object.entries(JSON.parse(line) as typeof object)) {
          const wanted = typeof value === 'string' ? value.toWellFormed() : value
          const got = found.get(key.toWellFormed())
          expect(typeof wanted === 'number' ? Number(got) : got).toBe(wanted)
        }
      },
    ),
  )
})

test('names beyond any number are forgotten, not kept', () => {
  const many = Array.from({ length: 12_000 }, (_, n) => Buffer.from(`{"name-${n}":${n},"x":1}`))
  const { records } = parseBytes({ type: 'json' }, many)
  expect(records.at(-1)?.attrs_number).toEqual({ 'name-11999': 11_999, x: 1 })
})
