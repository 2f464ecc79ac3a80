// Many small files at once: few requests, each source answered by itself, in the simulated world.
import { expect, test } from 'vitest'
import { envelopeOf, Together, type Waiter } from '../../../agent/ship/together.ts'
import type { Shipment } from '../../../agent/ship/uplink.ts'
import { openEnvelope } from '../../../collector/http/source-envelope.ts'
import { stage } from '../simulated.ts'

const count = 300

/** Every file gets a line at the same moment, and each line arrives once. */
async function burst(seed: number, prepare: (on: ReturnType<typeof stage>) => void = () => {}) {
  const on = stage(seed)
  prepare(on)
  on.startAgent()
  const expected: string[] = []
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < count; n += 1) {
      on.files.append(`/logs/${n}.log`, `line ${round} of ${n}\n`)
      expected.push(`line ${round} of ${n}`)
    }
    await on.arrived(expected.length)
    await on.world.runFor(3000)
  }
  expect(on.receiver.texts.toSorted()).toEqual(expected.toSorted())
  expect(on.agent.failure).toBeNull()
  return on
}

test('files that are written to at once share requests', async () => {
  const { receiver } = await burst(1)
  expect(receiver.requests).toBeLessThan(count / 2)
  expect(receiver.outcomes).toEqual({ appended: 2 * count, duplicate: 0, conflict: 0, refused: 0 })
})

test('a collector that does not know such requests gets each by itself', async () => {
  const { receiver } = await burst(2, (on) => {
    on.receiver.takesSources = false
  })
  expect(receiver.requests).toBeGreaterThan(2 * count)
})

test('answers and requests that get lost double nothing', async () => {
  const { receiver, world } = await burst(3, (on) => {
    on.world.network.faults = { requestLost: 0.1, responseLost: 0.3, slow: 0.1 }
  })
  expect(receiver.outcomes.duplicate).toBeGreaterThan(0)
  expect(world.now).toBeLessThan(600_000)
})

test('what one source meets is nothing to the others', async () => {
  const on = stage(4)
  on.receiver.refuses = (line) => line === 'line of 7'
  for (let n = 0; n < count; n += 1) on.files.append(`/logs/${n}.log`, `line of ${n}\n`)
  on.startAgent()
  await on.arrived(count - 1)
  await on.world.runFor(3000)
  expect(on.receiver.lines.length).toBe(count - 1)
  expect(on.receiver.requests).toBeLessThan(count / 2)
  const kept = on.agent.disk.readLive('/state/quarantine.ndjson')
  expect(Buffer.from(kept ?? []).toString()).toContain('"line":"line of 7"')
})

function shipment(source: string, bytes = 10, topic = 'logs'): Shipment {
  return {
    topic,
    source,
    epoch: 1,
    from: 0,
    to: 9,
    gap: false,
    path: '/a',
    body: Buffer.alloc(bytes, source),
  }
}

function waiter(one: Shipment, signal = new AbortController().signal): Waiter<null> {
  return { shipment: one, signal, settle: () => {}, fail: () => {} }
}

test('those of one topic are taken along, a source once, within the bounds; who left is not', () => {
  const together = new Together<null>()
  const gone = new AbortController()
  gone.abort()
  const first = waiter(shipment('first'))
  const others = [
    waiter(shipment('a')),
    waiter(shipment('a')),
    waiter(shipment('elsewhere', 10, 'other')),
    waiter(shipment('gone'), gone.signal),
    waiter(shipment('b', 60_000)),
  ]
  for (const one of [first, ...others]) together.add(one)
  expect(together.remove(first)).toBe(true)
  expect(together.takeWith(first).map(({ shipment: { source } }) => source)).toEqual(['first', 'a', 'b'])
  expect(together.remove(others[0] as Waiter<null>)).toBe(false)
  const many = Array.from({ length: 400 }, (_, n) => waiter(shipment(`s${n}`, 5000)))
  for (const one of many) together.add(one)
  const taken = together.takeWith(first)
  expect(taken.reduce((sum, one) => sum + one.shipment.body.length, 0)).toBeLessThanOrEqual(1024 * 1024)
  expect(taken.length).toBeGreaterThan(200)
  for (let n = 0; n < 400; n += 1) together.add(waiter(shipment(`s${n}`, 10, 'small')))
  expect(together.takeWith(waiter(shipment('first', 10, 'small'))).length).toBe(256)
})

test('an envelope is opened to what was put into it', () => {
  const all = [shipment('a', 1), { ...shipment('b', 2), gap: true }, shipment('c', 3)]
  const opened = openEnvelope(envelopeOf(all))
  expect(opened.map(({ range, bytes }) => [range, Buffer.from(bytes)])).toEqual(
    all.map(({ source, epoch, from, to, gap, body }) => [{ source, epoch, from, to, gap }, body]),
  )
})
