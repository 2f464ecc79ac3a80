// The tests of the YAML: what they yield, and what is wrong is said with its place and its key.
import { expect, test } from 'vitest'
import { load } from './samples.ts'

const inputs = `version: 1
agent:
  inputs:
    nginx: { type: file, paths: [a.log] }
    host: { type: host_metrics }
`

function loaded(tests: string, before = inputs) {
  return load(`${before}tests:\n${tests}\n`)
}

function problems(tests: string, before = inputs): readonly string[] {
  const found = loaded(tests, before)
  if ('config' in found) return []
  return found.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
}

test('texts are bodies, a text of several lines is a list of them, times are milliseconds', () => {
  const found = loaded(`  two lines:
    input: nginx
    lines: |
      a
        b
    read_at: 2026-11-21T07:00:00+01:00
    expect: [a, { fields: { n: 1, gone: null } }]`)
  expect('config' in found && found.config.tests).toEqual({
    'two lines': {
      input: 'nginx',
      lines: ['a\n  b'],
      read_at: Date.UTC(2026, 10, 21, 6),
      expect: [{ body: 'a', fields: {} }, { fields: { n: 1, gone: null } }],
    },
  })
})

test('without any there are none', () => {
  const found = load(inputs)
  expect('config' in found && found.config.tests).toEqual({})
})

test.each([
  [
    '  x: { input: ngnix, lines: [a], count: 1 }',
    '7:15 tests.x.input: no such input under agent.inputs; did you mean "nginx"?',
  ],
  [
    '  x: { input: host, lines: [a], count: 1 }',
    '7:15 tests.x.input: an input of type host_metrics reads no lines that could be given here',
  ],
  ['  x: { input: nginx, count: 1 }', '7:6 tests.x: expected lines or file, one of them'],
  [
    '  x: { input: nginx, lines: [a], file: b, count: 1 }',
    '7:6 tests.x: expected lines or file, one of them',
  ],
  ['  x: { input: nginx, lines: [a] }', '7:6 tests.x: expected one of expect, dropped, count'],
  [
    '  x: { input: nginx, lines: [a], dropped: true, count: 0 }',
    '7:6 tests.x: expected one of expect, dropped, count',
  ],
  [
    '  x: { input: nginx, lines: [a], dropped: false }',
    '7:43 tests.x.dropped: expected true; for records that come use expect or count',
  ],
  [
    '  x: { input: nginx, lines: [a], expect: [{ bdy: a }] }',
    '7:45 tests.x.expect[0].bdy: unknown key "bdy"; did you mean "body"?',
  ],
  [
    '  x: { input: nginx, lines: [a], expect: [12] }',
    '7:43 tests.x.expect[0]: expected a text (the body; put it in quotes), or a map with ts, body, severity_text, fields, ...',
  ],
  [
    '  x: { input: nginx, lines: [a], expect: [{ ts: today }] }',
    '7:49 tests.x.expect[0].ts: expected a time such as 2026-11-21T06:00:00Z',
  ],
])('%s', (yaml, problem) => {
  expect(problems(yaml)).toEqual([problem])
})

test('a file without inputs says so', () => {
  expect(problems('  x: { input: nginx, lines: [a], count: 1 }', 'version: 1\n')).toEqual([
    '3:15 tests.x.input: there are no inputs: the file has no agent.inputs',
  ])
})

test('a problem that is found later has its place too', () => {
  const found = loaded('  x:\n    input: nginx\n    lines: [a]\n    expect: [a]')
  if (!('config' in found)) throw new Error('the sample is wrong')
  expect(found.problemAt(['tests', 'x', 'expect', 0, 'body'], 'not so')).toEqual({
    file: 'logdrive.yaml',
    line: 10,
    column: 14,
    path: 'tests.x.expect[0].body',
    message: 'not so',
  })
})
