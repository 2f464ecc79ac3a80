// What every Transport keeps: sockets and the simulated network pass the same tests.
import { afterEach, describe, expect, test } from 'vitest'
import type { Connection, Transport } from '../../core/runtime.ts'

/** A Transport, and the way to wait for something that crosses it. */
export interface TransportUnderTest {
  readonly transport: Transport
  readonly complete: <T>(promise: Promise<T>) => Promise<T>
}

const never = new AbortController().signal
const plain = { tls: null }
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (value: string) => new TextEncoder().encode(value)

/** Registers the suite; `make` gives a fresh one for each test. */
export function transportConformance(name: string, make: () => TransportUnderTest): void {
  describe(`${name} as Transport`, () => {
    const cleanups: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0)) await cleanup()
    })

    async function listening(connectionsMax = 10) {
      const { transport, complete } = make()
      const accepted: Connection[] = []
      const waiting: ((connection: Connection) => void)[] = []
      const listener = await complete(
        transport.listen({ host: '127.0.0.1', port: 0 }, { ...plain, connectionsMax }, (connection) => {
          const first = waiting.shift()
          if (first === undefined) accepted.push(connection)
          else first(connection)
        }),
      )
      cleanups.push(() => complete(Promise.resolve(listener[Symbol.asyncDispose]())))
      const connect = () => complete(transport.connect(listener.address, plain, never))
      const accept = () => {
        const first = accepted.shift()
        if (first !== undefined) return Promise.resolve(first)
        return complete(new Promise<Connection>((resolve) => waiting.push(resolve)))
      }
      const pair = async () => {
        const client = await connect()
        const server = await accept()
        cleanups.push(async () => {
          client.abort()
          server.abort()
        })
        return { client, server }
      }
      return { transport, complete, listener, connect, accept, pair }
    }

    async function readAll(connection: Connection, count: number): Promise<Uint8Array> {
      const target = new Uint8Array(count)
      return target.subarray(0, await connection.read(target, count))
    }

    test('pieces arrive one behind the other, both ways', async () => {
      const { pair, complete } = await listening()
      const { client, server } = await pair()
      await complete(client.write([bytes('one '), bytes(''), bytes('two ')]))
      await complete(client.write([bytes('three')]))
      expect(text(await complete(readAll(server, 13)))).toBe('one two three')
      await complete(server.write([bytes('yes')]))
      expect(text(await complete(readAll(client, 3)))).toBe('yes')
    })

    test('megabytes arrive as they were sent, however they are read', async () => {
      const { pair, complete } = await listening()
      const { client, server } = await pair()
      const sent = new Uint8Array(3_000_000).map((_, index) => (index * 31 + (index >> 8)) & 0xff)
      const writing = (async () => {
        for (let at = 0; at < sent.length; at += 700_000)
          await client.write([sent.subarray(at, at + 700_000)])
      })()
      const got = new Uint8Array(sent.length)
      const reading = (async () => {
        const sizes = [1, 4, 100_000, 7, 65_536, 1_000_000, 3, 20_000]
        for (let at = 0, turn = 0; at < got.length; turn += 1) {
          const size = Math.min(sizes[turn % sizes.length] as number, got.length - at)
          const bytesMin = turn % 3 === 0 ? 1 : size
          at += await server.read(got.subarray(at, at + size), bytesMin)
        }
      })()
      await complete(Promise.all([writing, reading]))
      expect(Buffer.compare(got, sent)).toBe(0)
    })

    test('a read waits for the least it wants, and gives less only at the end', async () => {
      const { pair, complete } = await listening()
      const { client, server } = await pair()
      await complete(client.write([bytes('abc')]))
      const reading = readAll(server, 5)
      await complete(client.write([bytes('de')]))
      expect(text(await complete(reading))).toBe('abcde')
      await complete(client.write([bytes('fg')]))
      const last = readAll(server, 5)
      await complete(Promise.resolve(client[Symbol.asyncDispose]()))
      expect(text(await complete(last))).toBe('fg')
      expect(await complete(readAll(server, 1))).toHaveLength(0)
    })

    test('a writer waits for a reader that does not read', async () => {
      const { pair, complete } = await listening()
      const { client, server } = await pair()
      const piece = new Uint8Array(1_000_000)
      let written = 0
      const writing = (async () => {
        while (written < 40) {
          await client.write([piece])
          written += 1
        }
      })()
      await complete(readAll(server, 1))
      expect(written).toBeLessThan(40)
      const target = new Uint8Array(1_000_000)
      const reading = (async () => {
        for (let got = 1; got < 40_000_000; ) got += await server.read(target, 1)
      })()
      await complete(Promise.all([writing, reading]))
      expect(written).toBe(40)
    })

    test('disposing lets out what was written', async () => {
      const { pair, complete } = await listening()
      const { client, server } = await pair()
      const sent = new Uint8Array(500_000).fill(7)
      const writing = server.write([sent])
      const closing = Promise.resolve(server[Symbol.asyncDispose]())
      expect(await complete(readAll(client, 500_001))).toHaveLength(500_000)
      await complete(Promise.all([writing, closing]))
      expect(server.signal.aborted).toBe(true)
    })

    test('an abort ends both ends: their signals, reads and writes', async () => {
      const { pair, complete } = await listening()
      const { client, server } = await pair()
      const gone = new Promise<void>((resolve) =>
        server.signal.addEventListener('abort', () => resolve(), { once: true }),
      )
      const reading = readAll(client, 1)
      client.abort()
      await expect(complete(reading)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect(complete(client.write([bytes('x')]))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await complete(gone)
      await expect(complete(server.write([bytes('x')]))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })

    test('nobody listens: connecting is refused; an aborted signal gives its reason', async () => {
      const { listener, transport, complete } = await listening()
      await complete(Promise.resolve(listener[Symbol.asyncDispose]()))
      const refused = complete(transport.connect(listener.address, plain, never))
      await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      const reason = new Error('changed my mind')
      const aborted = complete(transport.connect(listener.address, plain, AbortSignal.abort(reason)))
      await expect(aborted).rejects.toBe(reason)
    })

    test('a port is taken once', async () => {
      const { listener, transport, complete } = await listening()
      const options = { ...plain, connectionsMax: 1 }
      const again = complete(transport.listen(listener.address, options, () => undefined))
      await expect(again).rejects.toMatchObject({ code: 'PORT_TAKEN' })
    })

    test('one connection too many is closed, and there is room again when one has gone', async () => {
      const { pair, transport, listener, complete, accept } = await listening(1)
      const { client, server } = await pair()
      const second = complete(
        transport.connect(listener.address, plain, never).then((connection) => readAll(connection, 1)),
      )
      // Some systems say so at once, others after they have connected.
      const refused = await second.then(
        (got) => got.length === 0,
        () => true,
      )
      expect(refused).toBe(true)
      const gone = new Promise<void>((resolve) =>
        server.signal.addEventListener('abort', () => resolve(), { once: true }),
      )
      client.abort()
      await complete(gone)
      const third = await complete(transport.connect(listener.address, plain, never))
      const accepted = await accept()
      await complete(accepted.write([bytes('hi')]))
      expect(text(await complete(readAll(third, 2)))).toBe('hi')
      third.abort()
      accepted.abort()
    })

    test('connections outlive their listener, and know both addresses', async () => {
      const { pair, listener, complete } = await listening()
      const { client, server } = await pair()
      await complete(Promise.resolve(listener[Symbol.asyncDispose]()))
      await complete(client.write([bytes('still')]))
      expect(text(await complete(readAll(server, 5)))).toBe('still')
      expect(client.peer).toEqual(server.local)
      expect(server.peer).toEqual(client.local)
      expect(server.local.port).toBe(listener.address.port)
      expect(server.tls).toBeNull()
    })
  })
}
