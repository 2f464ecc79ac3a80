// Who may do what: every route of the table with every kind of key, browsers of foreign origins, and no keys at all.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Collector, startCollector } from './fixture.ts'

let collector: Collector
let open: Collector
beforeAll(async () => {
  collector = await startCollector({
    keys: [
      { name: 'web', key: 'k-track', allow: ['track'], origins: ['https://shop.example'] },
      { name: 'fleet', key: 'k-ship', allow: ['ship'], origins: [] },
      { name: 'ops', key: 'k-admin', allow: ['admin'], origins: [] },
    ],
    statics: new Map([['/t.js', Buffer.from('1')]]),
  })
  open = await startCollector()
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
  await open[Symbol.asyncDispose]()
})

test('every route with every key answers what the table says', async () => {
  const refusals = { none: 401, wrong: 401, track: 403, ship: 403, admin: 403 }
  const wrong: string[] = []
  for (const route of collector.service.routes) {
    const path = route.path.replace('{topic}', 'matrix').replace('{source}', 's')
    for (const [key, refusal] of Object.entries(refusals)) {
      const headers: Record<string, string> = key === 'none' ? {} : { authorization: `Bearer k-${key}` }
      const body = route.method === 'POST' || route.method === 'PATCH' ? '{}' : undefined
      const { status } = await collector.send(route.method, path, { headers, body })
      const allowed = route.access === 'public' || key === route.access || key === 'admin'
      const refused = status === 401 || status === 403
      if (allowed ? refused : status !== refusal) wrong.push(`${route.method} ${path} as ${key}: ${status}`)
    }
  }
  expect(wrong).toEqual([])
  expect(collector.service.routes.length).toBeGreaterThan(25)
})

test('what may be done without any key is this and nothing else', () => {
  const names = collector.service.routes.flatMap((route) => (route.access === 'public' ? route.path : []))
  expect(names.map((name) => name.replace(/\.[0-9a-f]{12}\./, '.<hash>.')).sort()).toEqual([
    '/healthz',
    '/readyz',
    '/t.<hash>.js',
    '/t.js',
    '/v1/openapi.json',
  ])
})

test('a key in the URL opens tracking only', async () => {
  const text = { body: '{"v":1,"events":[]}', headers: { 'content-type': 'text/plain' } }
  expect((await collector.send('POST', '/v1/e?k=k-track', text)).status).toBe(200)
  expect((await collector.send('POST', '/v1/e?k=wrong', text)).status).toBe(401)
  expect((await collector.send('GET', '/v1/topics?k=k-admin')).status).toBe(401)
})

test('unknown paths and methods are JSON errors', async () => {
  const missing = await collector.send('GET', '/nothing/here')
  expect(missing.status).toBe(404)
  expect(missing.json.error).toMatchObject({ code: 'NOT_FOUND' })
  const method = await collector.send('DELETE', '/v1/e')
  expect(method.status).toBe(405)
  expect(method.headers.get('allow')).toBe('POST, OPTIONS')
  expect((await collector.send('HEAD', '/healthz')).status).toBe(200)
})

describe('CORS', () => {
  const text = { body: '{"v":1,"events":[]}' }
  const from = (origin: string) => ({ ...text, headers: { origin, 'content-type': 'text/plain' } })

  test('an allowed origin may track and read the answer, never with credentials', async () => {
    const answer = await collector.send('POST', '/v1/e?k=k-track', from('https://shop.example'))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    expect(answer.headers.get('vary')).toContain('Origin')
  })

  test('a foreign origin is refused and may not even read why', async () => {
    const answer = await collector.send('POST', '/v1/e?k=k-track', from('https://evil.example'))
    expect(answer.status).toBe(403)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('an allowed origin can read a refusal', async () => {
    const init = { body: '{', headers: { origin: 'https://shop.example', 'content-type': 'text/plain' } }
    const answer = await collector.send('POST', '/v1/e?k=k-track', init)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example')
  })

  test('a preflight is answered for allowed origins on track routes only', async () => {
    const ask = (path: string, origin: string) =>
      collector.send('OPTIONS', path, { headers: { origin, 'access-control-request-method': 'POST' } })
    const good = await ask('/v1/e?k=k-track', 'https://shop.example')
    expect(good.status).toBe(204)
    expect(good.headers.get('access-control-allow-methods')).toBe('POST')
    expect(good.headers.get('access-control-max-age')).toBe('86400')
    expect(
      (await ask('/v1/track', 'https://shop.example')).headers.get('access-control-allow-origin'),
    ).not.toBeNull()
    for (const [path, origin] of [
      ['/v1/e?k=k-track', 'https://evil.example'],
      ['/v1/topics', 'https://shop.example'],
      ['/v1/topics/x/records', 'https://shop.example'],
      ['/v1/tail', 'https://shop.example'],
    ] as const) {
      const answer = await ask(path, origin)
      expect(answer.headers.get('access-control-allow-origin'), `${path} ${origin}`).toBeNull()
    }
  })

  test('no answer of an administrative route carries CORS headers', async () => {
    for (const route of collector.service.routes) {
      if (route.access === 'track' || route.path.startsWith('/t.')) continue
      const headers = { authorization: 'Bearer k-admin', origin: 'https://shop.example' }
      const body = route.method === 'POST' || route.method === 'PATCH' ? '{}' : undefined
      const answer = await collector.send(route.method, route.path, { headers, body })
      expect(answer.headers.get('access-control-allow-origin'), route.path).toBeNull()
    }
  })
})

describe('without keys', () => {
  test('this machine may do everything', async () => {
    expect((await open.send('GET', '/v1/status')).status).toBe(200)
    expect((await open.send('POST', '/v1/topics/x/records', { body: '{"a":1}' })).status).toBe(200)
  })

  test('a client behind some proxy on this machine may do nothing', async () => {
    const headers = { 'x-forwarded-for': '127.0.0.1' }
    const answer = await open.send('GET', '/v1/status', { headers })
    expect(answer.status).toBe(401)
    expect(answer.json.error.hint).toContain('collector.keys')
    expect((await open.send('GET', '/healthz', { headers })).status).toBe(200)
  })

  test('a web page of another site cannot ship or administer through the browser on this machine', async () => {
    const headers = { origin: 'https://evil.example', 'content-type': 'application/json' }
    for (const route of open.service.routes) {
      if (route.access === 'public' || route.access === 'track') continue
      const path = route.path.replace('{topic}', 'x').replace('{source}', 's')
      const body = route.method === 'POST' || route.method === 'PATCH' ? '{}' : undefined
      expect((await open.send(route.method, path, { headers, body })).status, path).toBe(403)
    }
  })

  test('a trusted proxy passes the address on', async () => {
    await using proxied = await startCollector({ trustedProxies: ['127.0.0.1'] })
    const from = (client: string) =>
      proxied.send('GET', '/v1/status', { headers: { 'x-forwarded-for': client } })
    expect((await from('203.0.113.5')).status).toBe(401)
    expect((await from('127.0.0.1, 203.0.113.5')).status).toBe(401)
  })
})
