// Real sockets: the conformance suite, and what hostile or unlucky clients do.
import net from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { HttpHandler, HttpLimits } from '../../core/runtime.ts'
import { nodeHttp } from '../../runtime/http.ts'
import { httpConformance, roomyLimits } from '../conformance/http.ts'
import { collectGarbage } from '../garbage.ts'
import { MemoryLogger } from '../sim/logger.ts'

const never = new AbortController().signal
const disposers: AsyncDisposable[] = []
const sockets: net.Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const each of disposers.splice(0)) await each[Symbol.asyncDispose]()
})

httpConformance('nodeHttp', () => ({
  http: nodeHttp(new MemoryLogger()),
  complete: (promise) => promise,
}))

async function serve(handler: HttpHandler, limits: Partial<HttpLimits> = {}) {
  const logger = new MemoryLogger()
  const http = nodeHttp(logger)
  const server = await http.serve({ host: '127.0.0.1', port: 0 }, handler, { ...roomyLimits, ...limits })
  disposers.push(server)
  return { http, server, logger, port: server.address.port }
}

/** A client that speaks bytes; `text` resolves when the other side closed, or when it holds `enough`. */
function raw(port: number, send: string) {
  const socket = net.connect(port, '127.0.0.1')
  sockets.push(socket)
  let received = ''
  const changed = new Set<() => void>()
  let closed = false
  const tell = () => {
    for (const each of changed) each()
  }
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    tell()
  })
  socket.on('close', () => {
    closed = true
    tell()
  })
  socket.on('error', () => undefined)
  socket.write(send)
  const until = (condition: (text: string, closed: boolean) => boolean): Promise<string> =>
    new Promise((resolve) => {
      const look = () => {
        if (!condition(received, closed)) return
        changed.delete(look)
        resolve(received)
      }
      changed.add(look)
      look()
    })
  return { socket, until }
}

const echo: HttpHandler = async (request) => {
  const body = await request.body(1_000)
  return { status: 200, headers: {}, body: String(body.byteLength) }
}

