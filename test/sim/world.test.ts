// The simulated world: it repeats itself, it conforms, and it kills processes the way machines do.
import { expect, test } from 'vitest'
import { clockConformance } from '../conformance/clock.ts'
import { filesConformance } from '../conformance/files.ts'
import { httpConformance, roomyLimits } from '../conformance/http.ts'
import { SimulatedFiles } from './files.ts'
import { SeededRandom } from './random.ts'
import { World } from './world.ts'

const never = new AbortController().signal

clockConformance('World', () => {
  const world = new World({ seed: 1 })
  return { clock: world.process('p').runtime.clock, complete: (promise) => world.complete(promise) }
})

httpConformance('Network', () => {
  const world = new World({ seed: 1 })
  return { http: world.process('p').runtime.http, complete: (promise) => world.complete(promise) }
})

filesConformance('SimulatedFiles', async () => {
  const files = new SimulatedFiles({ random: new SeededRandom(1, 'files'), now: () => 1 })
  files.makeDirectory('/logs')
  return { files: files.view(), directory: '/logs', application: files }
})

/** Two processes that talk, sleep and write until one of them has said a hundred things. */
async function chatter(seed: number): Promise<World> {
  const world = new World({ seed })
  world.network.faults = { requestLost: 0.1, responseLost: 0.1, slow: 0.05 }
  let heard = 0
  world.process('server').start(async (runtime, signal) => {
    const handler = async () => {
      await using file = await runtime.storage.open('/heard', 'write')
      await file.write(file.size, [Uint8Array.of(1)])
      await file.sync()
      heard += 1
      return { status: 200, headers: {}, body: '' }
    }
    await using _server = await runtime.http.serve({ host: '0.0.0.0', port: 80 }, handler, roomyLimits)
    await runtime.clock.sleep(1e9, signal)
  })
  world.process('client').start(async (runtime, signal) => {
    while (!signal.aborted) {
      const request = { method: 'POST', url: 'http://server/', headers: {}, body: null, timeoutMs: 1_000 }
      await runtime.http.request(request, signal).catch(() => undefined)
      await runtime.clock.sleep(runtime.random.next() * 50, signal)
    }
  })
  await world.runUntil(() => heard >= 100, 600_000)
  return world
}

test('the same seed gives the same trace, another seed another one', async () => {
  const [one, again, other] = [await chatter(5), await chatter(5), await chatter(6)]
  expect(again.trace).toBe(one.trace)
  expect(again.events).toBe(one.events)
  expect([...again.faults]).toEqual([...one.faults])
  expect(other.trace).not.toBe(one.trace)
  expect(one.faults.get('request lost')).toBeGreaterThan(0)
  expect(one.faults.get('response lost')).toBeGreaterThan(0)
})

test('what happens at the same time happens in an order of chance that the seed repeats', async () => {
  const orderOf = async (seed: number) => {
    const world = new World({ seed })
    const order: number[] = []
    for (let i = 0; i < 20; i += 1) world.schedule('tie', 5, () => order.push(i))
    await world.runFor(10)
    return order.join(' ')
  }
  expect(await orderOf(1)).toBe(await orderOf(1))
  expect(await orderOf(1)).not.toBe(await orderOf(2))
})

test('a program that never lets time pass is a livelock', async () => {
  const world = new World({ seed: 1 })
  const again = () => void world.schedule('busy', 0, again)
  again()
  await expect(world.runFor(1)).rejects.toThrow('livelock at 0 ms: busy')
})

test('after a crash nothing of the old incarnation happens any more', async () => {
  const world = new World({ seed: 1 })
  const machine = world.process('m')
  const said: string[] = []
  machine.start(async (runtime, signal) => {
    const name = `life ${machine.starts}`
    for (;;) {
      await runtime.clock.sleep(10, signal)
      said.push(name)
    }
  })
  await world.runFor(25)
  machine.crash()
  await world.runFor(100)
  expect(said).toEqual(['life 1', 'life 1'])
  machine.restart()
  await world.runFor(15)
  expect(said).toEqual(['life 1', 'life 1', 'life 2'])
})

