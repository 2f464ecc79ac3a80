// The clients of the Kafka workload: senders, transactions, copiers, readers and group members, each a program of its own.
import type { Random, Runtime } from '../../core/runtime.ts'
import { KafkaError } from '../../protocol/errors.ts'
import { type Step, send } from '../checker/history.ts'
import { KafkaClient } from '../kafka-client/client.ts'
import { Unanswered } from '../kafka-client/connection.ts'
import { type Isolation, KafkaConsumer, keyOf } from '../kafka-client/consumer.ts'
import { KafkaProducer, type Sent, type Target, windowMax } from '../kafka-client/producer.ts'
import { type EndOutcome, KafkaTransactions } from '../kafka-client/transactions.ts'
import type { Program } from '../sim/process.ts'
import type { Recorder } from './recorder.ts'

/** What all clients of a run share. */
export interface Workload {
  readonly recorder: Recorder
  readonly address: { readonly host: string; readonly port: number }
  /** Topics with their number of partitions. */
  readonly topics: Readonly<Record<string, number>>
  /** What the members of each group speak. */
  readonly protocols: { readonly readers: GroupProtocol; readonly copiers: GroupProtocol }
  /** One time for all, in ms; a process's own clock begins with it. */
  readonly now: () => number
  /** Nobody sends any more. */
  isSendingOver: boolean
  /** Nobody copies or reads any more. */
  isOver: boolean
}

/** Of consumer groups; `consumer` is the newer one (KIP-848). */
export type GroupProtocol = 'classic' | 'consumer'

/** What a program of a client has at hand. */
export interface Hands {
  readonly name: string
  readonly workload: Workload
  readonly random: Random
  readonly client: (suffix: string) => KafkaClient
  readonly signal: AbortSignal
}

export const transactionTimeoutMs = 2_000
const patienceMs = 6_000
const requestMs = 900

