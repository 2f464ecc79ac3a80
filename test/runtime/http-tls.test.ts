// Requests over TLS and through proxies, against real servers on loopback; makes certificates with openssl.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HttpServer, ListenTls } from '../../core/runtime.ts'
import { nodeHttp } from '../../runtime/http.ts'
import type { ClientOptions, ClientTls } from '../../runtime/http-client.ts'
import { roomyLimits } from '../conformance/http.ts'
import { makeCertificates } from '../interop/certificates.ts'
import { MemoryLogger } from '../sim/logger.ts'
import { failedHandshakes } from './failed-handshakes.ts'

const never = new AbortController().signal
const logger = new MemoryLogger()
const folder = mkdtempSync(join(tmpdir(), 'logdrive-http-tls-'))
let ca: string
let server: ListenTls
let client: { cert: string; key: string }
let pin: string

beforeAll(async () => {
  const made = await makeCertificates(folder)
  const text = (file: string) => readFileSync(file, 'utf8')
  ca = text(made.ca)
  server = { cert: text(made.server.cert), key: text(made.server.key), clientCa: ca, clientAuth: 'require' }
  client = { cert: text(made.client.cert), key: text(made.client.key) }
  // As docs/shipping.md says how to find one out.
  const command = `openssl x509 -in ${made.server.cert} -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`
  pin = execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim()
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true }))

function serve(tls: ListenTls | null): Promise<HttpServer> {
  const handler = async () => ({ status: 200, headers: {}, body: 'served' })
  return nodeHttp(logger).serve({ host: '127.0.0.1', port: 0 }, handler, roomyLimits, tls)
}

/** The answer's text, or why there was none. */
async function ask(url: string, options: ClientOptions): Promise<string> {
  const request = { method: 'POST', url, headers: {}, body: Buffer.from('body'), timeoutMs: 10_000 }
  try {
    const answer = await nodeHttp(logger, options).request(request, never)
    return `${answer.status} ${Buffer.from(answer.body)}`
  } catch (error) {
    return String(error)
  }
}

function believing(over: Partial<ClientTls> = {}): ClientOptions {
  return { tls: { ca, ...client, pins: [], ...over } }
}

test('a client with the right authority and certificate is served, others are not', async () => {
  await using listening = await serve(server)
  const url = `https://127.0.0.1:${listening.address.port}/`
  expect(await ask(url, believing())).toBe('200 served')
  expect(await ask(url, believing({ ca: null }))).toMatch(/UNAVAILABLE|certificate|issuer/)
  expect(await ask(url, believing({ cert: null, key: null }))).toMatch(
    /certificate required|ECONNRESET|closed|alert/,
  )
  // Plain http on the same port gets nothing.
  expect(await ask(url.replace('https', 'http'), {})).not.toContain('served')
})

test('a pinned key is asked for besides the signature', async () => {
  await using listening = await serve({ ...server, clientAuth: 'none' })
  const url = `https://127.0.0.1:${listening.address.port}/`
  const other = `${'A'.repeat(43)}=`
  expect(await ask(url, believing({ pins: [other, pin] }))).toBe('200 served')
  expect(await ask(url, believing({ pins: [other] }))).toContain(`it is ${pin}`)
  // A pin takes nothing away: the name has to fit all the same.
  expect(await ask(url.replace('127.0.0.1', '127.0.0.2'), believing({ pins: [pin] }))).toMatch(
    /refused|altnames|IP/i,
  )
})

test('a renewed certificate is shown to new connections; keys that do not fit are refused', async () => {
  await using listening = await serve({ ...server, clientAuth: 'none' })
  const url = `https://127.0.0.1:${listening.address.port}/`
  expect(() => listening.renew({ ...server, key: client.key })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  )
  listening.renew({ ...server, ...client, clientAuth: 'none' })
  expect(await ask(url, believing({ pins: [pin] }))).not.toContain('served')
})

