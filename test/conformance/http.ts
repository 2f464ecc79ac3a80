// What every Http keeps: sockets and the simulated network pass the same tests.
import { afterEach, describe, expect, test } from 'vitest'
import type { Http, HttpHandler, HttpLimits, HttpRequest, HttpServer } from '../../core/runtime.ts'

/** An Http, and the way to wait for something that crosses it. */
export interface HttpUnderTest {
  readonly http: Http
  readonly complete: <T>(promise: Promise<T>) => Promise<T>
}

/** Limits that no test of the suite reaches. */
export const roomyLimits: HttpLimits = {
  headersMs: 5_000,
  requestMs: 10_000,
  connectionsMax: 100,
  headerBytesMax: 16_384,
}

const never = new AbortController().signal
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (value: string) => new TextEncoder().encode(value)

/** Registers the suite; `make` gives a fresh one for each test. */
export function httpConformance(name: string, make: () => HttpUnderTest): void {
  describe(`${name} as Http`, () => {
    const cleanups: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0)) await cleanup()
    })

    async function serve(handler: HttpHandler) {
      const { http, complete } = make()
      const server = await complete(http.serve({ host: '127.0.0.1', port: 0 }, handler, roomyLimits))
      cleanups.push(() => complete(Promise.resolve(server[Symbol.asyncDispose]())))
      const ask = (path: string, options: Partial<HttpRequest> = {}, signal = never) =>
        complete(
          http.request(
            {
              method: 'GET',
              url: `http://127.0.0.1:${server.address.port}${path}`,
              headers: {},
              body: null,
              timeoutMs: 5_000,
              ...options,
            },
            signal,
          ),
        )
      return { http, complete, server, ask }
    }

    test('a handler sees method, path, query, headers and body', async () => {
      const { ask } = await serve(async (request) => {
        const body = text(await request.body(100))
        const { method, path, query, headers } = request
        const seen = JSON.stringify({ method, path, query, mark: headers['x-mark'], body })
        return { status: 201, headers: { 'X-Answer': 'yes' }, body: seen }
      })
      const answer = await ask('/a%20b/c?d=e&f', {
        method: 'POST',
        headers: { 'X-Mark': '1' },
        body: bytes('hello'),
      })
      expect(answer.status).toBe(201)
      expect(answer.headers['x-answer']).toBe('yes')
      expect(JSON.parse(text(answer.body))).toEqual({
        method: 'POST',
        path: '/a%20b/c',
        query: 'd=e&f',
        mark: '1',
        body: 'hello',
      })
    })

    test('a status is an answer, never an error', async () => {
      const { ask } = await serve(async () => ({ status: 503, headers: { 'retry-after': '1' }, body: '' }))
      expect(await ask('/')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    })

    test('a body up to the bound is given whole, a longer one is REQUEST_TOO_LARGE', async () => {
      const { ask } = await serve(async (request) => {
        try {
          return { status: 200, headers: {}, body: String((await request.body(100_000)).byteLength) }
        } catch (error) {
          return { status: 413, headers: {}, body: (error as { code: string }).code }
        }
      })
      const whole = await ask('/', { method: 'POST', body: new Uint8Array(100_000) })
      expect(text(whole.body)).toBe('100000')
      const long = await ask('/', { method: 'POST', body: new Uint8Array(100_001) })
      expect([long.status, text(long.body)]).toEqual([413, 'REQUEST_TOO_LARGE'])
    })

    test('a streamed answer arrives in order', async () => {
      const { ask } = await serve(async () => ({
        status: 200,
        headers: {},
        body: (async function* () {
          for (let i = 0; i < 100; i += 1) yield bytes(`${i},`)
        })(),
      }))
      const expected = Array.from({ length: 100 }, (_, i) => `${i},`).join('')
      expect(text((await ask('/')).body)).toBe(expected)
    })

    test('bytes of an answer are the bytes of the handler', async () => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i)
      const { ask } = await serve(async () => ({ status: 200, headers: {}, body: all }))
      expect(new Uint8Array((await ask('/')).body)).toEqual(all)
    })

    test('nobody listens: UNAVAILABLE', async () => {
      const { ask, server, complete } = await serve(async () => ({ status: 200, headers: {}, body: '' }))
      await complete(Promise.resolve(server[Symbol.asyncDispose]()))
      await expect(ask('/')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })

    test('no answer in time: UNAVAILABLE', async () => {
      const { ask } = await serve(async (request) => {
        await new Promise<void>((resolve) => {
          request.signal.addEventListener('abort', () => resolve(), { once: true })
        })
        return { status: 200, headers: {}, body: '' }
      })
      await expect(ask('/', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })

    test('an abort rejects with its reason, and the handler’s signal follows', async () => {
      let gone = Promise.withResolvers<void>()
      const arrived = Promise.withResolvers<void>()
      const { ask, complete } = await serve(async (request) => {
        request.signal.addEventListener('abort', () => gone.resolve(), { once: true })
        arrived.resolve()
        await gone.promise
        return { status: 200, headers: {}, body: '' }
      })
      const stop = new AbortController()
      const asked = ask('/', {}, stop.signal)
      asked.catch(() => undefined)
      await complete(arrived.promise)
      stop.abort(new Error('enough'))
      await expect(asked).rejects.toThrow('enough')
      await complete(gone.promise)
      gone = Promise.withResolvers<void>()
      gone.resolve()
    })

    test('a port that is taken is PORT_TAKEN', async () => {
      const { http, server, complete } = await serve(async () => ({ status: 200, headers: {}, body: '' }))
      const again: Promise<HttpServer> = http.serve(server.address, async () => assertNever(), roomyLimits)
      await expect(complete(again)).rejects.toMatchObject({ code: 'PORT_TAKEN' })
    })

    test('disposal waits for the request that is being answered', async () => {
      const arrived = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      const { ask, server, complete } = await serve(async () => {
        arrived.resolve()
        await release.promise
        return { status: 200, headers: {}, body: 'done' }
      })
      const asked = ask('/')
      await complete(arrived.promise)
      let released = false
      const stopped = Promise.resolve(server[Symbol.asyncDispose]()).then(() => {
        expect(released).toBe(true)
      })
      // Microtasks only: the simulated network would let time pass.
      for (let i = 0; i < 50; i += 1) await Promise.resolve()
      released = true
      release.resolve()
      expect(text((await asked).body)).toBe('done')
      await complete(stopped)
    })
  })
}

function assertNever(): never {
  throw new Error('this handler is never called')
}