/** A client's program: made anew at every start, as a process that begins with nothing. */
export function clientProgram(
  name: string,
  workload: Workload,
  work: (hands: Hands) => Promise<void>,
): Program {
  return async (runtime: Runtime, signal) => {
    const client = (suffix: string) =>
      new KafkaClient(
        { address: workload.address, clientId: `${name}-${suffix}`, requestMs },
        runtime,
        signal,
      )
    try {
      await work({ name, workload, random: runtime.random, client, signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

/** Goes on after trouble that a client of Kafka has to expect; everything else is a finding. */
export async function goOn(hands: Hands, step: () => Promise<void>): Promise<boolean> {
  try {
    await step()
    return true
  } catch (error) {
    hands.signal.throwIfAborted()
    if (error instanceof Unanswered || error instanceof KafkaError) return false
    throw error
  }
}

/** Idempotent windows of batches into random partitions; some begin just before sequences wrap. */
export async function runSender(hands: Hands): Promise<void> {
  const { workload, random } = hands
  const client = hands.client('send')
  const producer = new KafkaProducer(client, { transactionalId: null, transactionTimeoutMs, patienceMs })
  const targets = targetsOf(workload, ['plain', 'in'])
  let isReady = false
  while (!workload.isSendingOver) {
    const firstSequence = random.next() < 0.3 ? 2 ** 31 - 1 - Math.floor(random.next() * 12) : 0
    if (!isReady) isReady = await goOn(hands, () => producer.init(firstSequence))
    if (isReady) isReady = await sendWindow(hands, producer, pick(random, targets))
    if (random.next() < 0.02) client.close()
    await client.pause(random.next() * 60)
  }
}

/** False when the producer has to begin anew. */
async function sendWindow(hands: Hands, producer: KafkaProducer, target: Target): Promise<boolean> {
  const { workload, random, name } = hands
  const { recorder } = workload
  const batches = Array.from({ length: 1 + below(random, windowMax) }, () =>
    valuesOf(hands, 1 + below(random, 3)),
  )
  const pending = batches.map((values) => recorder.begin(name, 'send', stepsOf(target, values, null)))
  const sent = await producer.send(
    target,
    batches.map((values) => values.map(textOf(random))),
  )
  for (const [index, { outcome, baseOffset, error }] of sent.entries()) {
    const values = batches[index] ?? []
    const each = pending[index]
    if (each !== undefined) recorder.end(each, outcome, stepsOf(target, values, baseOffset))
    if (outcome !== 'ok' && error instanceof KafkaError && sequenceErrors.has(error.error))
      recorder.trouble(`${name}: a producer that did nothing wrong was told ${error.error}: ${error.message}`)
  }
  return sent.every(({ outcome }) => outcome === 'ok')
}

/** What a broker says that forgot a producer, or never knew what it promised. */
const sequenceErrors: ReadonlySet<string> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_RECORD',
  'CORRUPT_MESSAGE',
  'UNKNOWN_SERVER_ERROR',
])

/** Under a transactional id of its own. */
export function runTransactor(hands: Hands): Promise<void> {
  return transactAs(hands, `id-of-${hands.name}`)
}

/** Under the transactional id of somebody else: each of the two fences the other. */
export function runRival(hands: Hands): Promise<void> {
  return transactAs(hands, 'id-of-transactor')
}

/** Transactions over several partitions; one in four is aborted, some are left open for too long. */
async function transactAs(hands: Hands, transactionalId: string): Promise<void> {
  const { workload, random } = hands
  const client = hands.client('coordinate')
  const options = { transactionalId, transactionTimeoutMs, patienceMs }
  const producer = new KafkaProducer(hands.client('send'), options)
  const transactions = new KafkaTransactions(client, producer, patienceMs)
  const targets = targetsOf(workload, ['plain', 'in'])
  let isReady = false
  while (!workload.isSendingOver) {
    if (!isReady) isReady = await goOn(hands, () => producer.init())
    if (isReady) {
      const chosen = targets.filter(() => random.next() < 0.5)
      isReady = await transact(
        hands,
        producer,
        transactions,
        chosen.length > 0 ? chosen : targets.slice(0, 1),
      )
    }
    await client.pause(random.next() * 100)
  }
}

async function transact(
  hands: Hands,
  producer: KafkaProducer,
  transactions: KafkaTransactions,
  targets: readonly Target[],
): Promise<boolean> {
  const { workload, random, name } = hands
  const { recorder } = workload
  const pending = recorder.begin(name, 'txn')
  const steps: Step[] = pending.steps
  let isWell = await goOn(hands, () => transactions.addPartitions(targets))
  for (const target of isWell ? targets : []) {
    const values = valuesOf(hands, 1 + below(random, 3))
    // Before it goes out: a client that dies here has sent it.
    const at = steps.push(...stepsOf(target, values, null)) - values.length
    const [sent] = await producer.send(target, [values.map(textOf(random))])
    steps.splice(at, values.length, ...stepsOf(target, values, sent?.baseOffset ?? null))
    isWell = sent?.outcome === 'ok'
    if (!isWell) break
    if (random.next() < 0.05) await transactions.pause(random.next() * transactionTimeoutMs * 1.5)
  }
  const isCommit = isWell && random.next() < 0.75
  // From here on it may be committed; before, it surely is not.
  const end = await transactions.end(isCommit)
  recorder.end(pending, historyOutcome(end, isCommit))
  // An abort that did not get through leaves the transaction open: the next one would go on with it, and commit it.
  return isWell && end === 'ok'
}

/** The outcome for the history: an abort makes it `fail` whatever became of the request. */
export function historyOutcome(end: EndOutcome, isCommit: boolean): EndOutcome {
  return isCommit ? end : 'fail'
}

/** Reads all partitions it chose itself, now and then from the beginning again. */
export function runReader(isolation: Isolation): (hands: Hands) => Promise<void> {
  return async (hands) => {
    const { workload, random, name } = hands
    const client = hands.client('read')
    const consumer = new KafkaConsumer(client, { isolation, waitMs: 200, bytesMax: 1 + below(random, 3_000) })
    const targets = targetsOf(workload, Object.keys(workload.topics))
    const begin = () => {
      workload.recorder.crash(name)
      const chosen = targets.filter(() => random.next() < 0.7)
      consumer.assign(chosen.map((target) => ({ ...target, offset: 0 })))
      workload.recorder.take(name, 'assign', consumer.keys)
    }
    begin()
    while (!workload.isOver) {
      await goOn(hands, () => readOnce(hands, consumer, isolation))
      if (random.next() < 0.01) begin()
      await client.pause(random.next() * 40)
    }
  }
}

/** One fetch, recorded; only committed reads are part of the history. */
export async function readOnce(hands: Hands, consumer: KafkaConsumer, isolation: Isolation): Promise<void> {
  const { recorder } = hands.workload
  const floor = recorder.floor()
  const parts = await consumer.fetch()
  for (const part of parts) recorder.fetched(hands.name, part, floor, isolation)
  const steps = parts.map((part) => pollOf(part, part.seen.records))
  if (isolation === 'read_uncommitted' || steps.every(({ reads }) => reads.length === 0)) return
  recorder.end(recorder.begin(hands.name, 'poll', steps), 'ok')
}

/** What was read as a step of the history. */
export function pollOf(
  target: Target,
  records: readonly { readonly offset: number; readonly value: string }[],
) {
  const reads = records.map(({ offset, value }) => ({ offset, value: Number.parseInt(value, 10) }))
  return { kind: 'poll' as const, key: keyOf(target), reads }
}

/** Steps of one batch. */
export function stepsOf(target: Target, values: readonly number[], baseOffset: Sent['baseOffset']): Step[] {
  const key = keyOf(target)
  return values.map((value, index) => send(key, value, baseOffset === null ? null : baseOffset + index))
}

export function targetsOf(workload: Workload, topics: readonly string[]): readonly Target[] {
  return topics.flatMap((topic) =>
    Array.from({ length: workload.topics[topic] ?? 0 }, (_, partition) => ({ topic, partition })),
  )
}

function valuesOf(hands: Hands, count: number): readonly number[] {
  return Array.from({ length: count }, () => hands.workload.recorder.nextValue())
}

/** The value first, then padding: what is read back must say which value it was. */
function textOf(random: Random): (value: number) => string {
  return (value) => `${value} ${'.'.repeat(below(random, random.next() < 0.05 ? 2_000 : 40))}`
}

export function below(random: Random, count: number): number {
  return Math.floor(random.next() * count)
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)] as T
}