test('a stop waits for no handshake', async () => {
  const listening = await serve({ ...server, clientAuth: 'none' })
  const { port } = listening.address
  const silent = net.connect(port, '127.0.0.1').resume()
  const closed = new Promise((resolve) => silent.once('close', resolve))
  await once(silent, 'connect')
  // Who came later was served: the server has both.
  expect(await ask(`https://127.0.0.1:${port}/`, believing())).toBe('200 served')
  logger.lines.length = 0
  await listening[Symbol.asyncDispose]()
  await closed
  expect(failedHandshakes(logger)).toEqual(['ECONNRESET'])
})

test('keys that TLS does not take start no server', async () => {
  await expect(serve({ ...server, key: 'no key' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

/** A proxy that asks for a password, and what it was asked. */
async function proxy(): Promise<AsyncDisposable & { readonly port: number; readonly seen: string[] }> {
  const seen: string[] = []
  const isKnown = (request: http.IncomingMessage) =>
    request.headers['proxy-authorization'] === `Basic ${Buffer.from('me:se cret').toString('base64')}`
  const serving = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    if (!isKnown(request)) return response.writeHead(407).end()
    const onward = http.request(String(request.url), { method: request.method }, (answer) => {
      response.writeHead(answer.statusCode ?? 500)
      answer.pipe(response)
    })
    request.pipe(onward)
    return undefined
  })
  serving.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    seen.push(`${request.method} ${request.url}`)
    if (!isKnown(request)) return socket.end('HTTP/1.1 407 No\r\n\r\n')
    const [host, port] = String(request.url).split(':')
    const onward = net.connect(Number(port), host)
    socket.write('HTTP/1.1 200 Fine\r\n\r\n')
    socket.on('error', () => onward.destroy())
    onward.on('error', () => socket.destroy())
    return onward.pipe(socket).pipe(onward)
  })
  serving.listen(0, '127.0.0.1')
  await once(serving, 'listening')
  return {
    port: (serving.address() as net.AddressInfo).port,
    seen,
    async [Symbol.asyncDispose]() {
      serving.closeAllConnections()
      await new Promise((done) => serving.close(done))
    },
  }
}

test('https goes through a proxy in a tunnel, with its own TLS; http as a request to it', async () => {
  // It ends once its tunnels have, which go with the server at their end.
  await using way = await proxy()
  await using secure = await serve(server)
  await using plain = await serve(null)
  const options = (user: string, except: string[] = []): ClientOptions => ({
    ...believing({ pins: [pin] }),
    proxy: { url: `http://${user}127.0.0.1:${way.port}`, except },
  })
  const secureUrl = `https://127.0.0.1:${secure.address.port}/`
  const plainUrl = `http://127.0.0.1:${plain.address.port}/`
  expect(await ask(secureUrl, options('me:se%20cret@'))).toBe('200 served')
  expect(await ask(plainUrl, options('me:se%20cret@'))).toBe('200 served')
  expect(way.seen).toEqual([`CONNECT 127.0.0.1:${secure.address.port}`, `POST ${plainUrl}`])
  expect(await ask(secureUrl, options(''))).toContain('407')
  way.seen.length = 0
  expect(await ask(secureUrl, options('', ['other.example', '127.0.0.1']))).toBe('200 served')
  expect(way.seen).toEqual([])
})

test('names that go past the proxy mean themselves and what is below', async () => {
  await using plain = await serve(null)
  await using way = await proxy()
  const seenFor = async (host: string, except: string[]) => {
    way.seen.length = 0
    await ask(`http://${host}:${plain.address.port}/`, {
      proxy: { url: `http://127.0.0.1:${way.port}`, except },
    })
    return way.seen.length
  }
  expect(await seenFor('localhost', ['localhost'])).toBe(0)
  expect(await seenFor('a.localhost', ['.localhost'])).toBe(0)
  expect(await seenFor('alocalhost', ['localhost'])).toBe(1)
  expect(await seenFor('localhost', ['*'])).toBe(0)
  expect(await seenFor('localhost', [])).toBe(1)
})
