// logdrive test: which records come of the lines of an input, and how a difference is shown. The command runs in this process.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Io, readArguments } from '../../cli/command.ts'
import { testCommand } from '../../cli/test.ts'
import { logdrive, temporaryFolder } from './process.ts'

const inputs = `version: 1
agent:
  inputs:
    shop:
      type: file
      paths: [a.log]
      parse: json
      transforms:
        - filter: '.level != "debug"'
        - remove: [password]
    java: { type: file, paths: [b.log], encoding: utf-16le, multiline: java }
    pods: { type: kubernetes, parse: json }
    net: { type: syslog }
    run: { type: exec, command: [df] }
    app: { type: stdin, transforms: [{ filter: '.body > 3' }] }
tests:
`

/** Runs the command on a YAML with these inputs and these tests, `logdrive.yaml` in a folder with the files. */
async function run(
  tests: string,
  words: readonly string[] = [],
  files: Record<string, string | Buffer> = {},
) {
  using folder = temporaryFolder()
  const file = join(folder.path, 'logdrive.yaml')
  writeFileSync(file, inputs + tests)
  mkdirSync(join(folder.path, 'samples'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text)
  let stdout = ''
  const out = (write: (text: string) => void) => ({
    ...{ isTerminal: false, isRich: false, closed: false },
    write: async (text: string | Uint8Array) => write(String(text)),
  })
  const io: Io = {
    stdin: (async function* () {})(),
    stdout: out((text) => {
      stdout += text
    }),
    stderr: out(() => {}),
    variable: () => undefined,
  }
  const command = testCommand('unchecked')
  const args = readArguments(['-c', file, ...words], command.options)
  const code = await command.run(args, io, new AbortController().signal).catch(String)
  return { code, stdout: stdout.replaceAll(`${file}:`, 'logdrive.yaml:') }
}

test('what an input makes of its lines is compared: only what is said, in any zone, whatever the type of a field', async () => {
  const tests = `  a:
    input: shop
    lines:
      - '{"time":"2026-11-21T06:00:00.50Z","level":"warn","msg":"hi","n":1,"ok":true,"text":"1","password":"x"}'
      - '{"level":"debug"}'
      - 'no json'
    expect:
      - ts: 2026-11-21T07:00:00.5+01:00
        body: hi
        severity_text: warn
        severity_number: 13
        fields: { n: 1, ok: true, text: "1", password: null }
      - { body: no json, fields: { parse_error: not_a_json_object } }
  b: { input: shop, lines: ['{"level":"debug"}'], dropped: true }
  c: { input: shop, lines: ['{"level":"debug"}', '{}'], count: 1 }
`
  expect(await run(tests)).toEqual({
    code: 0,
    stdout: 'ok      a\nok      b\nok      c\n3 tests: all passed\n',
  })
})

test('every kind of input of lines: files of lines that go together, containers, streams', async () => {
  const tests = `  java: { input: java, file: samples/java.log, expect: ["café", "java.lang.Error: no\\n\\tat a.B(C.java:1)"] }
  pods:
    input: pods
    lines:
      - '2026-11-21T06:00:00.123456789Z stdout P {"msg":"in '
      - '2026-11-21T06:00:00.123456789Z stdout F parts"}'
    expect: [{ ts: 2026-11-21T06:00:00.123456789Z, body: in parts, fields: { stream: stdout } }]
  net:
    input: net
    read_at: 2020-06-01T00:00:00Z
    lines: ["<27>Mar  1 06:00:00 web-1 sshd[12]: no"]
    expect: [{ ts: 2020-03-01T06:00:00Z, body: "no", service_name: sshd, severity_text: err }]
  run: { input: run, lines: [a, b], expect: [a, { body: b }] }
  app: { input: app, lines: [a], expect: [a] }
`
  const java = Buffer.from('\ufeffcafé\r\njava.lang.Error: no\r\n\tat a.B(C.java:1)', 'utf16le')
  const { code, stdout } = await run(tests, [], { 'samples/java.log': java })
  expect(stdout).toBe(
    'ok      java\nok      pods\nok      net\nok      run\nok      app\n5 tests: all passed\n',
  )
  expect(code).toBe(0)
})

test('what is not as expected is shown with its place, and one record too many spoils none behind it', async () => {
  const tests = `  order:
    input: shop
    read_at: 2026-11-21T06:00:00Z
    lines: ['{"msg":"more"}', '{"msg":"a","n":1}', '{"msg":"c"}']
    expect:
      - { body: a, fields: { n: "1", gone: 2 } }
      - c
      - d
  count: { input: shop, lines: ['{}'], count: 2 }
  none: { input: run, read_at: 2026-11-21T06:00:00Z, lines: ["\\e[2J"], dropped: true }
`
  expect(await run(tests)).toMatchInlineSnapshot(`
    {
      "code": 1,
      "stdout": "FAILED  order
      logdrive.yaml:22:7 tests.order.expect: a record that is not expected
        got       {"ts":"2026-11-21T06:00:00.000Z","body":"more"}
      logdrive.yaml:22:33 tests.order.expect[0].fields.n
        expected  "1"
        got       1
      logdrive.yaml:22:44 tests.order.expect[0].fields.gone
        expected  2
        got       nothing
        of        {"ts":"2026-11-21T06:00:00.000Z","body":"a","attrs_number":{"n":1}}
      logdrive.yaml:24:9 tests.order.expect[2]: no such record
        expected  {"body":"d"}
      of its lines: 3 records
    FAILED  count
      logdrive.yaml:25:47 tests.count.count: another number of records
        expected  2
        got       1
      of its lines: 1 record
    FAILED  none
      logdrive.yaml:26:81 tests.none.dropped: a record that is not expected
        got       {"ts":"2026-11-21T06:00:00.000Z","body":"\\u001b[2J"}
      of its lines: 1 record
    3 tests: 3 failed
    ",
    }
  `)
})

test('lists that are too long to be paired are compared by their numbers', async () => {
  const lines = (first: number) => JSON.stringify(Array.from({ length: 600 }, (_, n) => `line ${n + first}`))
  const { code, stdout } = await run(`  long: { input: run, lines: ${lines(0)}, expect: ${lines(1)} }\n`)
  expect(code).toBe(1)
  expect(stdout).toContain('expected  "line 1"\n    got       "line 0"')
  expect(stdout).toContain('and 580 more')
})

test('--json gives it to a program, and names choose', async () => {
  const tests = `  a: { input: run, lines: [x], expect: [y] }\n  b: { input: run, lines: [x], expect: [x] }\n`
  const one = await run(tests, ['--json', 'a'])
  expect(one.code).toBe(1)
  expect(JSON.parse(one.stdout)).toMatchObject({
    ok: false,
    passed: 0,
    failed: 1,
    tests: [
      {
        name: 'a',
        ok: false,
        line: 17,
        records: 1,
        differences: [
          { line: 17, path: 'tests.a.expect[0].body', expected: 'y', got: 'x', record: { body: 'x' } },
        ],
      },
    ],
  })
  expect((await run(tests, ['b'])).code).toBe(0)
  expect((await run(tests.replaceAll('a:', 'first:'), ['frist'])).code).toContain('did you mean "first"?')
})

test('a sample that cannot be read is a problem of the configuration, and nothing is run', async () => {
  const tests =
    '  a: { input: run, file: none.log, count: 1 }\n  b: { input: run, file: samples, count: 1 }\n'
  const { code, stdout } = await run(tests)
  expect(stdout).toBe('')
  expect(code).toMatch(/logdrive\.yaml:17:26 tests\.a\.file: the file cannot be read \(ENOENT\)\n/)
  expect(code).toMatch(/tests\.b\.file: the file cannot be read \(ENOTFILE\)/)
  const json = await run(tests, ['--json'])
  expect(json.code).toBe(78)
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, problems: [{ line: 17 }, { line: 18 }] })
})

test('a file without tests is fine', async () => {
  const { code, stdout } = await run('  {}\n')
  expect(code).toBe(0)
  expect(stdout).toContain('has no tests')
})

test('as a process: exit codes 0, 1 and 78', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'logdrive.yaml')
  const codeOf = async (tests: string) => {
    writeFileSync(file, inputs + tests)
    const { code, stdout, stderr } = await logdrive(['test'], { cwd: folder.path })
    return { code, said: stdout + stderr }
  }
  expect((await codeOf('  a: { input: run, lines: [x], expect: [x] }\n')).code).toBe(0)
  expect((await codeOf('  a: { input: run, lines: [x], expect: [y] }\n')).code).toBe(1)
  const { code, said } = await codeOf('  a: { input: rum, lines: [x], expect: [x] }\n')
  expect(code).toBe(78)
  expect(said).toContain(
    'logdrive.yaml:17:15 tests.a.input: no such input under agent.inputs; did you mean "run"?',
  )
})
