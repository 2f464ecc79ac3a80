// Producers: what a partition makes of sequences and epochs; the same after it was saved or read again from the log.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Producers } from '../../../../collector/broker/partitions/producers.ts'
import { type BatchHeader, readHeader } from '../../../../protocol/batch-header.ts'
import { encodeMarker, type Marker, type Outcome } from '../../../../protocol/control-batch.ts'
import { runs } from '../../../runs.ts'
import { clientBatch } from '../producer-harness.ts'

const limits = { producersMax: 100, expiryMs: 1000 }
const largest = 0x7fffffff

interface Sent {
  readonly id?: number
  readonly epoch?: number
  readonly sequence: number
  readonly count?: number
  readonly transactional?: boolean
}

function headerOf({ id = 1, epoch = 0, sequence, count = 1, transactional = false }: Sent): BatchHeader {
  const values = Array.from({ length: count }, () => '')
  return readHeader(clientBatch({ id, epoch, sequence, values, transactional, timestamp: 5 }), 0)
}

/** A partition's producers and the end of its log. */
class Model {
  readonly producers = new Producers(limits)
  readonly log: { readonly header: BatchHeader; readonly at: number; readonly marker: Marker | null }[] = []
  #end = 0

  send(sent: Sent): string {
    const header = headerOf(sent)
    const duplicate = this.producers.duplicateOf(header)
    if (duplicate !== null) return `duplicate of ${duplicate.baseOffset}`
    try {
      this.producers.take(header, 0)
    } catch (error) {
      return (error as { error: string }).error
    }
    return `at ${this.#store(header, null)}`
  }

  end(id: number, producerEpoch: number, outcome: Outcome): void {
    const marker = { producerId: id, producerEpoch, outcome, coordinatorEpoch: 0 }
    const header = readHeader(encodeMarker(marker, 5), 0)
    this.producers.take(header, 0)
    this.#store(header, marker)
  }

  #store(header: BatchHeader, marker: Marker | null): number {
    const at = this.#end
    this.#end += header.lastOffsetDelta + 1
    this.producers.apply(header, at, marker, 0)
    this.log.push({ header, at, marker })
    return at
  }
}

