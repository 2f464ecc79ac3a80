// Members of groups in the Kafka workload: readers that commit offsets, and copiers whose offsets go with their transactions.
import { KafkaError } from '../../protocol/errors.ts'
import type { Committed } from '../checker/groups.ts'
import { isRetriable } from '../kafka-client/client.ts'
import { KafkaConsumer, keyOf } from '../kafka-client/consumer.ts'
import { GroupMember } from '../kafka-client/group-member.ts'
import { KafkaProducer, type Target } from '../kafka-client/producer.ts'
import { type GroupOffset, KafkaTransactions } from '../kafka-client/transactions.ts'
import {
  goOn,
  type Hands,
  historyOutcome,
  pollOf,
  readOnce,
  stepsOf,
  transactionTimeoutMs,
} from './clients.ts'

export const sessionTimeoutMs = 6_000
const patienceMs = 6_000
const heartbeatMs = 1_000
const readBytesMax = 2_000

/** One stay in a group: from a generation's beginning until it is over, or until `work` has had enough. */
async function stay(
  hands: Hands,
  member: GroupMember,
  consumer: KafkaConsumer,
  work: (targets: readonly Target[]) => Promise<boolean>,
): Promise<void> {
  const { workload, name } = hands
  const from = workload.now()
  const targets = await member.join()
  const { groupId: group, generation, memberId } = member
  const keys = targets.map(keyOf)
  const assigned = { group, generation, member: memberId, keys }
  workload.recorder.groupEvents.push({ kind: 'assigned', ...assigned, from, to: workload.now() })
  workload.recorder.take(name, 'subscribe', keys)
  const client = hands.client('pause')
  consumer.assign(await committedOffsets(hands, member, targets))
  let beatAt = workload.now()
  while (!workload.isOver) {
    if (workload.now() - beatAt > heartbeatMs) {
      if ((await member.heartbeat()) !== 'member') return
      beatAt = workload.now()
    }
    if (!(await work(targets))) return
    await client.pause(hands.random.next() * 60)
  }
  await member.leave()
}

async function committedOffsets(
  hands: Hands,
  member: GroupMember,
  targets: readonly Target[],
): Promise<readonly GroupOffset[]> {
  if (targets.length === 0) return []
  const { workload } = hands
  return await hands.client('offsets').retry(patienceMs, async () => {
    const from = workload.now()
    const offsets = await member.committed(targets)
    const to = workload.now()
    for (const each of offsets) {
      const event = { group: member.groupId, key: keyOf(each), offset: each.offset, from, to }
      workload.recorder.groupEvents.push({ kind: 'fetched', ...event })
    }
    return offsets.map((each) => ({ ...each, offset: Math.max(0, each.offset) }))
  })
}

/** Reads and commits what it has read, outside of transactions. */
export async function runGroupReader(hands: Hands): Promise<void> {
  const { workload, random } = hands
  const { client, member, consumer } = groupClient(hands, 'readers', 'plain')
  while (!workload.isOver) {
    await goOn(hands, () =>
      stay(hands, member, consumer, async (targets) => {
        await readOnce(hands, consumer, 'read_committed')
        if (targets.length === 0 || random.next() < 0.5) return true
        // Asleep for longer than the group waits, then committing as if nothing had happened.
        if (random.next() < 0.02) await client.pause(sessionTimeoutMs * (0.5 + random.next()))
        await commit(
          hands,
          member,
          targets.map((target) => ({ ...target, offset: consumer.position(target) })),
        )
        return random.next() > 0.01
      }),
    )
    await client.pause(random.next() * 100)
  }
}

/** Commits once: without an answer it is another's business to find out what counts. */
async function commit(hands: Hands, member: GroupMember, offsets: readonly GroupOffset[]): Promise<void> {
  const record = commitRecord(hands, member, offsets)
  let outcome: Committed['outcome'] = 'info'
  try {
    await member.commit(offsets)
    outcome = 'ok'
  } catch (error) {
    if (error instanceof KafkaError && !isRetriable(error)) outcome = 'fail'
    throw error
  } finally {
    record(outcome)
  }
}

