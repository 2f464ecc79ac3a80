// The agent on real files and real sockets: what a simulated world cannot show.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Agent, startAgent } from '../../agent/agent.ts'
import type { FileInput } from '../../agent/options.ts'
import type { HttpServer } from '../../core/runtime.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { roomyLimits } from '../conformance/http.ts'
import { Receiver } from './receiver.ts'
import { logsInput } from './simulated.ts'

const runtime = nodeRuntime({ level: 'silent' })
let folder: string
let logs: string
let receiver: Receiver
let server: HttpServer
let agent: Agent | null

beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-agent-'))
  logs = path.join(folder, 'logs')
  fs.mkdirSync(logs)
  receiver = new Receiver()
  server = await runtime.http.serve({ host: '127.0.0.1', port: 0 }, receiver.handler, roomyLimits)
  agent = null
})

afterEach(async () => {
  await agent?.[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  fs.rmSync(folder, { recursive: true, force: true })
})

async function start(input: Partial<FileInput> = {}): Promise<void> {
  const options = {
    collectors: [`http://127.0.0.1:${server.address.port}`],
    key: null,
    stateFolder: path.join(folder, 'state'),
    host: 'web1',
    inputs: [{ ...logsInput, paths: [path.join(logs, '**/*.log')], ...input }],
    limits: { scanMs: 50, hintMs: 10, partialMs: 300, graceMs: 300, retryMsMin: 20, retryMsMax: 200 },
  }
  agent = await startAgent(options, runtime, new AbortController().signal)
}

async function stop(): Promise<void> {
  await agent?.[Symbol.asyncDispose]()
  agent = null
}

async function arrived(count: number): Promise<void> {
  await expect
    .poll(() => receiver.lines.length, { timeout: 15_000, interval: 5 })
    .toBeGreaterThanOrEqual(count)
}

test('links, hard links and overlapping globs lead to one reader', async () => {
  const file = path.join(logs, 'a.log')
  fs.writeFileSync(file, 'one\n')
  fs.linkSync(file, path.join(logs, 'b.log'))
  fs.symlinkSync(file, path.join(logs, '0.log'))
  fs.symlinkSync(path.join(logs, 'nowhere'), path.join(logs, 'dangling.log'))
  fs.symlinkSync(logs, path.join(logs, 'loop'))
  await start({ paths: [path.join(logs, '**/*.log'), path.join(logs, '*.log'), file] })
  await arrived(1)
  fs.appendFileSync(path.join(logs, 'b.log'), 'two\n')
  await arrived(2)
  await stop()
  expect(receiver.texts).toEqual(['one', 'two'])
  expect(receiver.lines[0]?.path).toBe(file)
})

test('a FIFO, a socket, a directory with such a name: nothing blocks', async () => {
  execFileSync('mkfifo', [path.join(logs, 'pipe.log')])
  fs.mkdirSync(path.join(logs, 'folder.log'))
  fs.writeFileSync(path.join(logs, 'a.log'), 'x\n')
  await start()
  await arrived(1)
  await stop()
  expect(receiver.texts).toEqual(['x'])
})

test('files of no byte and of one byte, bytes that are no UTF-8, NULs: all as they are', async () => {
  fs.writeFileSync(path.join(logs, '0.log'), '')
  fs.writeFileSync(path.join(logs, '1.log'), 'x')
  fs.writeFileSync(path.join(logs, '2.log'), Buffer.from([0xff, 0xfe, 0, 0x80, 10, 0, 10]))
  await start()
  await arrived(3)
  await stop()
  expect(receiver.texts.toSorted()).toEqual(['\0', 'x', '\xff\xfe\0\x80'].toSorted())
})

test('a file replaced under its name, with the inode used again, is read from its start', async () => {
  const file = path.join(logs, 'a.log')
  fs.writeFileSync(file, 'old line that is rather long\n')
  await start()
  await arrived(1)
  for (let n = 0; n < 5; n += 1) {
    fs.rmSync(file)
    fs.writeFileSync(file, `replacement ${n} that is longer than the line before it was\n`)
    await arrived(2 + n)
  }
  expect(receiver.lines.length).toBe(6)
})

test('renames, copytruncate and late writes on a real file system', async () => {
  const file = path.join(logs, 'a.log')
  fs.writeFileSync(file, '1\n')
  await start()
  await arrived(1)
  const writer = fs.openSync(file, 'a')
  fs.renameSync(file, `${file}.1`)
  fs.writeSync(writer, 'late\n')
  fs.writeFileSync(file, '2\n')
  await arrived(3)
  fs.closeSync(writer)
  fs.copyFileSync(file, path.join(folder, 'copy'))
  fs.truncateSync(file)
  fs.appendFileSync(file, 'after the truncation\n')
  await arrived(4)
  expect(receiver.texts.toSorted()).toEqual(['1', '2', 'after the truncation', 'late'].toSorted())
})

test('20 MB in small and odd pieces, with restarts in between, arrive once and in order', async () => {
  const file = path.join(logs, 'big.log')
  const wanted: string[] = []
  for (let part = 0; part < 4; part += 1) {
    const lines = Array.from({ length: 20_000 }, (_, n) => `${part}:${n}:${'y'.repeat((n * 7919) % 500)}`)
    wanted.push(...lines)
    fs.appendFileSync(file, `${lines.join('\n')}\n`)
    await start()
    await arrived(part === 3 ? wanted.length : wanted.length - 15_000)
    await stop()
  }
  expect(receiver.texts.length).toBe(wanted.length)
  expect(receiver.texts).toEqual(wanted)
}, 60_000)

test('a stopped agent leaves nothing open and knows its positions', async () => {
  fs.writeFileSync(path.join(logs, 'a.log'), 'x\n')
  await start()
  await arrived(1)
  await expect.poll(() => agent?.status().files[0]?.position).toBe(2)
  expect(agent?.status()).toMatchObject({ lagBytes: 0, trouble: null, losses: {} })
  await stop()
  const open = fs.readdirSync('/proc/self/fd').map((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  expect(open.filter((target) => target.startsWith(folder))).toEqual([])
  expect(fs.readFileSync(path.join(folder, 'state/checkpoints'), 'utf8')).toMatch(
    /^logdrive-checkpoints 2 1 /,
  )
})
