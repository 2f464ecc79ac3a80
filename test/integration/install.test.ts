// What an operator installs: the single executable, built here, beside a real collector. Linux; needs no network.
import { appendFile, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type BuiltAgent, buildAgent } from '../../packaging/build-agent.ts'
import { outcomeOf } from '../interop/commands.ts'
import { answers, cli, freePorts, node, Running, temporaryFolder, until } from './processes.ts'

let built: BuiltAgent

beforeAll(async () => {
  built = await buildAgent()
})

describe('the single executable', () => {
  test('says its version and its commands, and nothing of a collector', async () => {
    const manifest = JSON.parse(await readFile('package.json', 'utf8'))
    expect(await said(['--version'])).toEqual({ code: 0, text: `${manifest.version}\n` })
    const { text } = await said(['--help'])
    expect([...text.matchAll(/^ {2}(\w+) /gm)].map((match) => match[1])).toEqual(
      expect.arrayContaining(['agent', 'validate', 'init']),
    )
    expect(text).not.toMatch(/sinks|ClickHouse|topics/)
  })

  test('is a bundle for a Node that is there, too', async () => {
    const version = await outcomeOf(node, [built.bundle, '--version'])
    expect(version.stdout.toString()).toBe((await said(['--version'])).text)
  })

  test('takes no orders for its Node from the environment', async () => {
    const { code } = await said(['--version'], { NODE_OPTIONS: '--require /nowhere.cjs' })
    expect(code).toBe(0)
  })

  test('writes a configuration that it finds right, and says what is wrong with another', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'agent.yaml')
    expect((await said(['init', file])).text).toContain(`logdrive-agent validate -c ${file}`)
    expect((await said(['validate', '--offline', '-c', file])).code).toBe(0)
    await writeFile(file, 'version: 1\nagent:\n  inputs:\n    app: { type: file, path: [x], topic: app }\n')
    for (const words of [
      ['validate', '-c', file],
      ['agent', '-c', file],
    ]) {
      const { code, text } = await said(words)
      expect({ words, code, place: text.includes(`${file}:4:24 agent.inputs.app`) }).toEqual({
        words,
        code: 78,
        place: true,
      })
    }
  })

  test('ships a file to a collector, with the native checksum that lies beside it', async () => {
    await using folder = await temporaryFolder()
    const executable = await installed(folder.path)
    const [port = 0] = await freePorts(1)
    const url = `http://127.0.0.1:${port}`
    const log = join(folder.path, 'app.log')
    await writeFile(log, 'one\ntwo\n')
    const collector = `version: 1\ndata: ${folder.path}/data\ncollector: { http: { listen: "127.0.0.1:${port}" }, kafka: off }\n`
    await writeFile(join(folder.path, 'collector.yaml'), collector)
    const input = `{ type: file, paths: ["${log}"], topic: app }`
    const agent = `{ collector: "${url}", state: "${folder.path}/state", inputs: { app: ${input} } }`
    await writeFile(join(folder.path, 'agent.yaml'), `version: 1\nagent: ${agent}\n`)
    await using _collector = new Running(['collector', '-c', join(folder.path, 'collector.yaml')])
    await until('the collector answers', 60, () => answers(`${url}/healthz`))
    await using running = new Running(['-c', join(folder.path, 'agent.yaml')], {}, [], [executable])
    await appendFile(log, 'three\n')
    expect(await bodies(url, 'app', 3)).toEqual(['one', 'two', 'three'])
    const mapped = await readFile(`/proc/${running.pid}/maps`, 'utf8')
    expect(mapped.includes(join(folder.path, 'lib/logdrive-agent/crc32.node'))).toBe(built.checksum !== null)
    expect(await running.stop()).toBe(0)
  })
})

/** The executable and its checksum as a package lays them out. */
async function installed(folder: string): Promise<string> {
  await mkdir(join(folder, 'bin'))
  await mkdir(join(folder, 'lib/logdrive-agent'), { recursive: true })
  const executable = join(folder, 'bin/logdrive-agent')
  await copyFile(built.executable, executable)
  if (built.checksum !== null) await copyFile(built.checksum, join(folder, 'lib/logdrive-agent/crc32.node'))
  return executable
}

async function said(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await outcomeOf(built.executable, words, { env })
  return { code, text: `${stdout}${stderr}` }
}

/** The bodies of the first records of a topic, in the order they were kept. */
async function bodies(url: string, topic: string, count: number): Promise<readonly string[]> {
  const words = [cli, 'tail', topic, '--url', url, '--from', 'beginning', '--max', `${count}`, '--follow']
  const { stdout } = await outcomeOf(node, words, { timeoutMs: 60_000 })
  const lines = stdout.toString().trim().split('\n')
  return lines.map((line) => JSON.parse(line).value)
}