test('a power cut takes unsynced bytes, a kill does not', async () => {
  const sizes = { power: new Set<number>(), kill: new Set<number>() }
  for (let seed = 0; seed < 30; seed += 1) {
    for (const power of [true, false]) {
      const world = new World({ seed })
      const machine = world.process('m')
      machine.start(async (runtime) => {
        const file = await runtime.storage.open('/a', 'write')
        await file.sync()
        await file.write(0, [new Uint8Array(100)])
        await new Promise(() => undefined)
      })
      await world.runFor(3_000)
      machine.crash({ power })
      sizes[power ? 'power' : 'kill'].add(machine.disk.readLive('/a')?.byteLength ?? -1)
    }
  }
  expect([...sizes.kill]).toEqual([100])
  expect(Math.min(...sizes.power)).toBeLessThan(100)
})

test('a server that crashes leaves its clients with UNAVAILABLE; a restarted one answers', async () => {
  const world = new World({ seed: 3 })
  const server = world.process('server')
  server.start(async (runtime, signal) => {
    const handler = async () => {
      await runtime.clock.sleep(100, signal)
      return { status: 200, headers: {}, body: '' }
    }
    await runtime.http.serve({ host: '0.0.0.0', port: 80 }, handler, roomyLimits)
    await runtime.clock.sleep(1e9, signal)
  })
  await world.runFor(10)
  const { http } = world.process('client').runtime
  const request = { method: 'GET', url: 'http://server/', headers: {}, body: null, timeoutMs: 60_000 }
  const asked = http.request(request, never)
  asked.catch(() => undefined)
  await world.runFor(50)
  server.crash()
  await expect(world.complete(asked, 1_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(world.complete(http.request(request, never))).rejects.toThrow('refused')
  server.restart()
  await world.runFor(10)
  expect((await world.complete(http.request(request, never))).status).toBe(200)
})

test('a lost response: the server acted, the client does not know', async () => {
  const world = new World({ seed: 1 })
  let acted = 0
  const handler = async () => {
    acted += 1
    return { status: 200, headers: {}, body: '' }
  }
  const { http } = world.process('server').runtime
  await world.complete(http.serve({ host: '0.0.0.0', port: 80 }, handler, roomyLimits))
  world.network.faults.responseLost = 1
  const request = { method: 'GET', url: 'http://server/', headers: {}, body: null, timeoutMs: 500 }
  const asked = world.process('client').runtime.http.request(request, never)
  await expect(world.complete(asked)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(acted).toBe(1)
})

test('a partition stops both ways until it heals', async () => {
  const world = new World({ seed: 1 })
  const handler = async () => ({ status: 200, headers: {}, body: '' })
  const { http } = world.process('a').runtime
  await world.complete(http.serve({ host: '0.0.0.0', port: 80 }, handler, roomyLimits))
  const request = { method: 'GET', url: 'http://a/', headers: {}, body: null, timeoutMs: 500 }
  const client = world.process('b').runtime.http
  world.network.partition('a', 'b', true)
  await expect(world.complete(client.request(request, never))).rejects.toThrow('no answer in 500 ms')
  world.network.heal()
  expect((await world.complete(client.request(request, never))).status).toBe(200)
})

test('a program that waits for nothing is a deadlock, with a name', async () => {
  const world = new World({ seed: 1 })
  await expect(world.complete(new Promise(() => undefined))).rejects.toThrow('deadlock')
})

test('a program that fails leaves its error', async () => {
  const world = new World({ seed: 1 })
  const machine = world.process('m')
  machine.start(async () => {
    throw new Error('disk on fire')
  })
  await world.runFor(1)
  expect(machine.running).toBe(false)
  expect(machine.failure?.error).toMatchObject({ message: 'disk on fire' })
})

test('an inode number is reused only when neither a name nor a reader holds it', async () => {
  const files = new SimulatedFiles({ random: new SeededRandom(1, 'f'), now: () => 1, reuseInodes: true })
  files.append('/logs/a', 'old')
  const view = files.view()
  const ino = (await view.stat('/logs/a'))?.ino
  const handle = await view.open('/logs/a')
  files.remove('/logs/a')
  files.append('/logs/b', 'new')
  expect((await view.stat('/logs/b'))?.ino).not.toBe(ino)
  await handle[Symbol.asyncDispose]()
  files.append('/logs/c', 'newer')
  expect((await view.stat('/logs/c'))?.ino).toBe(ino)
})
