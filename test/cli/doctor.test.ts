// doctor as a process: a machine that is well, and each thing that can be wrong with it.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { apis } from '../../protocol/apis/index.ts'
import { encodeResponse } from '../../protocol/message.ts'
import { freePort, logdrive, peer, temporaryFolder } from './process.ts'

interface Check {
  readonly name: string
  readonly result: string
  readonly about: string
  readonly fix?: string
}

/** Runs doctor on a configuration in a folder of its own; checks come by name. */
async function diagnose(folder: string, yaml: string, words: readonly string[] = []) {
  writeFileSync(join(folder, 'logdrive.yaml'), `version: 1\n${yaml}`)
  const { code, stdout, stderr } = await logdrive(['doctor', '--json', ...words], { cwd: folder })
  expect(stderr).toBe('')
  const checks: readonly Check[] = JSON.parse(stdout).checks
  return { code, checks: new Map(checks.map((check) => [check.name, check])) }
}

const listenOn = (port: number, kafka = 'off') =>
  `collector: { http: { listen: "127.0.0.1:${port}" }, kafka: ${kafka} }\n`

test('a machine that is well exits 0, says so line by line, and nothing is left behind', async () => {
  using folder = temporaryFolder()
  const data = join(folder.path, 'data')
  mkdirSync(data)
  writeFileSync(join(folder.path, 'logdrive.yaml'), `version: 1\ndata: ./data\n${listenOn(await freePort())}`)
  const { code, stdout } = await logdrive(['doctor'], { cwd: folder.path })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ok {4}configuration +logdrive\.yaml$/m)
  expect(stdout).toMatch(/^ok {4}data folder +.*can be written and synced$/m)
  expect(stdout).toMatch(/^ok {4}HTTP port +127\.0\.0\.1:\d+ is free$/m)
  expect(stdout).toMatch(/^ok {4}clock /m)
  expect(stdout).not.toContain('\u001b')
  expect(readdirSync(data)).toEqual([])
})

test('a data folder that is not there yet is fine, and is not made', async () => {
  using folder = temporaryFolder()
  const { code, checks } = await diagnose(folder.path, `data: ./a/b\n${listenOn(0)}`)
  expect(code).toBe(0)
  expect(checks.get('data folder')?.about).toContain('it can be made')
  expect(readdirSync(folder.path)).toEqual(['logdrive.yaml'])
})

test('a data folder that is a file, or named by --data, is found out', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'file'), '')
  const { code, checks } = await diagnose(folder.path, listenOn(0), ['--data', 'file'])
  expect(code).toBe(1)
  expect(checks.get('data folder')).toMatchObject({ result: 'fail' })
  expect(checks.get('data folder')?.about).toContain('ENOTDIR')
})

test('a wrong configuration fails, with its first problem and how to see the others', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'l.yaml'), 'version: 1\ncolector: {}\n')
  const { code, stdout } = await logdrive(['doctor', '-c', 'l.yaml'], { cwd: folder.path })
  expect(code).toBe(1)
  expect(stdout).toContain('l.yaml:2:1 colector: unknown key')
  expect(stdout).toContain('fix: logdrive validate -c l.yaml')
})

test('a port with a collector on it is ours; one with another program fails', async () => {
  using folder = temporaryFolder()
  await using collector = await peer((seen, response) => {
    response.statusCode = seen.url === '/healthz' ? 200 : 404
    response.end()
  })
  const ours = await diagnose(folder.path, listenOn(Number(new URL(collector.url).port)))
  expect(ours.checks.get('HTTP port')).toMatchObject({ result: 'ok' })
  expect(ours.checks.get('HTTP port')?.about).toContain('a collector is running')
  await using other = await peer((_, response) => {
    response.statusCode = 404
    response.end()
  })
  const theirs = await diagnose(folder.path, listenOn(Number(new URL(other.url).port)))
  expect(theirs.code).toBe(1)
  expect(theirs.checks.get('HTTP port')).toMatchObject({ result: 'fail' })
  expect(theirs.checks.get('HTTP port')?.fix).toContain('collector.http.listen')
})

test('the owner of the data folder is named while it lives; one that died is no trouble', async () => {
  using folder = temporaryFolder()
  const owner = (pid: number, host: string) =>
    writeFileSync(
      join(folder.path, '.lock-owner'),
      JSON.stringify({ pid, host, since: '2026-11-21T00:00:00Z' }),
    )
  const about = async () => {
    const { checks } = await diagnose(folder.path, `data: .\n${listenOn(0)}`)
    const check = checks.get('data folder: owner')
    return `${check?.result}: ${check?.about}`
  }
  owner(process.pid, hostname())
  expect(await about()).toContain(`ok: in use by process ${process.pid}`)
  owner(2 ** 22 + 12_345, hostname())
  expect(await about()).toContain('ok: free')
  owner(process.pid, 'elsewhere')
  expect(await about()).toContain('warn: process')
  writeFileSync(join(folder.path, '.lock-owner'), '{')
  expect(await about()).toContain('cannot be read')
})

test('damage that was set aside is a warning', async () => {
  using folder = temporaryFolder()
  const quarantine = join(folder.path, 'topics', 'orders', '0', 'quarantine')
  mkdirSync(quarantine, { recursive: true })
  expect((await diagnose(folder.path, `data: .\n${listenOn(0)}`)).checks.has('damage')).toBe(false)
  writeFileSync(join(quarantine, 'copy.log'), '')
  const { code, checks } = await diagnose(folder.path, `data: .\n${listenOn(0)}`)
  expect(code).toBe(0)
  expect(checks.get('damage')?.about).toContain('1 damaged piece of the log')
})

test('a clock that is far from the one of the collector is a warning', async () => {
  using folder = temporaryFolder()
  const server: Server = createServer((_, response) => {
    response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString())
    response.end()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    const { port } = server.address() as AddressInfo
    const { checks } = await diagnose(folder.path, listenOn(port))
    expect(checks.get('clock')).toMatchObject({ result: 'warn' })
    expect(checks.get('clock')?.fix).toContain('timedatectl')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('the Kafka port: free, taken by a stranger, or by a broker', async () => {
  using folder = temporaryFolder()
  const diagnosed = async (port: number) => {
    const { code, checks } = await diagnose(folder.path, listenOn(0, `{ listen: "127.0.0.1:${port}" }`))
    return { code, check: checks.get('Kafka port') }
  }
  const free = await diagnosed(await freePort())
  expect(free.check?.about).toContain('is free')
  await using stranger = await listening((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const taken = await diagnosed(stranger.port)
  expect(taken).toMatchObject({ code: 1, check: { result: 'fail' } })
  const answer = Buffer.concat(
    encodeResponse(apis.ApiVersions, 0, 1, {
      errorCode: 0,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
    }),
  )
  await using broker = await listening((socket) => socket.once('data', () => socket.write(answer)))
  const ours = await diagnosed(broker.port)
  expect(ours).toMatchObject({ code: 0, check: { result: 'ok' } })
  expect(ours.check?.about).toContain('a Kafka broker is running')
})

/** A server of bare sockets on a free port. */
async function listening(serve: (socket: Socket) => void) {
  const server = createSocketServer((socket) => {
    socket.on('error', () => undefined)
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}
