// Ahead: what is read and packed before its turn, in which order, and what happens when reading fails.
import { expect, test } from 'vitest'
import { Ahead } from '../../../agent/ship/ahead.ts'
import type { PackedBatch } from '../../../agent/ship/shipper.ts'
import type { LineBatch } from '../../../agent/tail/batch.ts'

const never = new AbortController().signal

/** A file of batches `0..count`, whose packing is finished by hand. */
function stage(count: number, failAt = -1) {
  const events: string[] = []
  const packing = new Map<number, () => void>()
  let read = 0
  const feed = {
    next: async () => {
      const number = read
      read += 1
      events.push(`read ${number}`)
      if (number === failAt) throw new Error(`trouble at ${number}`)
      return { from: number, to: number + 1, more: number + 1 < count } as LineBatch
    },
    commit: async (batch: LineBatch) => {
      events.push(`commit ${batch.from}`)
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const pack = (batch: LineBatch, after: LineBatch | null) =>
    new Promise<PackedBatch>((resolve) => {
      events.push(`pack ${batch.from} after ${after === null ? 'nothing' : after.from}`)
      packing.set(batch.from, () =>
        resolve({ batch, from: batch.from, body: new Uint8Array(0), tally: null }),
      )
    })
  return { ahead: new Ahead(feed, pack, never), events, packed: (number: number) => packing.get(number)?.() }
}

test('while one batch is on its way two more are read and packed, in order', async () => {
  const { ahead, events, packed } = stage(5)
  const first = ahead.next(never)
  await settled()
  packed(0)
  expect((await first).from).toBe(0)
  await settled()
  expect(events).toEqual([
    'read 0',
    'pack 0 after nothing',
    'read 1',
    'pack 1 after 0',
    'read 2',
    'pack 2 after 1',
  ])
  // The later one is ready first: order stays.
  packed(2)
  const second = ahead.next(never)
  await settled()
  packed(1)
  expect((await second).from).toBe(1)
  expect((await ahead.next(never)).from).toBe(2)
  packed(3)
  packed(4)
  await ahead[Symbol.asyncDispose]()
})

test('nothing is read ahead where the file has no more; afterwards reading begins anew', async () => {
  const { ahead, events, packed } = stage(1)
  const first = ahead.next(never)
  await settled()
  packed(0)
  await first
  await settled()
  expect(events).toEqual(['read 0', 'pack 0 after nothing'])
  const second = ahead.next(never)
  await settled()
  packed(1)
  expect((await second).from).toBe(1)
  expect(events.at(-1)).toBe('pack 1 after nothing')
})

test('who takes the batch that could not be read hears why', async () => {
  const { ahead, packed } = stage(3, 1)
  const first = ahead.next(never)
  await settled()
  packed(0)
  await first
  await expect(ahead.next(never)).rejects.toThrow('trouble at 1')
  await ahead[Symbol.asyncDispose]()
})

/** Lets everything run that can. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
