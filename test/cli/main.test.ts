// The dispatcher as a process: help, version, wrong usage, exit codes.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../../cli/commands.ts'
import { logdrive, temporaryFolder } from './process.ts'

test('--version prints the version of the package', async () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
  expect(await logdrive(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
})

test('--help lists every command, on stdout', async () => {
  const { code, stdout, stderr } = await logdrive(['--help'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const { name, summary } of commands) expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'))
})

test('without a command the help goes to stderr, with exit code 2', async () => {
  const { code, stdout, stderr } = await logdrive([])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('Usage: logdrive COMMAND')
})

test('an unknown command exits 2 and names the one that was meant', async () => {
  expect(await logdrive(['validat'])).toMatchInlineSnapshot(`
    {
      "code": 2,
      "stderr": "logdrive: unknown command "validat"; did you mean "validate"?
      logdrive --help lists the commands
    ",
      "stdout": "",
    }
  `)
  expect((await logdrive(['\u001b[31mred'])).stderr).not.toContain('\u001b')
})

test('an unknown option exits 2 and names the one that was meant', async () => {
  expect(await logdrive(['tail', 'logs', '--folow'])).toMatchInlineSnapshot(`
    {
      "code": 2,
      "stderr": "logdrive: tail: unknown option --folow; did you mean "follow"?
      logdrive tail --help shows how
    ",
      "stdout": "",
    }
  `)
})

test('an option without its value exits 2', async () => {
  const { code, stderr } = await logdrive(['status', '--url'])
  expect(code).toBe(2)
  expect(stderr).toContain('--url')
})

describe.each(commands.map((entry) => [entry.name, entry] as const))('%s', (name, entry) => {
  test('is listed as it names itself, and its help shows usage and an example', async () => {
    const command = await entry.load()
    expect({ name: command.name, summary: command.summary }).toEqual({ name, summary: entry.summary })
    expect(command.examples.length).toBeGreaterThan(0)
    for (const example of command.examples) expect(example).toContain(`logdrive ${name}`)
    for (const option of Object.values(command.options)) expect(option.about).not.toBe('')
  })
})

test('the help of a command is the same by --help, -h and help, and exits 0', async () => {
  const [long, short, word] = await Promise.all([
    logdrive(['tail', '--help']),
    logdrive(['tail', 'logs', '-h']),
    logdrive(['help', 'tail']),
  ])
  expect(long.code).toBe(0)
  expect(long.stdout).toContain('Usage: logdrive tail TOPIC...')
  expect(short).toEqual(long)
  expect(word).toEqual(long)
})

// With this the process names every module it loads on stderr.
const env = { NODE_DEBUG: 'esm' }
const root = join(import.meta.dirname, '../..')
const loadedBy = (stderr: string) =>
  [...stderr.matchAll(/^ESM \d+: Translating \w+ (?:file:\/\/)?(\S+)/gm)].map(([, url]) => url).join('\n')

test('a command that talks to nobody loads neither collector nor sinks nor an HTTP client', async () => {
  const { stderr } = await logdrive(['--version'], { env })
  const loaded = loadedBy(stderr)
  expect(loaded).toContain(`${root}/cli/main.ts`)
  expect(loaded).not.toMatch(/\/(collector|sinks|chdb|undici)\//)
})

test('an agent loads nothing of the collector, the sinks or ClickHouse, though its file has sinks', async () => {
  using folder = temporaryFolder()
  const text = `version: 1
agent: { state: ./state, collector: "http://127.0.0.1:1", inputs: { a: { type: file, paths: ["./*.log"] } } }
sinks: { warehouse: { type: clickhouse, topics: [logs] } }
`
  writeFileSync(join(folder.path, 'agent.yaml'), text)
  const { code, stderr } = await logdrive(['agent', '-c', 'agent.yaml'], {
    cwd: folder.path,
    env,
    interruptWhen: (stdout, stderr) => `${stdout}${stderr}`.includes('"msg"'),
  })
  expect(code).toBe(0)
  const loaded = loadedBy(stderr)
  expect(loaded).toContain(`${root}/agent/agent.ts`)
  expect(loaded).not.toMatch(new RegExp(`${root}/(collector|sinks)/|/(chdb|@clickhouse)/`))
})

test('a collector loads what its file asks for: no agent, no client of ClickHouse, no TLS', async () => {
  using folder = temporaryFolder()
  const text = `version: 1
data: ./data
collector: { http: { listen: "127.0.0.1:0" }, kafka: { listen: "127.0.0.1:0" }, flush: os }
`
  writeFileSync(join(folder.path, 'collector.yaml'), text)
  const { code, stderr } = await logdrive(['collector', '-c', 'collector.yaml'], {
    cwd: folder.path,
    env,
    interruptWhen: (_stdout, stderr) => stderr.includes('collector is up'),
  })
  expect(code).toBe(0)
  const loaded = loadedBy(stderr)
  expect(loaded).toContain(`${root}/collector/collector.ts`)
  expect(loaded).toContain('node:net\n')
  expect(loaded).not.toMatch(new RegExp(`${root}/agent/|/(chdb|@clickhouse|undici)/|node:(tls|https?)$`, 'm'))
})
