// The quick ways for access logs and JSON lines: what they write is what the general way writes, and they are the ways of usual lines.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileParser } from '../../../agent/parse/compile.ts'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { RecordMaker } from '../../../agent/parse/records.ts'
import { runs } from '../../runs.ts'
import { recordsOf } from './parsing.ts'

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

test('access logs: the quick way and the general way write the same bytes', () => {
  const makers = formats.map((options) => {
    const parser = compileParser(options)
    return {
      quick: new RecordMaker(parser),
      general: new RecordMaker({ ...compileParser(options), quick: () => null }),
    }
  })
  fc.assert(
    fc.property(
      fc.array(fc.oneof(line, whole), { minLength: 1, maxLength: 8 }),
      fc.nat(64),
      (lines, room) => {
        for (const { quick, general } of makers) {
          const gap = { gapBytes: room }
          expect(recordsOf(quick, lines, gap)).toEqual(recordsOf(general, lines, gap))
        }
      },
    ),
    { numRuns: runs(2_000, 300) },
  )
})

test('usual lines of access logs go the quick way, unusual ones do not', () => {
  const parser = { ...compileParser({ type: 'nginx' }), parse: () => 'the_general_way' }
  const ways = recordsOf(new RecordMaker(parser), [
    '::1 - - [21/Nov/2026:06:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"',
    '::1 - - [21/Nov/2026:06:00:00 +0000] "GET /\\x22 HTTP/1.1" 200 1 "-" "curl"',
    '::1 - - [no time] "GET / HTTP/1.1" 200 1 "-" "curl"',
  ]).map((record) => record.includes('the_general_way'))
  expect(ways).toEqual([false, true, true])
  expect(compileParser({ type: 'apache', format: '%t "%r" %m' }).quick()).toBeNull()
  expect(compileParser({ type: 'nginx', severity: { field: 'status' } }).quick()).toBeNull()
})

test('few of the lines that ever other values are missing in teach; where it is the same ones again none goes the general way', () => {
  const names = Array.from({ length: 10 }, (_, index) => `$name_${index}`)
  const parser = compileParser({ type: 'nginx', format: `[$time_local] ${names.join(' ')}` })
  let general = 0
  const parse: typeof parser.parse = (...line) => {
    general += 1
    return parser.parse(...line)
  }
  const maker = new RecordMaker({ ...parser, parse })
  const generalOf = (ways: number) => {
    const before = general
    const line = (n: number) => names.map((_, index) => (((n % ways) >> index) & 1 ? 'value' : '-')).join(' ')
    recordsOf(
      maker,
      Array.from({ length: 4096 }, (_, n) => `[21/Nov/2026:06:00:00 +0000] ${line(n)}`),
    )
    return general - before
  }
  expect(generalOf(64)).toBe(0)
  expect(generalOf(1024)).toBeGreaterThan(3500)
  generalOf(16)
  expect(generalOf(16)).toBe(0)
})

test('a line that is not UTF-8 goes the general way, those around it do not', () => {
  const parser = { ...compileParser({ type: 'nginx' }), parse: () => 'the_general_way' }
  const line = (agent: string) =>
    Buffer.from(`::1 - - [21/Nov/2026:06:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "${agent}"`, 'latin1')
  const records = recordsOf(new RecordMaker(parser), [line('curl'), line('cürl'), line('curl')])
  expect(records.map((record) => /the_general_way|not_utf8/.exec(record)?.[0])).toEqual([
    undefined,
    'not_utf8',
    undefined,
  ])
})

const jsonOptions: readonly ParseOptions[] = [
  { type: 'json' },
  { type: 'json', keepRaw: true },
  { type: 'json', time: { field: 'at', format: 'epoch_ms' }, severity: { map: { mild: 'warn' } } },
]
const key = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      'a',
      'b',
      'time',
      'at',
      'level',
      'msg',
      'message',
      'service_name',
      'trace_id',
      'span_id',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'é', '"', 'n'.repeat(300), 'a.b') },
)
const jsonText = fc.oneof(
  fc.constantFrom(
    '',
    'info',
    'mild',
    'x'.repeat(70),
    'é',
    'a"b',
    'a\\b',
    'a\tb',
    '\u0001',
    '2026-11-21T06:00:00.123456789Z',
    '}',
    '","b":"',
  ),
  fc.string({ maxLength: 12 }),
)
const jsonValue = fc.oneof(
  { weight: 6, arbitrary: jsonText.map((text) => JSON.stringify(text)) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '0',
      '-1.5',
      '1732166400123',
      '12345678901234567890',
      '30',
      '1e400',
      '-0',
      '01',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('true', 'false', 'null', '[]', '["a",1]', '{}', '"\\u0041"', '"\\n"', 'nul'),
  },
)
/** Lines of a few shapes, each many times with other values. */
const jsonLines = fc
  .array(fc.array(fc.tuple(key, fc.constantFrom('', '', '', ' ', 'inner')), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 3,
  })
  .chain((shapes) =>
    fc.array(
      fc.constantFrom(...shapes).chain((shape) =>
        fc.tuple(...shape.map(() => jsonValue)).map((values) => {
          const members = shape.map(([name, how], index) => {
            const value = how === 'inner' ? `{"k":${values[index]}}` : values[index]
            return `${JSON.stringify(name)}:${how === ' ' ? ' ' : ''}${value}`
          })
          return `{${members.join()}}`
        }),
      ),
      { minLength: 2, maxLength: 24 },
    ),
  )

test('JSON lines: the quick way and the general way write the same bytes', () => {
  const ways = jsonOptions.map((options) => ({
    options,
    general: new RecordMaker({ ...compileParser(options), quick: () => null }),
  }))
  fc.assert(
    fc.property(jsonLines, (lines) => {
      for (const { options, general } of ways) {
        const quick = new RecordMaker(compileParser(options))
        expect(recordsOf(quick, lines)).toEqual(recordsOf(general, lines))
      }
    }),
    { numRuns: runs(3_000, 300) },
  )
})

test('a JSON line teaches how the next is, as far as it is like it', () => {
  let general = 0
  const parser = compileParser({ type: 'json' })
  const counting: typeof parser = {
    ...parser,
    parse: (...line) => {
      general += 1
      return parser.parse(...line)
    },
  }
  const maker = new RecordMaker(counting)
  const line = (n: number, rest = '') =>
    `{"time":"2026-11-21T06:00:00Z","msg":"done","n":${n},"http":{"path":"/${n}"}${rest}}`
  recordsOf(
    maker,
    Array.from({ length: 100 }, (_, n) => line(n)),
  )
  expect(general).toBe(1)
  recordsOf(maker, [line(1, ',"ok":true'), line(2, ',"ok":true'), line(3)])
  expect(general).toBe(3)
})
