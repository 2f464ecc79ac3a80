// JSON and logfmt: real-world lines and what becomes of them; hostile ones are kept whole.
import { describe, expect, test } from 'vitest'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { fieldsOf, reasons } from './parsing.ts'

describe('json', () => {
  const json: ParseOptions = { type: 'json' }

  test('pino', () => {
    const line =
      '{"level":30,"time":1732166400123,"pid":7,"hostname":"web-1","req":{"id":1,"method":"GET","headers":{"host":"a"}},"msg":"request completed"}'
    expect(fieldsOf(json, line)).toMatchInlineSnapshot(`
      {
        "attrs_number": {
          "pid": 7,
          "req.id": 1,
        },
        "attrs_string": {
          "hostname": "web-1",
          "req.headers.host": "a",
          "req.method": "GET",
        },
        "body": "request completed",
        "severity_number": 9,
        "severity_text": "INFO",
        "ts": "2024-11-21T05:20:00.123Z",
      }
    `)
  })
  test('zap, logstash, and numbers that no double holds', () => {
    const line =
      '{"@timestamp":"2026-11-21T06:00:00.5+01:00","level":"WARN","message":"slow","id":12345678901234567890,"ratio":1e-7,"tags":["a","b"],"ok":true,"none":null,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","service.name":"shop"}'
    expect(fieldsOf(json, line)).toMatchInlineSnapshot(`
      {
        "attrs_bool": {
          "ok": true,
        },
        "attrs_number": {
          "ratio": 1e-7,
        },
        "attrs_string": {
          "id": "12345678901234567890",
          "tags": "["a","b"]",
        },
        "body": "slow",
        "service_name": "shop",
        "severity_number": 13,
        "severity_text": "WARN",
        "span_id": "00f067aa0ba902b7",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "ts": "2026-11-21T05:00:00.500Z",
      }
    `)
  })
  test('escapes, emoji, half surrogates, __proto__ as data, a name twice', () => {
    const line =
      '{"a":"tab\\t\\u00e9 \\ud83e\\udd8a","b":"\\ud800","__proto__":{"admin":true},"constructor":1,"x":1,"x":2,"ключ":"значение"}'
    expect(fieldsOf(json, line)).toMatchInlineSnapshot(`
      {
        "attrs_bool": {
          "__proto__.admin": true,
        },
        "attrs_number": {
          "constructor": 1,
          "x": 2,
        },
        "attrs_string": {
          "a": "tab	é 🦊",
          "b": "�",
          "ключ": "значение",
        },
        "body": "",
        "ts": "2026-11-21T07:00:00.000Z",
      }
    `)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
  test('the message alone', () => {
    expect(fieldsOf({ type: 'json', keepRaw: false }, '{"msg":"a \\"b\\"","n":1}')).toMatchInlineSnapshot(`
      {
        "attrs_number": {
          "n": 1,
        },
        "body": "a "b"",
        "ts": "2026-11-21T07:00:00.000Z",
      }
    `)
  })
  test('what is deep stays JSON text', () => {
    const deep = `${'{"a":'.repeat(10)}1${'}'.repeat(10)}`
    expect(fieldsOf(json, deep).attrs_string).toEqual({ 'a.a.a.a.a.a.a.a': '{"a":{"a":1}}' })
  })
  test('what is none', () => {
    expect(
      reasons(json, [
        '',
        'x',
        '[1]',
        '"s"',
        '{',
        '{"a"}',
        '{"a":1,}',
        '{"a":01}',
        '{"a":1} x',
        '{"a":"\\x"}',
      ]),
    ).toMatchInlineSnapshot(`
      [
        "not_a_json_object",
        "not_a_json_object",
        "not_a_json_object",
        "not_a_json_object",
        "not_json",
        "not_json",
        "not_json",
        "not_json",
        "not_json",
        "not_json",
      ]
    `)
    expect(reasons(json, [`{"a":${'['.repeat(100)}${']'.repeat(100)}}`])).toEqual(['not_json'])
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, n]))
    expect(reasons(json, [JSON.stringify(many)])).toEqual(['too_many_fields'])
    expect(reasons(json, [JSON.stringify({ a: 'x'.repeat(70_000) })])).toEqual(['line_too_long'])
  })
  test('a short line cannot become a long record', () => {
    const wide = JSON.stringify({
      [`k${'x'.repeat(180)}`]: Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`${n}`, n])),
    })
    expect(reasons(json, [wide])).toEqual(['too_large'])
  })
})

describe('logfmt', () => {
  const logfmt: ParseOptions = { type: 'logfmt' }

  test('Go, Heroku', () => {
    expect(
      fieldsOf(
        logfmt,
        'ts=2026-11-21T06:00:00.123456789Z caller=main.go:12 level=info msg="listening \\"now\\"\\n" addr=:8080 took=12.5 retry ok=false empty= q=""',
      ),
    ).toMatchInlineSnapshot(`
      {
        "attrs_bool": {
          "ok": false,
          "retry": true,
        },
        "attrs_number": {
          "took": 12.5,
        },
        "attrs_string": {
          "addr": ":8080",
          "caller": "main.go:12",
          "empty": "",
          "q": "",
        },
        "body": "listening "now"
      ",
        "severity_number": 9,
        "severity_text": "info",
        "ts": "2026-11-21T06:00:00.123456789Z",
      }
    `)
    expect(
      fieldsOf(logfmt, 'at=info method=GET path="/a b" host=x.example status=200 bytes=0123 dyno=web.1'),
    ).toMatchInlineSnapshot(`
      {
        "attrs_number": {
          "status": 200,
        },
        "attrs_string": {
          "at": "info",
          "bytes": "0123",
          "dyno": "web.1",
          "host": "x.example",
          "method": "GET",
          "path": "/a b",
        },
        "body": "",
        "ts": "2026-11-21T07:00:00.000Z",
      }
    `)
  })
  test('what is none', () => {
    expect(reasons(logfmt, ['', 'just words', 'a="open', '=1', 'a="x"y', '"q"=1'])).toMatchInlineSnapshot(`
      [
        "not_logfmt",
        "not_logfmt",
        "unclosed_quote",
        "not_logfmt",
        "not_logfmt",
        "not_logfmt",
      ]
    `)
  })
})
