// RecordQueue: bounded, in order, the same batch until it is committed, and nothing forgotten of what is left.
import { expect, test } from 'vitest'
import type { Packet } from '../../../agent/inputs/packet.ts'
import { drained, RecordQueue } from '../../../agent/inputs/queue.ts'

const never = new AbortController().signal
const bounds = { bytesMax: 2000, batchBytesMax: 100, batchRecordsMax: 3 }

function packet(...texts: string[]): Packet {
  let end = -1
  const ends = texts.map((text) => {
    end += text.length + 1
    return end
  })
  return { bytes: Buffer.from(texts.join('\n')), ends, count: texts.length, atMs: 1 }
}

const textOf = ({ bytes }: Packet) => Buffer.from(bytes).toString()

test('packets join to a batch within its bounds, in order', async () => {
  const queue = new RecordQueue(bounds)
  for (const one of [packet('a', 'b'), packet('c'), packet('d'), packet('x'.repeat(200))]) queue.offer(one)
  queue.end()
  const first = await queue.next(never)
  expect([textOf(first), first.ends]).toEqual(['a\nb\nc', [1, 3, 5]])
  queue.offer(packet('late'))
  expect(await queue.next(never)).toBe(first)
  await queue.commit(first)
  const rest: string[] = []
  for (let left = 3; left > 0; left -= 1) {
    const batch = await queue.next(never)
    rest.push(textOf(batch))
    await queue.commit(batch)
  }
  expect(rest).toEqual(['d', 'x'.repeat(200), 'late'])
  await expect(queue.next(never)).rejects.toBe(drained)
  expect(queue.bytes).toBe(0)
})

test('without room an offer is refused and a put waits', async () => {
  const queue = new RecordQueue(bounds)
  expect(queue.offer(packet('x'.repeat(5000)))).toBe(true)
  expect(queue.offer(packet('y'))).toBe(false)
  let isIn = false
  const putting = queue.put(packet('z'), never).then(() => {
    isIn = true
  })
  await Promise.resolve()
  expect(isIn).toBe(false)
  await queue.commit(await queue.next(never))
  await putting
  expect(textOf(await queue.next(never))).toBe('z')
})

test('what was taken, what waits and what waited for room is left at an abort', async () => {
  const queue = new RecordQueue({ ...bounds, bytesMax: 1 })
  const kill = new AbortController()
  queue.offer(packet('a'))
  await queue.next(never)
  const putting = queue.put(packet('b'), kill.signal)
  kill.abort()
  await putting
  expect(queue.leftovers().map(textOf)).toEqual(['a', 'b'])
  expect(queue.bytes).toBe(0)
})
