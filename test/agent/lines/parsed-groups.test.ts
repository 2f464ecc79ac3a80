// Records of several lines and parsing: whole where that means something, else by their first line; nothing of them is lost.
import { expect, test } from 'vitest'
import { compileParser } from '../../../agent/parse/compile.ts'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { RecordMaker } from '../../../agent/parse/records.ts'

const trace = '\njava.lang.Error: no\n\tat a.B(C.java:1)'

function parsed(options: ParseOptions, text: string): Record<string, unknown> {
  const bytes = Buffer.from(text)
  const lines = {
    bytes,
    starts: Int32Array.of(0),
    ends: Int32Array.of(bytes.length),
    count: 1,
    hasGroups: true,
  }
  const made = new RecordMaker(compileParser(options)).make(lines, Date.UTC(2026, 10, 21))
  return JSON.parse(Buffer.from(made.bytes.subarray(made.starts[0], made.ends[0])).toString())
}

const regex = { type: 'regex', pattern: '^(?<level>[A-Z]+) (?<message>.*)$' } as const

test('an expression for one line finds its fields in the first, and body is all of it', () => {
  for (const keepRaw of [true, false]) {
    const record = parsed({ ...regex, keepRaw }, `ERROR it failed${trace}`)
    expect(record).toMatchObject({ severity_text: 'ERROR', body: `ERROR it failed${trace}` })
    expect(record.attrs_string).toEqual(keepRaw ? { message: 'it failed' } : undefined)
  }
})

test('an expression for several lines finds its fields in all of them', () => {
  const record = parsed(
    { ...regex, pattern: '^(?<level>[A-Z]+) (?<message>[\\s\\S]*)$', keepRaw: false },
    `WARN a${trace}`,
  )
  expect(record).toMatchObject({ severity_text: 'WARN', body: `a${trace}` })
})

test('JSON of several lines is one object; one with a trace behind it is the first line', () => {
  expect(parsed({ type: 'json' }, '{\n  "msg": "hi",\n  "n": 1\n}')).toMatchObject({
    body: 'hi',
    attrs_number: { n: 1 },
  })
  expect(parsed({ type: 'json' }, `{"msg":"hi","n":1}${trace}`)).toMatchObject({
    body: `{"msg":"hi","n":1}${trace}`,
    attrs_number: { n: 1 },
  })
})

test.each([
  [{ type: 'logfmt' }, 'level=error msg="no" n=1', { severity_text: 'error', attrs_number: { n: 1 } }],
  [
    { type: 'apache', format: 'common' },
    '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326',
    { attrs_number: { status: 200, body_bytes_sent: 2326 } },
  ],
] as const)('%o: the first line', (options, line, expected) => {
  expect(parsed(options, line + trace)).toMatchObject({ ...expected, body: line + trace })
})

test('messages of syslog and klog go on over the lines', () => {
  const klog = parsed({ type: 'klog' }, `E1121 06:00:00.123456    1234 a.go:1] failed${trace}`)
  expect(klog).toMatchObject({ severity_text: 'ERROR', body: `failed${trace}` })
  const syslog = parsed({ type: 'syslog' }, `<38>Nov 21 06:00:00 web-1 app[8]: failed${trace}`)
  expect(syslog).toMatchObject({ service_name: 'app', body: `failed${trace}` })
})

test('what does not parse by its first line either is kept whole and says why', () => {
  const record = parsed(regex, `x${trace}`)
  expect(record).toMatchObject({ body: `x${trace}`, attrs_string: { parse_error: 'no_match' } })
})

test.each([true, false])(
  'inside of a container the first line of the message is parsed (keep_raw %s)',
  (keepRaw) => {
    const cri: ParseOptions = { type: 'cri', inside: { ...regex, keepRaw } }
    const record = parsed(cri, `2026-11-21T06:00:00Z stderr F ERROR it failed${trace}`)
    expect(record).toMatchObject({
      ts: '2026-11-21T06:00:00.000Z',
      severity_text: 'ERROR',
      body: `ERROR it failed${trace}`,
    })
    expect(record.attrs_string).toMatchObject({ stream: 'stderr' })
    const log = JSON.stringify({
      log: `level=warn n=1${trace}\n`,
      stream: 'stdout',
      time: '2026-11-21T06:00:00Z',
    })
    const docker = parsed({ type: 'docker', inside: { type: 'logfmt', keepRaw } }, log)
    expect(docker).toMatchObject({
      severity_text: 'warn',
      body: `level=warn n=1${trace}`,
      attrs_number: { n: 1 },
    })
    expect(parsed(cri, `2026-11-21T06:00:00Z stderr F x${trace}`)).toMatchObject({
      body: `x${trace}`,
      attrs_string: { stream: 'stderr', parse_error: 'no_match' },
    })
  },
)
