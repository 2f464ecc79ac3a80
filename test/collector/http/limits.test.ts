// Limits on a real server: bombs, floods, slow clients and a stop under load leave it alive and lose nothing.
import { connect } from 'node:net'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createByteBudget, defaultIngestLimits, withBody } from '../../../collector/http/limits.ts'
import type { ServerRequest } from '../../../core/runtime.ts'
import { type Collector, startCollector } from './fixture.ts'

let collector: Collector
beforeAll(async () => {
  collector = await startCollector({ http: { headersMs: 300, requestMs: 600 } })
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
})

const ndjson = { 'content-type': 'application/x-ndjson' }
const mebibyte = 1024 * 1024

/** Sends raw bytes, goes on sending `more` as long as the server listens, and reads until the connection closes. */
async function talk(
  port: number,
  head: string,
  more: Uint8Array | null = null,
): Promise<{ text: string; sent: number }> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    let sent = 0
    const pour = () => {
      while (more !== null && !socket.destroyed && socket.writable) {
        sent += more.length
        if (sent > 100 * mebibyte || !socket.write(more)) return
      }
    }
    socket.on('connect', () => {
      socket.write(head)
      pour()
    })
    socket.on('drain', pour)
    socket.on('data', (data) => {
      text += data.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve({ text, sent }))
  })
}

describe('bombs', () => {
  test.each([
    ['gzip', gzipSync(Buffer.alloc(256 * mebibyte))],
    ['zstd', zstdCompressSync(Buffer.alloc(256 * mebibyte))],
  ])('256 MiB out of a little %s is refused before it is there', async (encoding, body) => {
    const before = process.memoryUsage().rss
    const answer = await collector.send('POST', '/v1/topics/bomb/records', {
      body,
      headers: { ...ndjson, 'content-encoding': encoding },
    })
    expect(answer.status).toBe(413)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * mebibyte)
    const small = await collector.send('POST', '/v1/e?c=gz', {
      body: gzipSync(Buffer.alloc(2 * mebibyte)),
      headers: { 'content-type': 'text/plain' },
    })
    expect(small.status).toBe(413)
  })
})

describe('bodies', () => {
  test('100 MB that are announced are not read', async () => {
    const head = `POST /v1/topics/big/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100000000\r\n\r\n`
    const { text, sent } = await talk(collector.port, head, Buffer.alloc(64 * 1024, 0x31))
    expect(text).toContain('HTTP/1.1 413')
    expect(text).toContain('REQUEST_TOO_LARGE')
    expect(sent).toBeLessThan(40 * mebibyte)
  })

  test('an endless chunked body is cut at the limit', async () => {
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000, 0x31), Buffer.from('\r\n')])
    const head = `POST /v1/topics/big/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n`
    const { text, sent } = await talk(collector.port, head, chunk)
    expect(text).toContain('HTTP/1.1 413')
    expect(sent).toBeLessThan(60 * mebibyte)
  })

  test('8 MiB are taken, a byte more is not', async () => {
    const line = `"${'x'.repeat(65_533)}"\n`
    const body = line.repeat(128)
    expect(body.length).toBe(8 * mebibyte)
    const send = (text: string) =>
      collector.send('POST', '/v1/topics/full/records', { body: text, headers: ndjson })
    expect((await send(body)).json.accepted).toBe(128)
    expect((await send(`${body}\n`)).status).toBe(413)
  })
})

