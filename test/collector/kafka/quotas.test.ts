// Quotas: who pauses for how long, whose bucket it is, and which quota counts.
import { expect, test } from 'vitest'
import { type Quota, Quotas } from '../../../collector/kafka/quotas.ts'

const anyone = { principal: null, clientId: null }
const alice = { principal: 'User:alice', clientId: 'import' }
const bob = { principal: 'User:bob', clientId: 'import' }
const rates = (bytesPerSecond: number): Pick<Quota, 'producerBytesPerSecond' | 'consumerBytesPerSecond'> => ({
  producerBytesPerSecond: bytesPerSecond,
  consumerBytesPerSecond: null,
})

/** Produces so many bytes; how long the client pauses. */
function produce(quotas: Quotas, client: typeof alice, bytes: number, now: number): number {
  return quotas.charge('Produce', client, { in: bytes, out: 50 }, now)
}

test('a second of it may come at once; what is more is paid by a pause', () => {
  const quotas = new Quotas([{ ...anyone, ...rates(1_000) }])
  expect(produce(quotas, alice, 1_000, 0)).toBe(0)
  expect(produce(quotas, alice, 500, 0)).toBe(500)
  expect(produce(quotas, alice, 0, 500)).toBe(0)
  expect(produce(quotas, alice, 100, 500)).toBe(100)
})

test('over a long time nobody gets more than the rate', () => {
  const quotas = new Quotas([{ ...anyone, ...rates(10_000) }])
  let now = 0
  let sent = 0
  while (now < 60_000) {
    now += produce(quotas, alice, 3_000, now) + 1
    sent += 3_000
  }
  expect(sent / 60).toBeLessThan(10_000 * 1.06)
  expect(sent / 60).toBeGreaterThan(9_500)
})

test('what is read is charged to Fetch, other requests to nobody', () => {
  const quotas = new Quotas([{ ...anyone, producerBytesPerSecond: null, consumerBytesPerSecond: 1_000 }])
  expect(produce(quotas, alice, 1_000_000, 0)).toBe(0)
  expect(quotas.charge('Metadata', alice, { in: 1, out: 1_000_000 }, 0)).toBe(0)
  expect(quotas.charge('Fetch', alice, { in: 1, out: 3_000 }, 0)).toBe(2_000)
})

test('a quota for everybody is one for each user; the most special one counts', () => {
  const quotas = new Quotas([
    { ...anyone, ...rates(1_000) },
    { principal: null, clientId: 'import', ...rates(2_000) },
    { principal: 'User:alice', clientId: null, ...rates(3_000) },
  ])
  expect(produce(quotas, alice, 4_000, 0)).toBeCloseTo(333.3, 0)
  expect(produce(quotas, bob, 4_000, 0)).toBe(1_000)
  const [one, other] = ['User:carol', 'User:dave'].map((principal) => ({ principal, clientId: 'x' }))
  expect(produce(quotas, one as typeof alice, 2_000, 0)).toBe(1_000)
  expect(produce(quotas, other as typeof alice, 2_000, 0)).toBe(1_000)
})

test('nobody is told to pause for longer than half a minute, and clients are forgotten beyond a bound', () => {
  const quotas = new Quotas([{ ...anyone, ...rates(1) }])
  expect(produce(quotas, alice, 1_000_000, 0)).toBe(30_000)
  for (let i = 0; i < 20_000; i += 1) produce(quotas, { principal: `User:${i}`, clientId: 'x' }, 1, 0)
  expect(produce(quotas, alice, 1, 0)).toBe(0)
})
