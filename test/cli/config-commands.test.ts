// init, validate, schema and snippet as processes.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { logdrive, peer, temporaryFolder } from './process.ts'

test('init writes a configuration and the schema its first line names; validate takes both', async () => {
  using folder = temporaryFolder()
  const written = await logdrive(['init'], { cwd: folder.path })
  expect(written).toMatchObject({ code: 0, stderr: '' })
  expect(written.stdout).toContain('wrote logdrive.yaml and logdrive.schema.json')
  const text = readFileSync(join(folder.path, 'logdrive.yaml'), 'utf8')
  expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/logdrive\.schema\.json\n/)
  const schema = JSON.parse(readFileSync(join(folder.path, 'logdrive.schema.json'), 'utf8'))
  expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#')
  expect(await logdrive(['validate', '-c', 'logdrive.yaml'], { cwd: folder.path })).toEqual({
    code: 0,
    stdout: 'logdrive.yaml: ok\n',
    stderr: '',
  })
})

test('init --agent writes one for an agent alone, which names its own file', async () => {
  using folder = temporaryFolder()
  await logdrive(['init', '--agent', 'edge.yaml'], { cwd: folder.path })
  expect(readFileSync(join(folder.path, 'edge.yaml'), 'utf8')).toContain('logdrive agent -c edge.yaml')
  const { code, stdout } = await logdrive(['validate', '--offline', 'edge.yaml'], { cwd: folder.path })
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'edge.yaml: ok\n' })
})

test('init --agent without a name writes agent.yaml, which `logdrive agent` looks for', async () => {
  using folder = temporaryFolder()
  const { stdout } = await logdrive(['init', '--agent'], { cwd: folder.path })
  expect(stdout).toContain('wrote agent.yaml')
})

test('init leaves a file alone that is there, unless it is forced', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'logdrive.yaml')
  writeFileSync(file, 'mine')
  const refused = await logdrive(['init'], { cwd: folder.path })
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('logdrive.yaml is there already')
  expect(readFileSync(file, 'utf8')).toBe('mine')
  expect((await logdrive(['init', '--force'], { cwd: folder.path })).code).toBe(0)
  expect(readFileSync(file, 'utf8')).toContain('version: 1')
})

test('init - prints and writes nothing', async () => {
  using folder = temporaryFolder()
  const { code, stdout } = await logdrive(['init', '-'], { cwd: folder.path })
  expect(code).toBe(0)
  expect(stdout).toContain('version: 1')
  expect(() => readFileSync(join(folder.path, 'logdrive.yaml'))).toThrow('ENOENT')
})

test('validate lists every problem with its place and exits 78', async () => {
  using folder = temporaryFolder()
  const text = 'version: 1\ncolector: {}\ntopics:\n  a: { partitions: none }\n'
  writeFileSync(join(folder.path, 'bad.yaml'), text)
  expect(await logdrive(['validate', '-c', 'bad.yaml'], { cwd: folder.path })).toMatchInlineSnapshot(`
    {
      "code": 78,
      "stderr": "2 problems
    ",
      "stdout": "bad.yaml:2:1 colector: unknown key "colector"; did you mean "collector"?
    bad.yaml:4:20 topics.a.partitions: expected a whole number
    ",
    }
  `)
  const json = await logdrive(['validate', '-c', 'bad.yaml', '--json'], { cwd: folder.path })
  expect(json.code).toBe(78)
  expect(JSON.parse(json.stdout)).toMatchObject({
    ok: false,
    problems: [
      { file: 'bad.yaml', line: 2, column: 1, path: 'colector' },
      { file: 'bad.yaml', line: 4, column: 20, path: 'topics.a.partitions' },
    ],
  })
})

test('validate exits 78 for a file that is not there, is a folder, or is too big', async () => {
  using folder = temporaryFolder()
  const missing = await logdrive(['validate'], { cwd: folder.path })
  expect(missing.code).toBe(78)
  expect(missing.stderr).toContain('logdrive.yaml cannot be read (ENOENT)')
  const opened = await logdrive(['validate', '-c', folder.path])
  expect(opened.code).toBe(78)
  expect(opened.stderr).toContain('it is a folder')
  writeFileSync(join(folder.path, 'big.yaml'), '#'.repeat(2 * 1024 * 1024))
  const big = await logdrive(['validate', '-c', 'big.yaml'], { cwd: folder.path })
  expect(big).toMatchObject({ code: 78, stdout: 'big.yaml:1:1 the file is over 1 MiB\n' })
})

test('validate names the first line that is not UTF-8, for what was read would not be what stands there', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'latin.yaml'), Buffer.from('version: 1\ndata: ./d\xfcsseldorf\n', 'latin1'))
  const at = async (file: string) => await logdrive(['validate', '--offline', file], { cwd: folder.path })
  const message = 'this line is not UTF-8: save the file as UTF-8'
  expect(await at('latin.yaml')).toMatchObject({ code: 78, stdout: `latin.yaml:2:1 ${message}\n` })
  writeFileSync(join(folder.path, 'marked.yaml'), '\ufeffversion: 1\n')
  expect(await at('marked.yaml')).toMatchObject({ code: 0 })
})

