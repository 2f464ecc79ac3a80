// What npm publishes, installed as a user would have it: packed here, so it needs npm, tar and chDB; no network.
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outcomeOf } from '../interop/commands.ts'
import { installPackage } from './installed.ts'
import { startSystem } from './local-system.ts'
import { node, Running, temporaryFolder } from './processes.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let program: string
beforeAll(async () => {
  folder = await temporaryFolder()
  program = await installPackage(folder.path)
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

test('says its version and its commands', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  expect(await said(['--version'])).toEqual({ code: 0, text: `${version}\n` })
  const { text } = await said(['--help'])
  for (const command of ['up', 'agent', 'produce', 'tail', 'validate'])
    expect(text).toContain(`\n  ${command} `)
})

test('writes a configuration that it finds right', async () => {
  const file = join(folder.path, 'starter.yaml')
  expect((await said(['init', file])).code).toBe(0)
  expect(await said(['validate', '--offline', '-c', file])).toEqual({ code: 0, text: `${file}: ok\n` })
})

test('a line of a file becomes a row, what is produced can be tailed, and the demo is there', async () => {
  await using system = await startSystem({
    topics: ['app'],
    command: ['up', '--demo'],
    program: [node, program],
  })
  const log = join(system.folder, 'app.log')
  const inputs = { app: { type: 'file', paths: [log], topic: 'app' } }
  const agentYaml = join(system.folder, 'agent.yaml')
  const agent = { collector: system.url, state: join(system.folder, 'state'), inputs }
  await writeFile(agentYaml, JSON.stringify({ version: 1, agent }))
  await system.ready()
  await using shipping = new Running(['agent', '-c', agentYaml], {}, [], [node, program])
  await appendFile(log, 'one line\n')
  await system.untilAnswer('SELECT body FROM logdrive.app', 'one line', 60)
  expect(await shipping.stop()).toBe(0)

  const at = ['--url', system.url]
  expect((await said(['produce', 'app', '--text', ...at], 'another\n')).text).toContain('1 record')
  const tailed = await said(['tail', 'app', '--from', 'beginning', '--max', '2', ...at])
  expect(tailed.text).toContain('"another"')
  expect((await said(['topics', ...at])).text).toMatch(/^app +\d/m)
  expect((await said(['status', ...at])).text).toContain('warehouse')
  for (const path of ['/demo/', '/t.js']) expect((await fetch(`${system.url}${path}`)).status).toBe(200)
  expect(await system.running.stop()).toBe(0)
})

test('names the licence of every package that is inside', async () => {
  const licenses = await readFile(join(dirname(program), '../dist/licenses.txt'), 'utf8')
  for (const name of ['pino', 'undici', 'yaml', 'zod'])
    expect(licenses).toMatch(new RegExp(`^${name} \\d`, 'm'))
})

async function said(words: readonly string[], input = '') {
  const { code, stdout, stderr } = await outcomeOf(node, [program, ...words], { input })
  return { code, text: `${stdout}${stderr}` }
}
