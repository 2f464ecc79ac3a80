// TransactionState: every step of a transactional id, as Kafka takes it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeTransactionKey,
  decodeTransactionValue,
  encodeTransactionKey,
  encodeTransactionValue,
} from '../../../../collector/broker/transactions/transaction-codec.ts'
import {
  addPartitions,
  completed,
  endTransaction,
  initProducer,
  isExpired,
  newTransaction,
  producerEpochMax,
  type Step,
  type Transaction,
  timedOut,
  transactionStates,
} from '../../../../collector/broker/transactions/transaction-state.ts'

const nobody = { producerId: -1, producerEpoch: -1 }
const fresh = newTransaction('tx', 7, 0)

function given(changes: Partial<Transaction>): Transaction {
  return { ...fresh, producerEpoch: 4, timeoutMs: 100, ...changes }
}

function init(known: Transaction, asking = nobody, freshId: number | null = null): Step {
  return initProducer(known, asking, { timeoutMs: 500, freshId, now: 10 })
}

/** The id and epoch that a step gives, or what it says instead. */
function said(step: Step): string {
  if (step.kind === 'write') return `${step.next.producerId}/${step.next.producerEpoch} ${step.next.state}`
  return step.kind === 'refused' ? step.error : step.kind
}

test('a new id begins at epoch 0; each new producer gets the next one', () => {
  expect(said(init(fresh))).toBe('7/0 Empty')
  expect(said(init(given({})))).toBe('7/5 Empty')
  expect(said(init(given({ state: 'CompleteCommit' })))).toBe('7/5 Empty')
  // A producer that remembers more than we do (its id expired here) goes on with ours.
  expect(said(init(fresh, { producerId: 3, producerEpoch: 9 }))).toBe('7/0 Empty')
})

test('a producer that names itself gets the next epoch, the same one when it repeats itself, and is fenced when another came', () => {
  const current = { producerId: 7, producerEpoch: 4 }
  const step = init(given({}), current)
  expect(said(step)).toBe('7/5 Empty')
  const next = (step as { next: Transaction }).next
  expect(said(init(next, current))).toBe('7/5 Empty')
  expect(said(init(next, { producerId: 7, producerEpoch: 3 }))).toBe('PRODUCER_FENCED')
  const other = (init(next) as { next: Transaction }).next
  expect(said(init(other, current))).toBe('PRODUCER_FENCED')
  expect(said(init(other, { producerId: 8, producerEpoch: 6 }))).toBe('PRODUCER_FENCED')
})

test('an open transaction is aborted first, under an epoch that nobody has', () => {
  const open = given({ state: 'Ongoing', partitions: [{ topic: 'a', partition: 0 }], startedAt: 5 })
  expect(said(init(open))).toBe('7/5 PrepareAbort')
  expect(said(init(open, { producerId: 7, producerEpoch: 4 }))).toBe('7/5 PrepareAbort')
  // A late repetition of the request that gave epoch 4 must not abort what began since.
  expect(said(init(given({ ...open, lastProducerEpoch: 3 }), { producerId: 7, producerEpoch: 3 }))).toBe(
    'PRODUCER_FENCED',
  )
  expect(said(init(given({ state: 'PrepareCommit' })))).toBe('CONCURRENT_TRANSACTIONS')
})

test('when the epochs of an id are used up it gets another producer id; a repetition gets the same', () => {
  const used = given({ producerEpoch: producerEpochMax })
  expect(said(init(used))).toBe('needsId')
  const asking = { producerId: 7, producerEpoch: producerEpochMax }
  const step = init(used, asking, 20)
  expect(said(step)).toBe('20/0 Empty')
  expect(said(init((step as { next: Transaction }).next, asking))).toBe('20/0 Empty')
  // The epoch above the last one is there to fence it.
  const open = given({ producerEpoch: producerEpochMax, state: 'Ongoing', startedAt: 0 })
  expect(said(init(open))).toBe(`7/${producerEpochMax + 1} PrepareAbort`)
  expect(said(init(given({ producerEpoch: producerEpochMax + 1, state: 'CompleteAbort' }), nobody, 21))).toBe(
    '21/0 Empty',
  )
})

