// Regular expressions and CSV: real-world lines and what becomes of them; hostile ones are kept whole.
import { describe, expect, test } from 'vitest'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { fieldsOf, reasons } from './parsing.ts'

describe('regex', () => {
  test('named groups, time with a zone, own severities', () => {
    const options: ParseOptions = {
      type: 'regex',
      pattern: '^(?<when>[\\d-]+ [\\d:,]+) (?<level>\\w+) +\\[(?<thread>[^\\]]*)\\] (?<message>.*)$',
      keepRaw: false,
      time: { field: 'when', format: '%Y-%m-%d %H:%M:%S,%L', zone: 'Europe/Berlin' },
      severity: { map: { SCHWER: 'fatal' } },
    }
    expect(fieldsOf(options, '2026-07-01 12:00:00,250 SCHWER [main] alles aus')).toMatchInlineSnapshot(`
      {
        "attrs_string": {
          "thread": "main",
        },
        "body": "alles aus",
        "severity_number": 21,
        "severity_text": "SCHWER",
        "ts": "2026-07-01T10:00:00.250Z",
      }
    `)
    expect(reasons(options, ['nothing', '2026-13-01 12:00:00,250 INFO [main] x'])).toEqual([
      'no_match',
      'bad_time',
    ])
  })
  test('__proto__ and numbers are data', () => {
    expect(
      fieldsOf({ type: 'regex', pattern: '^(?<__proto__>\\d+) (?<n>\\S+)$' }, '7 0042').attrs_string,
    ).toEqual({ n: '0042' })
  })
  test('one that goes back too often is run in linear time', () => {
    const evil = `${'a'.repeat(50_000)}!`
    expect(reasons({ type: 'regex', pattern: '^(?<x>(a+)+)$' }, [evil])).toEqual(['no_match'])
  })
})

test('csv', () => {
  const csv: ParseOptions = { type: 'csv', columns: ['time', 'user', 'note', 'amount'], delimiter: ';' }
  expect(fieldsOf(csv, '2026-11-21 06:00:00;ada;"a ""b""; c";-1.50')).toMatchInlineSnapshot(`
    {
      "attrs_number": {
        "amount": -1.5,
      },
      "attrs_string": {
        "note": "a "b"; c",
        "user": "ada",
      },
      "body": "",
      "ts": "2026-11-21T06:00:00.000Z",
    }
  `)
  expect(fieldsOf(csv, ';;;')).toMatchInlineSnapshot(`
    {
      "body": "",
      "ts": "2026-11-21T07:00:00.000Z",
    }
  `)
  expect(reasons(csv, ['', 'a;b;c', 'a;b;c;d;e', 'a;b;"c;d', 'a;"b"x;c;d'])).toMatchInlineSnapshot(`
    [
      "other_columns",
      "other_columns",
      "other_columns",
      "unclosed_quote",
      "bad_quote",
    ]
  `)
})