describe('slow clients', () => {
  test('headers that do not come are not waited for', async () => {
    const { text } = await talk(collector.port, 'POST /v1/e HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    expect(text === '' || text.startsWith('HTTP/1.1 408')).toBe(true)
  })

  test('a body that does not come is not waited for', async () => {
    const head =
      'POST /v1/e HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{'
    const { text } = await talk(collector.port, head)
    expect(text === '' || text.startsWith('HTTP/1.1 408')).toBe(true)
  })

  test('meanwhile others are served', async () => {
    await using patient = await startCollector({ http: { headersMs: 20_000, requestMs: 20_000 } })
    let ended = 0
    const slow = Array.from({ length: 50 }, () => {
      const socket = connect(patient.port, '127.0.0.1')
      socket.write('GET /healthz HTTP/1.1\r\nX: ')
      return socket.once('close', () => {
        ended += 1
      })
    })
    expect((await patient.send('GET', '/healthz')).status).toBe(200)
    expect(ended).toBe(0)
    for (const socket of slow) socket.destroy()
  })

  test('headers of megabytes are refused', async () => {
    const { text } = await talk(
      collector.port,
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    )
    expect(text).toContain('HTTP/1.1 431')
  })
})

describe('the budget of bytes in flight', () => {
  test('reserves, refuses and releases', () => {
    const budget = createByteBudget(10)
    budget.reserve(6)
    expect(() => budget.reserve(5)).toThrow('too many bytes')
    budget.reserve(4)
    budget.release(10)
    // A request larger than the whole budget still gets through alone.
    budget.reserve(50)
    budget.release(50)
    expect(budget.usedBytes).toBe(0)
  })

  test('a full one answers 429 with Retry-After, and is free again afterwards', async () => {
    const limits = { ...defaultIngestLimits, inFlightBytesMax: 1_000 }
    await using tight = await startCollector({ limits })
    const head =
      'POST /v1/topics/t/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n'
    const socket = connect(tight.port, '127.0.0.1')
    socket.write(head)
    const used = async () => (await tight.send('GET', '/v1/status')).json.http.in_flight_bytes
    await expect.poll(used, { timeout: 5_000 }).toBe(900)
    const refused = await tight.send('POST', '/v1/topics/t/records', {
      body: JSON.stringify('x'.repeat(200)),
    })
    expect(refused.status).toBe(429)
    expect(refused.json.error.code).toBe('OVERLOADED')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    socket.destroy()
    await expect.poll(used, { timeout: 5_000 }).toBe(0)
    expect((await tight.send('POST', '/v1/topics/t/records', { body: '1' })).status).toBe(200)
  })

  test('no request leaves anything reserved, whatever became of it', async () => {
    const send = (body: string, headers = {}) =>
      collector.send('POST', '/v1/topics/left/records', { body, headers })
    await Promise.all([
      send('{bad'),
      send('1'),
      send('1', { 'content-encoding': 'gzip' }),
      send('1', { 'content-type': 'x/y' }),
    ])
    expect((await collector.send('GET', '/v1/status')).json.http.in_flight_bytes).toBe(0)
  })
})

test('a stop under load: what was answered with 200 is there, the rest got 503', async () => {
  const own = await startCollector()
  const accepted: number[] = []
  const statuses = new Set<number>()
  let stopped = false
  const workers = Array.from({ length: 16 }, async (_, worker) => {
    for (let n = 0; !stopped; n += 1) {
      const value = worker * 1_000_000 + n
      const answer = await own
        .send('POST', '/v1/topics/drained/records', { body: String(value) })
        .catch(() => null)
      if (answer === null) return
      statuses.add(answer.status)
      if (answer.status === 200) accepted.push(value)
      if (answer.status === 503) {
        expect(answer.json.error.code).toBe('UNAVAILABLE')
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
        expect(answer.headers.get('connection')).toBe('close')
        return
      }
    }
  })
  await expect.poll(() => accepted.length, { timeout: 10_000 }).toBeGreaterThan(200)
  await own.service.drain(AbortSignal.timeout(5_000))
  expect((await own.send('GET', '/readyz')).json.missing[0]).toEqual({
    name: 'collector',
    reason: 'stopping',
  })
  expect((await own.send('GET', '/healthz')).status).toBe(200)
  await Promise.all(workers)
  stopped = true
  expect([...statuses].sort()).toEqual([200, 503])
  const signal = new AbortController().signal
  const stored: number[] = []
  const options = { topics: ['drained'], start: 'beginning', follow: false } as const
  for await (const record of own.broker.tail(options, signal))
    stored.push(Number(Buffer.from(record.value ?? []).toString()))
  expect(stored.sort((a, b) => a - b)).toEqual(accepted.sort((a, b) => a - b))
  await own[Symbol.asyncDispose]()
})

test('a chunked body reserves what it is once it is there, not what it might have been', async () => {
  const budget = createByteBudget(16 * mebibyte)
  const request: ServerRequest = {
    method: 'POST',
    path: '/',
    query: '',
    headers: {},
    peer: '127.0.0.1',
    signal: new AbortController().signal,
    body: async () => {
      expect(budget.usedBytes).toBe(8 * mebibyte)
      return Buffer.from('abc')
    },
  }
  const used = await withBody(
    request,
    { bytesMax: 8 * mebibyte, packing: null },
    budget,
    async () => budget.usedBytes,
  )
  expect([used, budget.usedBytes]).toEqual([3, 0])
})