test('a body that declares too much is refused before it is sent, and the connection closes', async () => {
  const { port } = await serve(echo)
  const client = raw(port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n')
  const answer = await client.until((_text, closed) => closed)
  expect(answer).toMatch(/^HTTP\/1.1 413 /)
  expect(answer.toLowerCase()).toContain('connection: close')
  expect(answer).toContain('REQUEST_TOO_LARGE')
})

test('a chunked body is cut off at the bound; the sender still sees the answer', async () => {
  const { port } = await serve(echo)
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
  const client = raw(
    port,
    `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(500)}`,
  )
  expect(await client.until((_text, closed) => closed)).toMatch(/^HTTP\/1.1 413 /)
})

test('a client that reads only after it has sent everything still sees the refusal', async () => {
  const { port } = await serve(echo)
  const size = 8 * 1024 * 1024
  const client = raw(port, `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${size}\r\n\r\n`)
  client.socket.pause()
  await new Promise<void>((resolve) => {
    client.socket.write(Buffer.alloc(size), () => resolve())
  })
  client.socket.resume()
  expect(await client.until((_text, closed) => closed)).toMatch(/^HTTP\/1.1 413 /)
})

test('an endless body is not read for ever', async () => {
  const { port } = await serve(echo)
  const client = raw(port, 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n')
  const chunk = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`)
  const pour = () => {
    while (!client.socket.destroyed && client.socket.write(chunk));
  }
  client.socket.on('drain', pour)
  pour()
  expect(await client.until((_text, closed) => closed)).toMatch(/^HTTP\/1.1 413 /)
})

test('a client that expects 100 gets it only when its body is wanted', async () => {
  const { port } = await serve(echo)
  const head = (length: number) =>
    `POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: ${length}\r\n\r\n`
  const wanted = raw(port, head(4))
  await wanted.until((text) => text.includes('100 Continue'))
  wanted.socket.write('abcd')
  expect(await wanted.until((text) => text.includes('200 OK'))).toContain('100 Continue')
  const refused = await raw(port, head(5_000)).until((_text, closed) => closed)
  expect(refused).toMatch(/^HTTP\/1.1 413 /)
  expect(refused).not.toContain('100 Continue')
})

test('an answer without reading a small body keeps the connection, a large one costs it', async () => {
  const { port } = await serve(async () => ({ status: 401, headers: {}, body: '' }))
  const small = raw(port, `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc`)
  expect(await small.until((text) => text.includes('\r\n\r\n'))).not.toContain('connection: close')
  small.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await small.until((text) => text.split('401').length === 3)
  const large = raw(port, `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc`)
  expect(await large.until((_text, closed) => closed)).toContain('connection: close')
})

test('headers that dribble are cut off, others are served meanwhile', async () => {
  const { port, http } = await serve(echo, { headersMs: 500, requestMs: 1_000 })
  const slow = raw(port, 'POST / HTTP/1.1\r\nhost: x\r\n')
  const url = `http://127.0.0.1:${port}/`
  const answer = await http.request({ method: 'GET', url, headers: {}, body: null, timeoutMs: 1_000 }, never)
  expect(answer.status).toBe(200)
  expect(await slow.until((_text, closed) => closed)).toMatch(/^HTTP\/1.1 408 /)
})

test('a body that stops half way is cut off and told to the handler', async () => {
  const failure = Promise.withResolvers<unknown>()
  const { port } = await serve(
    async (request) => {
      await request.body(100).catch(failure.resolve)
      return { status: 200, headers: {}, body: '' }
    },
    { headersMs: 500, requestMs: 500 },
  )
  raw(port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc')
  expect(await failure.promise).toMatchObject({ code: 'REQUEST_INVALID' })
})

test('headers over the limit are 431', async () => {
  const { port } = await serve(echo, { headerBytesMax: 2_000 })
  const client = raw(port, `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'y'.repeat(4_000)}\r\n\r\n`)
  expect(await client.until((_text, closed) => closed)).toMatch(/^HTTP\/1.1 431 /)
})

test('connections over the limit are closed', async () => {
  const { port } = await serve(echo, { connectionsMax: 1 })
  const first = raw(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await first.until((text) => text.includes('200 OK'))
  const second = raw(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  expect(await second.until((_text, closed) => closed)).toBe('')
})

test('a header cannot change the prototype of the others', async () => {
  const { port } = await serve(async (request) => {
    const { headers } = request
    const untouched = Object.getPrototypeOf(headers) === Object.prototype
    return { status: 200, headers: {}, body: `${untouched} ${headers['set-cookie']}` }
  })
  const client = raw(
    port,
    'GET / HTTP/1.1\r\nhost: x\r\n__proto__: a\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n',
  )
  expect(await client.until((text) => text.includes('\r\n\r\n'))).toContain('true undefined')
})

test('a handler that throws is 500 without its message, and is logged', async () => {
  const { port, http, logger } = await serve(async () => {
    throw new Error('the password is hunter2')
  })
  const url = `http://127.0.0.1:${port}/`
  const answer = await http.request({ method: 'GET', url, headers: {}, body: null, timeoutMs: 1_000 }, never)
  expect(answer.status).toBe(500)
  expect(new TextDecoder().decode(answer.body)).not.toContain('hunter2')
  expect(logger.lines).toMatchObject([{ level: 'error', message: 'a request handler failed' }])
})

test('a stream waits for a slow reader and ends when it goes', async () => {
  let made = 0
  const ended = Promise.withResolvers<void>()
  const { port } = await serve(async () => ({
    status: 200,
    headers: {},
    body: (async function* () {
      try {
        for (;;) {
          made += 1
          yield new Uint8Array(65_536)
        }
      } finally {
        ended.resolve()
      }
    })(),
  }))
  const client = raw(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  client.socket.pause()
  await expect.poll(() => made, { timeout: 5_000 }).toBeGreaterThan(3)
  let before = -1
  await expect
    .poll(() => {
      const still = made === before
      before = made
      return still
    })
    .toBe(true)
  expect(made).toBeLessThan(1_000)
  client.socket.destroy()
  await ended.promise
})

test('a reader that takes nothing is cut off', async () => {
  const ended = Promise.withResolvers<void>()
  const body = (async function* () {
    try {
      for (;;) yield new Uint8Array(65_536)
    } finally {
      ended.resolve()
    }
  })()
  const { port } = await serve(async () => ({ status: 200, headers: {}, body }), { requestMs: 200 })
  raw(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n').socket.pause()
  await ended.promise
})

test('disposal ends streams at once and closes connections that are idle, silent or within the headers', async () => {
  // No limit ends anything here before the test is given up.
  const hour = 3_600_000
  const { server, port } = await serve(
    async (request) => {
      if (request.path === '/now') return { status: 200, headers: {}, body: '' }
      return {
        status: 200,
        headers: {},
        body: (async function* () {
          yield new TextEncoder().encode('first')
          await new Promise<void>((resolve) => {
            request.signal.addEventListener('abort', () => resolve(), { once: true })
          })
        })(),
      }
    },
    { headersMs: hour, requestMs: hour },
  )
  const idle = raw(port, 'GET /now HTTP/1.1\r\nhost: x\r\n\r\n')
  await idle.until((text) => text.includes('200 OK'))
  const silent = raw(port, '')
  const half = raw(port, 'GET /now HTTP/1.1\r\nho')
  const halfAgain = raw(port, 'GET /now HTTP/1.1\r\nhost: x\r\n\r\nGET /now HTTP/1.1\r\nho')
  await halfAgain.until((text) => text.includes('200 OK'))
  const live = raw(port, 'GET /tail HTTP/1.1\r\nhost: x\r\n\r\n')
  await live.until((text) => text.includes('first'))
  // A stop gives handlers 5 s: a timer that is set before would end first.
  let waited = false
  const grace = setTimeout(() => {
    waited = true
  }, 5_000)
  await server[Symbol.asyncDispose]()
  clearTimeout(grace)
  expect(waited).toBe(false)
  await Promise.all(
    [idle, silent, half, halfAgain, live].map((client) => client.until((_text, closed) => closed)),
  )
})

test('a connection that is kept does not keep the body that came on it', async () => {
  const bodies: WeakRef<Uint8Array>[] = []
  const { port } = await serve(async (request) => {
    bodies.push(new WeakRef(await request.body(1 << 20)))
    return { status: 200, headers: {}, body: 'taken' }
  })
  const client = raw(
    port,
    `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n${'x'.repeat(100_000)}`,
  )
  await client.until((text) => text.includes('taken'))
  await expect
    .poll(() => {
      collectGarbage()
      return bodies.map((body) => body.deref()?.length)
    })
    .toEqual([undefined])
  client.socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx')
  await client.until((text) => text.split('taken').length === 3)
})

test('one client reuses its connection', async () => {
  const ports = new Set<string>()
  const { http, port } = await serve(async (request) => {
    ports.add(request.peer)
    return { status: 200, headers: {}, body: '' }
  })
  const url = `http://127.0.0.1:${port}/`
  for (let i = 0; i < 5; i += 1) {
    await http.request({ method: 'GET', url, headers: {}, body: null, timeoutMs: 1_000 }, never)
  }
  expect([...ports]).toEqual(['127.0.0.1'])
})

test('an answer over the limit of the client is UNAVAILABLE', async () => {
  const { http, port } = await serve(async () => ({
    status: 200,
    headers: {},
    body: (async function* () {
      for (let i = 0; i < 65; i += 1) yield new Uint8Array(1024 * 1024)
    })(),
  }))
  const url = `http://127.0.0.1:${port}/`
  const asked = http.request({ method: 'GET', url, headers: {}, body: null, timeoutMs: 20_000 }, never)
  await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('an address that is not HTTP is REQUEST_INVALID', async () => {
  const { http } = await serve(echo)
  const asked = http.request({ method: 'GET', url: 'ftp://x/', headers: {}, body: null, timeoutMs: 1 }, never)
  await expect(asked).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
})
