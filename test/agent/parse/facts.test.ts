// Facts: what an input knows of its lines is in each of their records, whatever the lines say and however they are parsed.
import { expect, test } from 'vitest'
import { compileParser, plainParser } from '../../../agent/parse/compile.ts'
import type { Facts } from '../../../agent/parse/facts.ts'
import { RecordMaker } from '../../../agent/parse/records.ts'
import { syslogSeverity } from '../../../agent/parse/severity.ts'

const facts: Facts = { attributes: [['container.id', 'c1']], severity: syslogSeverity(4) }

function recordsOf(maker: RecordMaker, lines: readonly string[], given?: Facts) {
  const bytes = Buffer.from(lines.join('\n'), 'latin1')
  let at = 0
  const starts = lines.map((line) => {
    at += line.length + 1
    return at - line.length - 1
  })
  const ends = lines.map((line, index) => (starts[index] as number) + line.length)
  const made = maker.make(
    { bytes, starts: Int32Array.from(starts), ends: Int32Array.from(ends), count: lines.length },
    1000,
    given === undefined ? {} : { facts: given },
  )
  return Array.from({ length: made.count }, (_, index) =>
    JSON.parse(Buffer.from(made.bytes.subarray(made.starts[index], made.ends[index])).toString()),
  )
}

test('every record has them: parsed the quick way or not, unparsed, no text', () => {
  const nginx = '1.2.3.4 - - [21/Nov/2026:06:00:00 +0000] "GET /x HTTP/1.1" 200 5 "-" "curl"'
  for (const type of ['nginx', 'json', 'logfmt'] as const) {
    const records = recordsOf(
      new RecordMaker(compileParser({ type })),
      [nginx, '{"a":1}', 'a=1', '\xff'],
      facts,
    )
    expect(records.map(({ attrs_string }) => attrs_string['container.id'])).toEqual(['c1', 'c1', 'c1', 'c1'])
  }
  expect(recordsOf(new RecordMaker(plainParser()), ['a'], facts)).toEqual([
    {
      ts: '1970-01-01T00:00:01.000Z',
      severity_text: 'warning',
      severity_number: 13,
      body: 'a',
      attrs_string: { 'container.id': 'c1' },
    },
  ])
})

test("a line's own severity stays, and it cannot say that it comes from elsewhere", () => {
  const maker = new RecordMaker(compileParser({ type: 'json' }))
  const [record] = recordsOf(maker, ['{"level":"error","container.id":"another"}'], facts)
  expect(record).toMatchObject({ severity_number: 17, attrs_string: { 'container.id': 'c1' } })
  expect(recordsOf(maker, ['{"b":2}'])[0].attrs_string).toBeUndefined()
})