test('sequences follow one another; gaps and old batches are refused, the last five are recognised', () => {
  const model = new Model()
  expect(model.send({ sequence: 0, count: 3 })).toBe('at 0')
  expect(model.send({ sequence: 4 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  for (let i = 0; i < 6; i += 1) expect(model.send({ sequence: 3 + i })).toBe(`at ${3 + i}`)
  for (let i = 1; i < 6; i += 1) expect(model.send({ sequence: 3 + i })).toBe(`duplicate of ${3 + i}`)
  // Redpanda #3038: a retry may come four batches late; five is too late.
  expect(model.send({ sequence: 3 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  // The same beginning with another end is not the same batch.
  expect(model.send({ sequence: 8, count: 2 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(model.send({ sequence: 9 })).toBe('at 9')
})

test('sequences go on at 0 behind the largest one, within a batch as well', () => {
  for (const count of [1, 2, 5]) {
    const model = new Model()
    expect(model.send({ sequence: largest - 1, count })).toBe('at 0')
    const next = (largest - 1 + count) % 2 ** 31
    expect(model.send({ sequence: next, count: 2 })).toBe(`at ${count}`)
    expect(model.send({ sequence: largest - 1, count })).toBe('duplicate of 0')
    expect(model.send({ sequence: next, count: 2 })).toBe(`duplicate of ${count}`)
  }
})

test('an older epoch is fenced; a newer one begins at 0', () => {
  const model = new Model()
  model.send({ epoch: 3, sequence: 0 })
  expect(model.send({ epoch: 2, sequence: 1 })).toBe('INVALID_PRODUCER_EPOCH')
  expect(model.send({ epoch: 4, sequence: 1 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(model.send({ epoch: 4, sequence: 0 })).toBe('at 1')
  expect(model.send({ epoch: 3, sequence: 0 })).toBe('INVALID_PRODUCER_EPOCH')
  // A marker under a new epoch fences as well, and numbers begin anew.
  model.end(1, 5, 'abort')
  expect(model.send({ epoch: 4, sequence: 1 })).toBe('INVALID_PRODUCER_EPOCH')
  expect(model.send({ epoch: 5, sequence: 1 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(model.send({ epoch: 5, sequence: 0 })).toBe('at 3')
})

test('a producer that nobody knows any more goes on where it is (KIP-360)', () => {
  const model = new Model()
  expect(model.send({ epoch: 7, sequence: 41, count: 2 })).toBe('at 0')
  expect(model.send({ epoch: 7, sequence: 43 })).toBe('at 2')
})

test('while a transaction is open, the producer writes nothing beside it', () => {
  const model = new Model()
  expect(model.send({ sequence: 0, transactional: true })).toBe('at 0')
  expect(model.send({ sequence: 1 })).toBe('INVALID_TXN_STATE')
  expect(model.producers.firstOpenOffset).toBe(0)
  model.end(1, 0, 'commit')
  expect(model.producers.firstOpenOffset).toBe(null)
  expect(model.send({ sequence: 1 })).toBe('at 2')
})

test('the oldest open transaction is the first one, in whatever order they end', () => {
  const model = new Model()
  for (const id of [1, 2, 3]) model.send({ id, sequence: 0, transactional: true })
  model.end(2, 0, 'abort')
  expect(model.producers.firstOpenOffset).toBe(0)
  model.end(1, 0, 'commit')
  expect(model.producers.firstOpenOffset).toBe(2)
})

test('what failed on its way to the disk is forgotten, and so nothing behind it gets through', () => {
  const producers = new Producers(limits)
  const [first, second, third] = [0, 1, 2].map((sequence) => headerOf({ sequence })) as [
    BatchHeader,
    BatchHeader,
    BatchHeader,
  ]
  producers.take(first, 0)
  producers.apply(first, 0, null, 0)
  producers.take(second, 0)
  producers.take(third, 0)
  expect(producers.duplicateOf(second)).toMatchObject({ baseOffset: -1 })
  // Redpanda #16706: the failure of one must not let the next one in.
  producers.dropPending()
  expect(producers.duplicateOf(second)).toBe(null)
  expect(() => producers.take(third, 0)).toThrow('expected 1')
  producers.take(second, 0)
})

test('a new producer whose first batch was refused begins with that one, not with what comes behind it', () => {
  for (const how of ['failed', 'refused'] as const) {
    const producers = new Producers(limits)
    const [first, second] = [headerOf({ sequence: largest }), headerOf({ sequence: 0 })]
    if (how === 'refused') producers.noteRefused(first, 0)
    else {
      producers.take(first, 0)
      producers.dropPending()
    }
    expect(producers.facts()).toEqual([])
    expect(() => producers.take(second, 0)).toThrow(`expected ${largest}`)
    producers.take(first, 0)
    producers.take(second, 0)
    expect(() => producers.take(headerOf({ epoch: 1, sequence: 4 }), 0)).toThrow('expected 0')
  }
})

test('many producers push out the one unseen for longest, never one with an open transaction or a batch on its way', () => {
  const producers = new Producers({ producersMax: 3, expiryMs: 1000 })
  const store = (id: number, at: number, transactional = false) => {
    const header = headerOf({ id, sequence: 0, transactional })
    producers.take(header, at)
    producers.apply(header, at, null, at)
  }
  store(1, 0, true)
  store(2, 1)
  producers.take(headerOf({ id: 3, sequence: 0 }), 2)
  store(4, 3)
  expect(producers.facts().map((facts) => facts.producerId)).toEqual([1, 4])
  expect(producers.evicted).toBe(1)
  const full = new Producers({ producersMax: 1, expiryMs: 1000 })
  const open = headerOf({ id: 1, sequence: 0, transactional: true })
  full.take(open, 0)
  full.apply(open, 0, null, 0)
  expect(() => full.take(headerOf({ id: 2, sequence: 0 }), 0)).toThrow('too many producers')
})

test('a producer without traffic is forgotten, unless its transaction is open; no epoch plays a part (Redpanda #17880)', () => {
  const producers = new Producers(limits)
  const store = (sent: Sent, at: number) => {
    const header = headerOf(sent)
    producers.take(header, at)
    producers.apply(header, at, null, at)
  }
  store({ id: 1, epoch: 9, sequence: 0 }, 0)
  store({ id: 2, epoch: 1, sequence: 0, transactional: true }, 100)
  store({ id: 3, epoch: 0, sequence: 0 }, 200)
  store({ id: 1, epoch: 10, sequence: 0 }, 900)
  producers.expire(1150)
  expect(producers.facts().map((facts) => facts.producerId)).toEqual([2, 3, 1])
  producers.expire(1900)
  expect(producers.facts().map((facts) => facts.producerId)).toEqual([2])
})

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      id: fc.nat(2),
      ahead: fc.nat(2),
      count: fc.integer({ min: 1, max: 3 }),
      epoch: fc.nat(1),
      transactional: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      id: fc.nat(2),
      outcome: fc.constantFrom('commit' as const, 'abort' as const),
      bump: fc.nat(1),
    }),
  },
)

test('whatever is sent: rebuilt from the log, or from a snapshot and the log behind it, producers are the same', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, cut) => {
      const model = new Model()
      const epochs = [0, 0, 0]
      const next = [0, 0, 0]
      let snapshot: { readonly from: number; readonly saved: unknown } = { from: 0, saved: [] }
      for (const [index, one] of steps.entries()) {
        const { id } = one
        if (index === cut) {
          snapshot = { from: model.log.length, saved: JSON.parse(JSON.stringify(model.producers.save())) }
        }
        if (one.kind === 'end') {
          epochs[id] = (epochs[id] as number) + one.bump
          if (one.bump > 0) next[id] = 0
          model.end(id, epochs[id] as number, one.outcome)
          continue
        }
        const sequence = Math.max(0, (next[id] as number) + one.ahead - 1)
        const epoch = Math.max(0, (epochs[id] as number) - one.epoch)
        const { count, transactional } = one
        const outcome = model.send({ id, epoch, sequence, count, transactional })
        if (outcome.startsWith('at')) next[id] = sequence + count
        // Told twice, it is stored once.
        if (outcome.startsWith('at')) {
          expect(model.send({ id, epoch, sequence, count, transactional })).toBe(
            `duplicate of ${outcome.slice(3)}`,
          )
        }
      }
      for (const { from, saved } of [{ from: 0, saved: [] }, snapshot]) {
        const rebuilt = new Producers(limits)
        expect(rebuilt.restore(saved)).toBe(true)
        for (const { header, at, marker } of model.log.slice(from)) rebuilt.apply(header, at, marker, 0)
        expect(rebuilt.save()).toEqual(model.producers.save())
        expect(rebuilt.firstOpenOffset).toBe(model.producers.firstOpenOffset)
        expect([...rebuilt.open()]).toEqual([...model.producers.open()])
      }
    }),
    { numRuns: runs(1000, 200) },
  )
})

test('a snapshot that is none is refused', () => {
  for (const junk of [
    null,
    {},
    [1],
    [[1, 2]],
    [[1, 2, 3, 4, 5, 6]],
    [['1', 0, 0, -1, 0]],
    [
      [1, 0, 0, -1, 0],
      [1, 0, 0, -1, 0],
    ],
  ]) {
    expect(new Producers(limits).restore(junk)).toBe(false)
  }
})