test('partitions enter once; the first ones begin the transaction', () => {
  const me = { producerId: 7, producerEpoch: 4 }
  const [a, b] = [
    { topic: 'a', partition: 0 },
    { topic: 'a', partition: 1 },
  ]
  const first = addPartitions(given({ state: 'CompleteAbort' }), me, [a], 50) as { next: Transaction }
  expect(first.next).toMatchObject({ state: 'Ongoing', partitions: [a], startedAt: 50 })
  expect(said(addPartitions(first.next, me, [a], 60))).toBe('unchanged')
  const second = addPartitions(first.next, me, [a, b], 60) as { next: Transaction }
  expect(second.next).toMatchObject({ partitions: [a, b], startedAt: 50, updatedAt: 60 })
  expect(said(addPartitions(second.next, { ...me, producerEpoch: 3 }, [a], 60))).toBe('PRODUCER_FENCED')
  expect(said(addPartitions(second.next, { ...me, producerId: 8 }, [a], 60))).toBe(
    'INVALID_PRODUCER_ID_MAPPING',
  )
  expect(said(addPartitions(given({ state: 'PrepareAbort' }), me, [a], 60))).toBe('CONCURRENT_TRANSACTIONS')
})

test('how a transaction can be ended, by its state', () => {
  const me = { producerId: 7, producerEpoch: 4 }
  const table = transactionStates.map((state) => {
    const known = given({ state })
    return `${state}: ${said(endTransaction(known, me, 'commit', 9))}, ${said(endTransaction(known, me, 'abort', 9))}`
  })
  expect(table).toMatchInlineSnapshot(`
    [
      "Empty: INVALID_TXN_STATE, INVALID_TXN_STATE",
      "Ongoing: 7/4 PrepareCommit, 7/4 PrepareAbort",
      "PrepareCommit: CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE",
      "PrepareAbort: INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS",
      "CompleteCommit: unchanged, INVALID_TXN_STATE",
      "CompleteAbort: INVALID_TXN_STATE, unchanged",
    ]
  `)
  expect(completed(given({ state: 'PrepareAbort' }), 9)).toMatchObject({
    state: 'CompleteAbort',
    partitions: [],
  })
  expect(completed(given({ state: 'Ongoing' }), 9)).toBe(null)
})

test('a transaction that is open for too long is aborted under a new epoch; an unused id expires', () => {
  const open = given({ state: 'Ongoing', timeoutMs: 100 })
  expect(timedOut(open, 100, 0)).toBe(null)
  expect(timedOut(open, 101, 0)).toMatchObject({ state: 'PrepareAbort', producerEpoch: 5 })
  expect(timedOut(given({ state: 'PrepareCommit' }), 9999, 0)).toBe(null)
  expect(isExpired(given({ updatedAt: 0 }), 1000, 999)).toBe(false)
  expect(isExpired(given({ updatedAt: 0, state: 'CompleteAbort' }), 1000, 1000)).toBe(true)
  expect(isExpired(given({ updatedAt: 0, state: 'Ongoing' }), 1000, 1000)).toBe(false)
})

test('what is written can be read; junk is none', () => {
  const place = fc.record({ topic: fc.constantFrom('a', 'b', '__consumer_offsets'), partition: fc.nat(5) })
  const partitions = fc.uniqueArray(place, { selector: ({ topic, partition }) => `${topic}${partition}` })
  const transaction = fc.record({
    transactionalId: fc.string({ minLength: 1, maxLength: 20 }),
    producerId: fc.nat(2 ** 40),
    producerEpoch: fc.nat(32767),
    timeoutMs: fc.nat(900_000),
    state: fc.constantFrom(...transactionStates),
    partitions,
    startedAt: fc.integer({ min: -1, max: 2 ** 45 }),
    updatedAt: fc.nat(2 ** 45),
  })
  const byName = (one: { topic: string; partition: number }) => `${one.topic} ${one.partition}`
  fc.assert(
    fc.property(transaction, (facts) => {
      const given = { ...facts, lastProducerId: -1, lastProducerEpoch: -1 }
      const id = decodeTransactionKey(encodeTransactionKey(given.transactionalId)) ?? ''
      const read = decodeTransactionValue(id, encodeTransactionValue(given))
      const wanted = given.state === 'Empty' ? [] : given.partitions.map(byName).sort()
      expect({ ...read, partitions: read?.partitions.map(byName).sort() }).toEqual({
        ...given,
        partitions: wanted,
      })
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (junk) => {
      decodeTransactionKey(junk)
      decodeTransactionValue('x', junk)
    }),
  )
})
