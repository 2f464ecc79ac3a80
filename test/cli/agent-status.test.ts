// The socket of an agent and the command that asks it; starts processes of the command line.
import { execFileSync } from 'node:child_process'
import { statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { askStatus, serveStatus, socketPath } from '../../cli/agent-socket.ts'
import { createLogger } from '../../runtime/logger.ts'
import { logdrive, temporaryFolder } from './process.ts'

const never = new AbortController().signal
const silent = createLogger('silent')

const status = {
  agent: 'b4ebc3c2-6210-4fa8-bcb2-500388848079',
  host: 'web1',
  startedAt: 0,
  files: [
    {
      path: '/logs/a.log',
      input: 'logs',
      topic: 'logs',
      position: 4,
      size: 8,
      lagBytes: 4,
      lagMs: 90_000,
      state: 'following',
      retries: 3,
    },
    {
      path: '/logs/b.log',
      input: 'logs',
      topic: 'logs',
      position: 9,
      size: 9,
      lagBytes: 0,
      lagMs: 0,
      state: 'rotated',
      retries: 0,
    },
  ],
  unobservable: [{ path: '/root/x.log', reason: 'permission denied' }],
  openFiles: 1,
  batchesInFlight: 1,
  lagBytes: 4,
  lagMs: 90_000,
  retries: 3,
  trouble: null,
  stateTrouble: null,
  uplink: {
    collector: 'http://collector:8750',
    isPreferred: true,
    state: 'good',
    lastError: 'OVERLOADED: busy',
    lastErrorAt: 1000,
    requests: 12,
    retries: 3,
    requestsInFlight: 1,
    requestsLimit: 4,
    bytesInFlight: 2048,
    bytesSent: 4096,
  },
  scanMs: 3,
  missing: { times: 2, bytes: 1024 },
  losses: {},
  lossesEver: { line_cut: { times: 2, bytes: 2048 } },
  deletions: { files: 3, bytes: 4096, failures: { forbidden: 2 } },
  parsing: {
    nginx: {
      lines: 7,
      unparsed: { no_match: 2 },
      filtered: 3,
      sampled: 0,
      redacted: { email: 4, card: 1 },
      transformErrors: { wrong_type: 1 },
    },
  },
  sources: {
    backups: {
      ...{ records: 12, bytes: 3000, lost: { input_refused: 2, input_unsent: 1 } },
      ...{ lines: 14, unparsed: {}, filtered: 0, sampled: 0, redacted: {}, transformErrors: {} },
      ...{ runs: 5, timeouts: 0, exits: { '0': 3, SIGTERM: 1 } },
    },
    machine: { records: 400, bytes: 90_000, lost: {} },
  },
}

test('agent status prints what the running agent says, and with --json all of it', async () => {
  using folder = temporaryFolder()
  await using _served = await serveStatus(folder.path, () => status, silent)
  expect(statSync(socketPath(folder.path)).mode & 0o777).toBe(0o600)
  const shown = await logdrive(['agent', 'status', '--state', folder.path])
  expect(shown.code).toBe(0)
  expect(shown.stdout).toMatchInlineSnapshot(`
    "agent       b4ebc3c2-6210-4fa8-bcb2-500388848079 on web1
    started     1970-01-01T00:00:00.000Z
    collector   http://collector:8750: good
    last error  OVERLOADED: busy (1970-01-01T00:00:01.000Z)
    requests    12, 3 failed, 1 open of 4
    in flight   1 batches, 2.0 KiB on their way
    sent        4.0 KiB
    lag         4 B, 90 s
    open files  1
    last scan   3 ms
    removed     3 files, 4.0 KiB; in vain: forbidden: 2
    missing     1.0 KiB of 2 files that are gone

    files
    PATH         INPUT  TOPIC  POSITION  SIZE  LAG  LAG FOR  STATE      RETRIES
    /logs/a.log  logs   logs          4     8  4 B  90 s     following        3
    /logs/b.log  logs   logs          9     9  0 B  0 ms     rotated          0

    cannot be looked at
    PATH         REASON
    /root/x.log  permission denied

    inputs
    INPUT    RECORDS  BYTES     LOST                               MORE
    backups       12  2.9 KiB   input_refused: 2, input_unsent: 1  runs: 5, ended with 0: 3, ended with SIGTERM: 1
    machine      400  87.9 KiB  -                                  -

    parsing
    INPUT    LINES  UNPARSED     FILTERED  REDACTED           TRANSFORM ERRORS
    nginx        7  no_match: 2         3  email: 4, card: 1  wrong_type: 1
    backups     14  -                   0  -                  -

    lost
    REASON    TIMES  BYTES  TIMES EVER  BYTES EVER
    line_cut      0  0 B             2  2.0 KiB
    "
  `)
  const json = JSON.parse((await logdrive(['agent', 'status', '--state', folder.path, '--json'])).stdout)
  expect(json).toMatchObject({
    lag_ms: 90_000,
    uplink: { requests_limit: 4 },
    losses_ever: { line_cut: { times: 2 } },
    parsing: { nginx: { transform_errors: { wrong_type: 1 } } },
    sources: { backups: { records: 12, lost: { input_refused: 2 }, exits: { SIGTERM: 1 } } },
  })
})

test('the folder is found in the configuration; without an agent it says so', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'agent.yaml')
  const state = join(folder.path, 'state')
  writeFileSync(file, `version: 1\nagent: { state: ${state}, inputs: {} }\n`)
  const { code, stderr } = await logdrive(['agent', 'status', '-c', file])
  expect(code).toBe(1)
  expect(stderr).toContain('no agent runs with this state folder')
  expect(stderr).toContain('Start one: logdrive agent -c FILE.')
  expect((await logdrive(['agent', 'stat'])).code).toBe(2)
})

test('the socket of a dead agent is told as such, and the next agent takes its place', async () => {
  using folder = temporaryFolder()
  const path = socketPath(folder.path)
  // What kill -9 leaves: a socket that nobody listens on.
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  try {
    execFileSync(process.execPath, ['-e', script])
  } catch {}
  expect(statSync(path).isSocket()).toBe(true)
  await expect(askStatus(folder.path, never)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await using _served = await serveStatus(folder.path, () => ({ one: 1 }), silent)
  expect(await askStatus(folder.path, never)).toEqual({ one: 1 })
})

test('a path that no socket can have stops no agent, and the command says why', async () => {
  using folder = temporaryFolder()
  const deep = join(folder.path, 'd'.repeat(120))
  expect(await serveStatus(deep, () => status, silent)).toBeNull()
  await expect(askStatus(deep, never)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: /a socket takes 107/,
  })
})

test('a file in the place of the socket is left alone', async () => {
  using folder = temporaryFolder()
  writeFileSync(socketPath(folder.path), 'mine')
  expect(await serveStatus(folder.path, () => status, silent)).toBeNull()
  expect(statSync(socketPath(folder.path)).isFile()).toBe(true)
})

test('who goes away without reading disturbs nobody; one that answers nonsense is told', async () => {
  using folder = temporaryFolder()
  {
    await using _served = await serveStatus(folder.path, () => ({ text: 'x'.repeat(4_000_000) }), silent)
    const rude = connect(socketPath(folder.path))
    await new Promise((done) => rude.once('connect', done))
    rude.destroy()
    expect(await askStatus(folder.path, never)).toMatchObject({ text: expect.stringMatching(/^x+$/) })
  }
  const server = createServer((socket) => socket.end('nonsense')).listen(socketPath(folder.path))
  await expect(askStatus(folder.path, never)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await new Promise((done) => server.close(done))
})
