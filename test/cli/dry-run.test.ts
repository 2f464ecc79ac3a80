// logdrive agent --dry-run: the records of sample lines, and what did not parse; nothing is sent or kept.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { logdrive, temporaryFolder } from './process.ts'

const yaml = `version: 1
agent:
  collector: http://127.0.0.1:1
  state: ./state
  inputs:
    app: { type: file, paths: [a.log], topic: shop, parse: { type: json, keep_raw: false } }
    plain: { type: file, paths: [b.log] }
    java: { type: file, paths: [c.log], encoding: utf-16, multiline: java }
`

test('prints what an input would send of a file', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'agent.yaml'), yaml)
  writeFileSync(
    join(folder.path, 's.log'),
    '{"time":"2026-11-21T06:00:00Z","level":30,"msg":"hi","n":1}\nno json',
  )
  const run = (...args: string[]) =>
    logdrive(['agent', '--dry-run', '--from-file', 's.log', ...args], { cwd: folder.path })
  const parsed = await run('--input', 'app')
  expect(parsed.code).toBe(0)
  const [first, second] = parsed.stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  expect(first).toEqual({
    ts: '2026-11-21T06:00:00.000Z',
    severity_text: 'INFO',
    severity_number: 9,
    body: 'hi',
    attrs_number: { n: 1 },
  })
  expect(second).toMatchObject({ body: 'no json', attrs_string: { parse_error: 'not_a_json_object' } })
  expect(parsed.stderr).toBe('2 records for the topic shop, not_a_json_object: 1\n')
  const raw = await run('--input', 'plain')
  expect(raw.stdout.split('\n')[1]).toBe('no json')
  const absent = await logdrive(['agent', '--dry-run', '--from-file', 'no.log', '--input', 'app'], {
    cwd: folder.path,
  })
  expect(absent).toMatchObject({ code: 78, stderr: 'logdrive: no.log cannot be read (ENOENT)\n' })
  const unnamed = await run()
  expect(unnamed.code).toBe(2)
  expect(unnamed.stderr).toContain('--input is one of app, plain, java')
  expect(existsSync(join(folder.path, 'state'))).toBe(false)
})

test('prints lines that go together as one record, decoded', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'agent.yaml'), yaml)
  const text = '\ufeffcafé\r\njava.lang.Error: no\r\n\tat a.B(C.java:1)\r\nlast'
  writeFileSync(join(folder.path, 's.log'), Buffer.from(text, 'utf16le'))
  const args = ['agent', '--dry-run', '--from-file', 's.log', '--input', 'java']
  const { stdout, stderr } = await logdrive(args, { cwd: folder.path })
  expect(stdout).toBe('café\njava.lang.Error: no\n  | \tat a.B(C.java:1)\nlast\n')
  expect(stderr).toBe('3 records for the topic logs\n')
})
