// Sockets of this machine: the conformance suite, and TLS with and without certificates of clients.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Connection, ConnectTls, ListenTls } from '../../core/runtime.ts'
import { contextOf, handshakesOf } from '../../runtime/tls-context.ts'
import { nodeTransport } from '../../runtime/transport.ts'
import { transportConformance } from '../conformance/transport.ts'
import { type Certificates, makeCertificates } from '../interop/certificates.ts'
import { MemoryLogger } from '../sim/logger.ts'
import { failedHandshakes } from './failed-handshakes.ts'

const never = new AbortController().signal
const logger = new MemoryLogger()
const transport = nodeTransport(logger)
const folder = mkdtempSync(join(tmpdir(), 'logdrive-transport-'))
let files: Certificates

beforeAll(async () => {
  files = await makeCertificates(folder)
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true }))

transportConformance('nodeTransport', () => ({ transport, complete: (promise) => promise }))

const pem = (path: string) => readFileSync(path, 'utf8')

function listenTls(clientAuth: ListenTls['clientAuth']): ListenTls {
  const { cert, key } = files.server
  return { cert: pem(cert), key: pem(key), clientCa: pem(files.ca), clientAuth }
}

function connectTls(own: boolean): ConnectTls {
  const { cert, key } = files.client
  return {
    ca: pem(files.ca),
    cert: own ? pem(cert) : null,
    key: own ? pem(key) : null,
    serverName: 'localhost',
  }
}

/** A listener that echoes, and whom it saw. */
async function echo(tls: ListenTls) {
  const seen: Connection[] = []
  const run = async (connection: Connection) => {
    const target = Buffer.alloc(100_000)
    for (;;) {
      const count = await connection.read(target, 1)
      if (count === 0) break
      await connection.write([Buffer.from(target.subarray(0, count))])
    }
    await connection[Symbol.asyncDispose]()
  }
  const address = { host: '127.0.0.1', port: 0 }
  const listener = await transport.listen(address, { tls, connectionsMax: 10 }, (connection) => {
    seen.push(connection)
    run(connection).catch(() => connection.abort())
  })
  return { listener, seen, address: listener.address }
}

test('over TLS megabytes come back as they were sent', async () => {
  const { listener, seen, address } = await echo(listenTls('none'))
  const client = await transport.connect(address, { tls: connectTls(false) }, never)
  const sent = new Uint8Array(2_000_000).map((_, index) => index % 251)
  const writing = client.write([sent.subarray(0, 7), sent.subarray(7)])
  const got = new Uint8Array(sent.length)
  expect(await client.read(got, got.length)).toBe(sent.length)
  await writing
  expect(Buffer.compare(got, sent)).toBe(0)
  expect(client.tls?.protocol).toBe('TLSv1.3')
  expect(seen[0]?.tls).toEqual({ protocol: 'TLSv1.3', clientSubject: null })
  client.abort()
  await listener[Symbol.asyncDispose]()
})

test('a certificate that holds names its client; where one is required nobody comes in without', async () => {
  const { listener, seen, address } = await echo(listenTls('require'))
  const client = await transport.connect(address, { tls: connectTls(true) }, never)
  await client.write([Buffer.from('hi')])
  expect(await client.read(Buffer.alloc(2), 2)).toBe(2)
  expect(seen[0]?.tls?.clientSubject).toBe('CN=alice')
  client.abort()
  // With TLS 1.3 the client is through when the server refuses it: it hears of that at its first read.
  const got = await transport
    .connect(address, { tls: connectTls(false) }, never)
    .then((connection) => connection.read(Buffer.alloc(1), 1))
    .catch(() => 0)
  expect(got).toBe(0)
  expect(seen).toHaveLength(1)
  await listener[Symbol.asyncDispose]()
})

test('a server whose certificate nobody signed is not believed, and plain bytes are no handshake', async () => {
  const { listener, seen, address } = await echo(listenTls('none'))
  const stranger = { ...connectTls(false), ca: null }
  await expect(transport.connect(address, { tls: stranger }, never)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
  const plain = net.connect(address.port, address.host)
  const closed = new Promise((resolve) => plain.once('close', resolve))
  plain.on('error', () => undefined)
  plain.on('data', () => undefined)
  plain.write('not a handshake, whatever else it is')
  await closed
  expect(seen).toEqual([])
  await listener[Symbol.asyncDispose]()
})

test('a listener that ends takes the handshakes along that are under way', async () => {
  const { listener, address } = await echo(listenTls('none'))
  const silent = net.connect(address.port, address.host).resume()
  const closed = new Promise((resolve) => silent.once('close', resolve))
  await once(silent, 'connect')
  // Who came later is answered: the server has both.
  const client = await transport.connect(address, { tls: connectTls(false) }, never)
  await client.write([Buffer.from('hi')])
  await client.read(Buffer.alloc(2), 2)
  logger.lines.length = 0
  await listener[Symbol.asyncDispose]()
  await closed
  expect(failedHandshakes(logger)).toEqual(['ECONNRESET'])
  client.abort()
})

test('a client that begins no handshake is cut when its time is over', async () => {
  const server = tls.createServer({ ...contextOf(listenTls('none')), handshakeTimeout: 1 })
  handshakesOf(server, logger)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  logger.lines.length = 0
  const silent = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1').resume()
  await new Promise((resolve) => silent.once('close', resolve))
  expect(failedHandshakes(logger)).toEqual(['ERR_TLS_HANDSHAKE_TIMEOUT'])
  server.close()
})

test('keys that do not fit are a wrong configuration', async () => {
  const wrong = { ...listenTls('none'), key: 'nonsense' }
  const listening = transport.listen(
    { host: '127.0.0.1', port: 0 },
    { tls: wrong, connectionsMax: 1 },
    () => undefined,
  )
  await expect(listening).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})
