// What container runtimes and Kubernetes write: real-world lines and what becomes of them; hostile ones are kept whole.
import { expect, test } from 'vitest'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { fieldsOf, reasons } from './parsing.ts'

test('cri, with JSON inside and without', () => {
  const line =
    '2026-11-21T06:00:00.123456789+01:00 stderr F {"level":"error","time":1,"message":"no","stream":"x"}'
  expect(fieldsOf({ type: 'cri' }, line)).toMatchInlineSnapshot(`
    {
      "attrs_string": {
        "stream": "stderr",
      },
      "body": "{"level":"error","time":1,"message":"no","stream":"x"}",
      "ts": "2026-11-21T05:00:00.123456789Z",
    }
  `)
  expect(fieldsOf({ type: 'cri', inside: { type: 'json' } }, line)).toMatchInlineSnapshot(`
    {
      "attrs_number": {
        "time": 1,
      },
      "attrs_string": {
        "stream": "x",
      },
      "body": "no",
      "severity_number": 17,
      "severity_text": "error",
      "ts": "2026-11-21T05:00:00.123456789Z",
    }
  `)
  expect(fieldsOf({ type: 'cri', inside: { type: 'json', keepRaw: false } }, line).body).toBe('no')
  expect(
    fieldsOf({ type: 'cri', inside: { type: 'json' } }, '2026-11-21T06:00:00Z stdout P half of a {'),
  ).toMatchInlineSnapshot(`
    {
      "attrs_bool": {
        "partial": true,
      },
      "attrs_string": {
        "parse_error": "not_a_json_object",
        "stream": "stdout",
      },
      "body": "half of a {",
      "ts": "2026-11-21T06:00:00.000Z",
    }
  `)
  expect(
    reasons({ type: 'cri' }, [
      '',
      'a b c d',
      '2026-11-21T06:00:00Z stdin F x',
      '2026-11-21T06:00:00Z stdout',
    ]),
  ).toMatchInlineSnapshot(`
    [
      "not_cri",
      "not_cri",
      "not_cri",
      "not_cri",
    ]
  `)
})

test('docker', () => {
  const docker: ParseOptions = { type: 'docker' }
  const time = '"time":"2026-11-21T06:00:00.123456789Z"'
  expect(fieldsOf(docker, `{"log":"say \\"hi\\"\\n","stream":"stdout",${time}}`)).toMatchInlineSnapshot(`
    {
      "attrs_string": {
        "stream": "stdout",
      },
      "body": "say "hi"",
      "ts": "2026-11-21T06:00:00.123456789Z",
    }
  `)
  expect(
    fieldsOf(docker, `{"log":"\\u003cb\\u003e\\n","stream":"stdout","attrs":{"tag":"web"},${time}}`),
  ).toMatchInlineSnapshot(`
    {
      "attrs_string": {
        "attrs.tag": "web",
        "stream": "stdout",
      },
      "body": "<b>",
      "ts": "2026-11-21T06:00:00.123456789Z",
    }
  `)
  expect(fieldsOf(docker, `{"log":"cut here \\\\n","stream":"stdout",${time}}`).attrs_bool).toEqual({
    partial: true,
  })
  expect(reasons(docker, ['{}', '{"log":1}', 'x', `{"log":"a","time":"yesterday"}`])).toMatchInlineSnapshot(`
    [
      "not_docker",
      "not_docker",
      "not_a_json_object",
      "bad_time",
    ]
  `)
})

test('klog', () => {
  const klog: ParseOptions = { type: 'klog' }
  expect(
    fieldsOf(klog, 'E1121 06:00:00.123456    1234 reflector.go:147] pkg/x: failed: [a] b'),
  ).toMatchInlineSnapshot(`
    {
      "attrs_number": {
        "line": 147,
      },
      "attrs_string": {
        "file": "reflector.go",
        "thread": "1234",
      },
      "body": "pkg/x: failed: [a] b",
      "severity_number": 17,
      "severity_text": "ERROR",
      "ts": "2026-11-21T06:00:00.123456000Z",
    }
  `)
  expect(
    reasons(klog, [
      '',
      'I1121',
      'X1121 06:00:00.123456 1 a.go:1] x',
      'I1321 06:00:00.123456 1 a.go:1] x',
      'I1121 06:00:00.123456 1 a.go] x',
    ]),
  ).toMatchInlineSnapshot(`
    [
      "not_klog",
      "not_klog",
      "not_klog",
      "bad_time",
      "not_klog",
    ]
  `)
})
