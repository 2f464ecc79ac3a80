// The simulated sockets: the conformance suite, and what only a simulation can do to a connection.
import { expect, test } from 'vitest'
import type { Connection } from '../../core/runtime.ts'
import { transportConformance } from '../conformance/transport.ts'
import { World } from './world.ts'

const never = new AbortController().signal

transportConformance('the simulated Transport', () => {
  const world = new World({ seed: 7 })
  const { transport } = world.process('one').runtime
  return { transport, complete: (promise) => world.complete(promise, 600_000) }
})

/** Two machines and a connection between them. */
async function connected(seed: number) {
  const world = new World({ seed })
  const [left, right] = [world.process('left'), world.process('right')]
  const accepted: Connection[] = []
  const options = { tls: null, connectionsMax: 10 }
  const address = { host: '0.0.0.0', port: 9092 }
  await world.complete(right.runtime.transport.listen(address, options, (one) => accepted.push(one)))
  const there = { host: 'right', port: 9092 }
  const client = await world.complete(left.runtime.transport.connect(there, { tls: null }, never))
  return { world, left, right, client, server: accepted[0] as Connection }
}

test('a half-open connection takes bytes and gives none; both ends find out much later', async () => {
  const { world, client, server } = await connected(1)
  world.network.sockets.silence('left', 'right')
  const target = new Uint8Array(1)
  const reading = Promise.resolve(server.read(target, 1)).catch((error: unknown) => error)
  await world.complete(client.write([new Uint8Array(10)]))
  await world.runFor(30_000)
  expect([client.signal.aborted, server.signal.aborted]).toEqual([false, false])
  await world.runFor(90_000)
  expect([client.signal.aborted, server.signal.aborted]).toEqual([true, true])
  expect(await reading).toMatchObject({ code: 'UNAVAILABLE' })
})

test('a short partition only delays, in order', async () => {
  const { world, client, server } = await connected(2)
  world.network.partition('left', 'right', true)
  await world.complete(client.write([Uint8Array.of(1, 2), Uint8Array.of(3)]))
  await world.runFor(5_000)
  world.network.partition('left', 'right', false)
  const target = new Uint8Array(3)
  expect(await world.complete(Promise.resolve(server.read(target, 3)))).toBe(3)
  expect([...target]).toEqual([1, 2, 3])
})

test('of a crashed machine its peers hear, at the latest by keep-alive', async () => {
  for (let seed = 0; seed < 10; seed += 1) {
    const { world, right, client } = await connected(seed)
    right.crash()
    await world.runFor(100_000)
    expect(client.signal.aborted).toBe(true)
  }
})

test('the same seed does the same', async () => {
  const run = async () => {
    const { world, client, server } = await connected(3)
    world.network.sockets.faults = { reset: 0.05, silence: 0 }
    const target = new Uint8Array(1_000)
    await world.complete(client.write([new Uint8Array(1_000)]))
    await world.complete(Promise.resolve(server.read(target, 1)).catch(() => 0))
    await world.runFor(10_000)
    return world.trace
  }
  expect(await run()).toBe(await run())
})
