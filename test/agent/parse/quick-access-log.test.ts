// The quick way for access logs: what it writes is what the general way writes, and it is the way of usual lines.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileParser } from '../../../agent/parse/compile.ts'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { RecordMaker } from '../../../agent/parse/records.ts'
import { runs } from '../../runs.ts'
import { readAt } from './parsing.ts'

const formats: readonly ParseOptions[] = [
  { type: 'nginx' },
  { type: 'nginx', keepRaw: true },
  { type: 'nginx', format: 'ingress' },
  { type: 'nginx', format: '[$time_iso8601] $host|$status|"$request"' },
  { type: 'nginx', format: '"$request" $msec' },
  { type: 'apache' },
  { type: 'apache', format: 'vhost_combined', keepRaw: true },
  { type: 'apache', format: '%t "%r" %m' },
]

const value = fc.oneof(
  fc.constantFrom(
    '-',
    '',
    '200',
    '0',
    '1.5',
    '007',
    '1e3',
    'GET /a?b=c HTTP/2.0',
    'GET /',
    'GET',
    ' ',
    '/x y',
    'é',
    '😀',
  ),
  fc.constantFrom(
    '\\x22',
    '\\"',
    '"',
    '\\',
    '\t',
    ']',
    '|',
    '] [',
    '" "',
    'Mozilla/5.0 (X11; Linux x86_64) a/b',
  ),
  fc.string({ maxLength: 40 }),
)
const time = fc.constantFrom(
  '21/Nov/2026:06:00:00 +0000',
  '21/Nov/2026:06:00:00 +0100',
  '2026-11-21T06:00:00.123456789Z',
  '1732166400.123',
  'yesterday',
)
const between = fc.constantFrom(' ', ' - ', ' [', '] "', '" ', ' "', '" "', '"', '|', '[', '] ')
const line = fc
  .array(fc.tuple(fc.oneof({ weight: 3, arbitrary: value }, { weight: 1, arbitrary: time }), between), {
    maxLength: 12,
  })
  .map((parts) => parts.flat().join(''))
const whole = fc
  .tuple(value, value, time, value, fc.nat(599), fc.nat(), value, value)
  .map(
    ([a, b, at, request, status, bytes, from, by]) =>
      `${a} - ${b} [${at}] "${request}" ${status} ${bytes} "${from}" "${by}"`,
  )

test('the quick way and the general way write the same bytes', () => {
  const makers = formats.map((options) => {
    const parser = compileParser(options)
    return {
      quick: new RecordMaker(parser),
      general: new RecordMaker({ ...compileParser(options), quick: null }),
    }
  })
  fc.assert(
    fc.property(
      fc.array(fc.oneof(line, whole), { minLength: 1, maxLength: 8 }),
      fc.nat(64),
      (lines, room) => {
        for (const { quick, general } of makers) {
          expect(recordsOf(quick, lines, room)).toEqual(recordsOf(general, lines, room))
        }
      },
    ),
    { numRuns: runs(2_000, 300) },
  )
})

test('usual lines go the quick way, unusual ones do not', () => {
  const { quick: way } = compileParser({ type: 'nginx' })
  const parser = { ...compileParser({ type: 'nginx' }), parse: () => 'the_general_way' }
  const ways = recordsOf(new RecordMaker(parser), [
    '::1 - - [21/Nov/2026:06:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"',
    '::1 - - [21/Nov/2026:06:00:00 +0000] "GET /\\x22 HTTP/1.1" 200 1 "-" "curl"',
    '::1 - - [no time] "GET / HTTP/1.1" 200 1 "-" "curl"',
  ]).map((record) => record.includes('the_general_way'))
  expect(way).not.toBeNull()
  expect(ways).toEqual([false, true, true])
  expect(compileParser({ type: 'apache', format: '%t "%r" %m' }).quick).toBeNull()
  expect(compileParser({ type: 'nginx', severity: { field: 'status' } }).quick).toBeNull()
})

function recordsOf(maker: RecordMaker, lines: readonly string[], room = 64): readonly string[] {
  const values = lines.map((one) => Buffer.from(one.replaceAll('\n', ' ')))
  const bytes = Buffer.concat([...values.flatMap((one) => [one, Buffer.from('\n')]), Buffer.alloc(room)])
  const starts = new Int32Array(values.length)
  const ends = new Int32Array(values.length)
  let at = 0
  for (const [index, one] of values.entries()) {
    starts[index] = at
    ends[index] = at + one.length
    at += one.length + 1
  }
  const made = maker.make({ bytes, starts, ends, count: values.length }, readAt)
  return Array.from(values, (_, index) =>
    Buffer.from(made.bytes.subarray(made.starts[index], made.ends[index])).toString(),
  )
}