test('validate refuses a secret that is not UTF-8, for another one would be sent', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'secret'), Buffer.from('D\xfcsseldorf', 'latin1'))
  const yaml = `version: 1\nagent: { key: "\${file:./secret}", inputs: {} }\n`
  writeFileSync(join(folder.path, 'logdrive.yaml'), yaml)
  const { code, stdout } = await logdrive(['validate', '--offline'], { cwd: folder.path })
  expect(code).toBe(78)
  expect(stdout).toBe('logdrive.yaml:2:15 agent.key: the file "./secret" cannot be read (not UTF-8)\n')
})

test('a collector refuses inputs that their agent would refuse, though it tails nothing', async () => {
  using folder = temporaryFolder()
  const parse = '{ type: regex, pattern: "(a+)+$" }'
  const yaml = `version: 1\nagent:\n  inputs:\n    a: { type: file, paths: ["/a.log"], parse: ${parse} }\n`
  writeFileSync(join(folder.path, 'logdrive.yaml'), yaml)
  const { code, stderr } = await logdrive(['collector', '-c', 'logdrive.yaml'], { cwd: folder.path })
  expect(code).toBe(78)
  expect(stderr).toContain('logdrive.yaml:4:72 agent.inputs.a.parse.pattern: ')
})

test('validate names the field of a sink path that is unknown', async () => {
  using folder = temporaryFolder()
  const yaml = 'version: 1\nsinks:\n  a: { type: file, topics: [logs], path: "./{nope}/" }\n'
  writeFileSync(join(folder.path, 'logdrive.yaml'), yaml)
  const { code, stdout } = await logdrive(['validate', '--offline'], { cwd: folder.path })
  expect(code).toBe(78)
  expect(stdout).toContain('logdrive.yaml:3:42 sinks.a.path: unknown field')
})

test('validate fills in the environment and files, and never prints them', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'secret'), 'canary-file\n')
  const text = `version: 1
collector:
  keys:
    a: { key: "\${env:A_KEY}", allow: [nothing] }
    b: { key: "\${file:secret}", allow: [ship], origins: ["\${env:A_KEY}"] }
`
  writeFileSync(join(folder.path, 'l.yaml'), text)
  const { code, stdout, stderr } = await logdrive(['validate', '-c', 'l.yaml'], {
    cwd: folder.path,
    env: { A_KEY: 'canary-env' },
  })
  expect(code).toBe(78)
  expect(stdout + stderr).not.toContain('canary')
  expect(stdout.split('\n').length).toBe(3)
})

test('validate asks the servers that are named, unless it is offline', async () => {
  await using collector = await peer((_, response) => response.end('ok'))
  using folder = temporaryFolder()
  const file = (url: string) =>
    writeFileSync(join(folder.path, 'l.yaml'), `version: 1\nagent: { collector: "${url}", inputs: {} }\n`)
  file(collector.url)
  const reached = await logdrive(['validate', '-c', 'l.yaml'], { cwd: folder.path })
  expect(reached).toMatchObject({ code: 0, stdout: 'l.yaml: ok\n' })
  expect(collector.seen.map((seen) => seen.url)).toEqual(['/healthz'])
  file('http://127.0.0.1:1')
  const silent = await logdrive(['validate', '-c', 'l.yaml'], { cwd: folder.path })
  expect(silent.code).toBe(0)
  expect(silent.stdout).toContain('agent.collector: http://127.0.0.1:1 does not answer now (warning)')
  const offline = await logdrive(['validate', '-c', 'l.yaml', '--offline'], { cwd: folder.path })
  expect(offline.stdout).toBe('l.yaml: ok\n')
})

test('schema prints a JSON Schema of draft-07', async () => {
  const { code, stdout } = await logdrive(['schema'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    $schema: 'http://json-schema.org/draft-07/schema#',
    properties: { version: { const: 1 } },
    additionalProperties: false,
  })
})

test('snippet prints a tag that cannot be broken out of, and no key of the environment', async () => {
  const plain = await logdrive(['snippet', '--url', 'https://logs.example/'], {
    env: { LOGDRIVE_KEY: 'admin-key' },
  })
  expect(plain).toEqual({
    code: 0,
    stdout: '<script defer src="https://logs.example/t.js"></script>\n',
    stderr: '',
  })
  const hostile = await logdrive(['snippet', '--key', '"><script>', '--site', 'shop'])
  expect(hostile.stdout).toContain('data-key="&quot;&gt;&lt;script&gt;" data-site="shop"')
  expect((await logdrive(['snippet', '--url', 'javascript:alert(1)'])).code).toBe(2)
})
