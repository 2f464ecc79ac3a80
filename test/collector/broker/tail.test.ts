// Tail: order, turns, where it ends, and that following for long costs no memory.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Broker } from '../../../collector/broker/broker.ts'
import { partitionOf } from '../../../protocol/murmur2.ts'
import { drain } from '../../sim/clock.ts'
import { forever, machine, record } from './harness.ts'

test('order holds within each partition, and a busy partition does not hide the others', async () => {
  const broker = await machine().open({ partitions: 4 })
  const keys = await keyOfEach(broker, 4)
  await broker.publish('events', many(500, keys[0] as string), forever)
  for (const key of keys.slice(1)) await broker.publish('events', many(5, key), forever)
  const seen: string[] = []
  const options = { topics: ['events'], start: 'beginning', follow: false } as const
  for await (const { partition, offset } of broker.tail(options, forever)) seen.push(`${partition}:${offset}`)
  // The first record of each was the key's finding.
  expect(seen.length).toBe(500 + 3 * 5 + 4)
  for (let partition = 0; partition < 4; partition += 1) {
    const own = seen.filter((place) => place.startsWith(`${partition}:`))
    expect(own).toEqual(own.map((_, index) => `${partition}:${index}`))
  }
  const lastOfSmall = seen.findLastIndex((place) => place.endsWith(':5') && !place.startsWith('0:'))
  expect(lastOfSmall).toBeLessThan(4 * 6)
})

test('a tail that does not follow ends behind what was there when it began', async () => {
  const broker = await machine().open({ partitions: 1 })
  await broker.publish('events', many(3, 'k'), forever)
  let seen = 0
  for await (const _ of broker.tail({ topics: ['events'], start: 'beginning', follow: false }, forever)) {
    seen += 1
    if (seen < 100) await broker.publish('events', many(1, 'k'), forever)
  }
  expect(seen).toBe(3)
})

test('an idle partition costs nothing while another one is followed for 200,000 records', async () => {
  const broker = await machine().open({ partitions: 4 })
  const [busy] = await keyOfEach(broker, 4)
  const total = 200_000
  for (let sent = 0; sent < total; sent += 20_000)
    await broker.publish('events', many(20_000, busy as string), forever)
  const ending = new AbortController()
  const heap: number[] = []
  let seen = 0
  const reading = (async () => {
    for await (const _ of broker.tail(
      { topics: ['events'], start: 'beginning', follow: true },
      ending.signal,
    )) {
      seen += 1
      if (seen % 40_000 === 0) heap.push(heapAfterCollection())
    }
  })()
  while (seen < total + 4) await drain()
  ending.abort()
  await reading
  const [first = 0] = heap
  // A reaction a record in each idle partition would be some 70 MB.
  expect((heap.at(-1) ?? Number.NaN) - first).toBeLessThan(8 * 1024 * 1024)
})

function many(count: number, key: string) {
  return Array.from({ length: count }, (_, i) => record(`${key}/${i}`, key))
}

/** A key for each partition, and one record of it there. */
async function keyOfEach(broker: Broker, partitions: number): Promise<readonly string[]> {
  const keys: string[] = []
  for (let i = 0; keys.filter(Boolean).length < partitions; i += 1) {
    const key = `k${i}`
    const home = partitionOf(new TextEncoder().encode(key), partitions)
    if (keys[home] !== undefined) continue
    keys[home] = key
    await broker.publish('events', many(1, key), forever)
  }
  return keys
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