/** Notes a commit that begins now; the outcome of one whose client dies stays unknown. */
function commitRecord(
  hands: Hands,
  member: GroupMember,
  offsets: readonly GroupOffset[],
): (outcome: Committed['outcome']) => void {
  const { workload } = hands
  const { groupEvents } = workload.recorder
  const { groupId: group, generation } = member
  const from = workload.now()
  const first = groupEvents.length
  const events = (outcome: Committed['outcome'], to: number) =>
    offsets.map((each) => {
      const facts = { group, generation, key: keyOf(each), offset: each.offset, outcome, from, to }
      return { kind: 'committed' as const, ...facts }
    })
  groupEvents.push(...events('info', Number.POSITIVE_INFINITY))
  return (outcome) => groupEvents.splice(first, offsets.length, ...events(outcome, workload.now()))
}

/** Copies `in` to `out`, each record once: records and offsets in one transaction. */
export async function runCopier(hands: Hands): Promise<void> {
  const { workload, random } = hands
  const { client, member, consumer } = groupClient(hands, 'copiers', 'in')
  const options = { transactionalId: `id-of-${hands.name}`, transactionTimeoutMs, patienceMs }
  const producer = new KafkaProducer(hands.client('send'), options)
  const transactions = new KafkaTransactions(hands.client('coordinate'), producer, patienceMs)
  while (!workload.isOver) {
    await goOn(hands, async () => {
      await producer.init()
      await stay(hands, member, consumer, () => copyOnce(hands, { member, consumer, producer, transactions }))
    })
    await client.pause(random.next() * 100)
  }
}

interface Copier {
  readonly member: GroupMember
  readonly consumer: KafkaConsumer
  readonly producer: KafkaProducer
  readonly transactions: KafkaTransactions
}

/** False when what was read has to be read again, from the committed offsets. */
async function copyOnce(hands: Hands, copier: Copier): Promise<boolean> {
  const { workload, random, name } = hands
  const { recorder } = workload
  const { member, consumer, producer, transactions } = copier
  const floor = recorder.floor()
  const parts = await consumer.fetch()
  for (const part of parts) recorder.fetched(name, part, floor, 'read_committed')
  const inputs = parts.flatMap(({ seen }) => seen.records.map(({ value }) => Number.parseInt(value, 10)))
  if (inputs.length === 0) return true
  const output = { topic: 'out', partition: 0 }
  const values = inputs.map(() => recorder.nextValue())
  const texts = values.map((value, index) => `${value} <${inputs[index]}`)
  const polls = parts.map((part) => pollOf(part, part.seen.records))
  const pending = recorder.begin(name, 'txn', [...polls, ...stepsOf(output, values, null)])
  let record: (outcome: Committed['outcome']) => void = () => undefined
  let baseOffset: number | null = null
  const isWell = await goOn(hands, async () => {
    await transactions.addPartitions([output])
    const [sent] = await producer.send(output, [texts])
    if (sent?.outcome !== 'ok') throw sent?.error
    baseOffset = sent.baseOffset
    const offsets = parts.map(({ topic, partition, seen }) => ({ topic, partition, offset: seen.position }))
    record = commitRecord(hands, member, offsets)
    await transactions.commitOffsets(member, offsets)
  })
  const isCommit = isWell && random.next() < 0.85
  const outcome = historyOutcome(await transactions.end(isCommit), isCommit)
  record(outcome)
  recorder.end(pending, outcome, [...polls, ...stepsOf(output, values, baseOffset)])
  return outcome === 'ok'
}

/** A member of a group for one topic, with what it reads by. */
function groupClient(hands: Hands, groupId: string, topic: string) {
  const client = hands.client('group')
  const member = new GroupMember(client, {
    groupId,
    topics: { [topic]: hands.workload.topics[topic] ?? 0 },
    sessionTimeoutMs,
    rebalanceTimeoutMs: sessionTimeoutMs,
    patienceMs: 20_000,
  })
  const isolation = 'read_committed'
  const consumer = new KafkaConsumer(client, { isolation, waitMs: 100, bytesMax: readBytesMax })
  return { client, member, consumer }
}
