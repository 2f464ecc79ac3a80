// Members of groups in the Kafka workload: readers that commit offsets, and copiers whose offsets go with their transactions.
import { KafkaError } from '../../protocol/errors.ts'
import type { Committed } from '../checker/groups.ts'
import { isRetriable, type KafkaClient } from '../kafka-client/client.ts'
import { KafkaConsumer, keyOf } from '../kafka-client/consumer.ts'
import { ConsumerGroupMember } from '../kafka-client/consumer-member.ts'
import { GroupMember } from '../kafka-client/group-member.ts'
import { commitOffsets, type Identity, type Membership } from '../kafka-client/membership.ts'
import { KafkaProducer, type Target } from '../kafka-client/producer.ts'
import { type GroupOffset, KafkaTransactions } from '../kafka-client/transactions.ts'
import {
  type GroupProtocol,
  goOn,
  type Hands,
  historyOutcome,
  pollOf,
  readOnce,
  stepsOf,
  transactionTimeoutMs,
  type Workload,
} from './clients.ts'

export const sessionTimeoutMs = 6_000
const patienceMs = 6_000
const heartbeatMs = 1_000
const readBytesMax = 2_000
/** What the group `readers` reads. */
export const readersTopics = ['plain', 'in'] as const

/** One stay in a group, from when it was given partitions until it is given others or has had enough. */
interface Stay {
  readonly targets: readonly Target[]
  /** Up to where each partition is committed; what is committed next begins there. */
  readonly starts: Map<string, number>
}

interface GroupWork {
  /** False when it has had enough. */
  work(stay: Stay): Promise<boolean>
  /** The group gives partitions to others, and waits for this one to go on. */
  part?(stay: Stay): Promise<void>
}

interface GroupClient {
  readonly client: KafkaClient
  readonly member: Membership
  readonly consumer: KafkaConsumer
  readonly protocol: GroupProtocol
}

async function stay(hands: Hands, { member, consumer, protocol }: GroupClient, does: GroupWork) {
  const { workload, name } = hands
  const { recorder } = workload
  let from = workload.now()
  const targets = await member.join()
  const keys = targets.map(keyOf)
  let generation = -1
  const note = () => {
    if (generation === member.generation) return
    generation = member.generation
    const { groupId: group, owner } = member
    const facts = { kind: 'assigned', protocol, group, generation, member: owner, keys } as const
    recorder.groupEvents.push({ ...facts, from, to: workload.now() })
  }
  note()
  recorder.take(name, 'subscribe', keys)
  const client = hands.client('pause')
  const offsets = await committedOffsets(hands, member, targets)
  consumer.assign(offsets)
  const now = { targets, starts: new Map(offsets.map((each) => [keyOf(each), each.offset])) }
  let beatAt = workload.now()
  while (!workload.isOver) {
    if (workload.now() - beatAt > heartbeatMs) {
      from = workload.now()
      const standing = await member.heartbeat()
      if (standing === 'rejoin') await does.part?.(now)
      if (standing !== 'member') return
      // Of the newer protocol: a newer epoch, and the same partitions.
      note()
      beatAt = workload.now()
    }
    if (!(await does.work(now))) return
    await client.pause(hands.random.next() * 60)
  }
  await member.leave()
}

async function committedOffsets(
  hands: Hands,
  member: Membership,
  targets: readonly Target[],
): Promise<readonly GroupOffset[]> {
  if (targets.length === 0) return []
  return await hands.client('offsets').retry(patienceMs, async () => {
    const offsets = await recordFetched(hands, member.groupId, () => member.committed(targets))
    return offsets.map((each) => ({ ...each, offset: Math.max(0, each.offset) }))
  })
}

/** Asks for offsets of a group, and notes the answer. */
export async function recordFetched(
  { workload }: Hands,
  group: string,
  ask: () => Promise<readonly GroupOffset[]>,
): Promise<readonly GroupOffset[]> {
  const from = workload.now()
  const offsets = await ask()
  const to = workload.now()
  for (const each of offsets) {
    const event = { group, key: keyOf(each), offset: each.offset, from, to }
    workload.recorder.groupEvents.push({ kind: 'fetched', ...event })
  }
  return offsets
}

/** Reads and commits what it has read, outside of transactions. */
export function runGroupReader(hands: Hands): Promise<void> {
  return readInGroup(hands, null)
}

/** In the newer protocol with an instance id, and an expression for its topics. */
export function runStaticReader(hands: Hands): Promise<void> {
  return readInGroup(hands, hands.name)
}

async function readInGroup(hands: Hands, instanceId: string | null): Promise<void> {
  const { workload, random } = hands
  const reader = groupClient(hands, 'readers', readersTopics, instanceId)
  const { client, member, consumer } = reader
  const positions = ({ targets }: Stay) =>
    targets.map((target) => ({ ...target, offset: consumer.position(target) }))
  /** What it did not commit before it gave it back. */
  let late: { readonly as: Identity; readonly stay: Stay; readonly offsets: readonly GroupOffset[] } | null =
    null
  const does: GroupWork = {
    async work(now) {
      if (late !== null) await commitLate(hands, reader, late)
      late = null
      await readOnce(hands, consumer, 'read_committed')
      if (now.targets.length === 0 || random.next() < 0.5) return true
      // Asleep for longer than the group waits, then committing as if nothing had happened.
      if (random.next() < 0.02) await client.pause(sessionTimeoutMs * (0.5 + random.next()))
      await commit(hands, reader, now, positions(now))
      if (random.next() > 0.02) return true
      if (random.next() < 0.5) await member.leave()
      return false
    },
    async part(now) {
      if (now.targets.length === 0 || random.next() < 0.3) return
      // It ends its work first: others have to wait.
      if (random.next() < 0.5) await client.pause(heartbeatMs * 1.5 * random.next())
      const { groupId, memberId, owner, generation } = member
      const offsets = positions(now)
      if (random.next() < 0.5) late = { as: { groupId, memberId, owner, generation }, stay: now, offsets }
      else await commit(hands, reader, now, offsets)
    },
  }
  while (!workload.isOver) {
    await goOn(hands, () => stay(hands, reader, does))
    await client.pause(random.next() * 100)
  }
}

/** As a commit that was held up on its way: the epoch that it names is over. */
async function commitLate(
  hands: Hands,
  reader: GroupClient,
  { as, stay: then, offsets }: { as: Identity; stay: Stay; offsets: readonly GroupOffset[] },
): Promise<void> {
  if (reader.member.generation <= as.generation) return
  await goOn(hands, () => commit(hands, { ...reader, member: as }, then, offsets))
}

/** Commits once: without an answer it is another's business to find out what counts. */
async function commit(
  hands: Hands,
  { client, member }: { readonly client: KafkaClient; readonly member: Identity },
  { starts }: Stay,
  offsets: readonly GroupOffset[],
): Promise<void> {
  const record = commitRecord(hands, member, starts, offsets)
  let outcome: Committed['outcome'] = 'info'
  try {
    await commitOffsets(client, member, offsets)
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
  { groupId: group, owner: member, generation }: Identity,
  starts: Map<string, number>,
  offsets: readonly GroupOffset[],
): (outcome: Committed['outcome']) => void {
  const { workload } = hands
  const { groupEvents } = workload.recorder
  const from = workload.now()
  const first = groupEvents.length
  const ranges = offsets.map((each) => {
    const key = keyOf(each)
    return { key, start: starts.get(key) ?? 0, offset: each.offset }
  })
  const events = (outcome: Committed['outcome'], to: number) =>
    ranges.map(
      (range): Committed => ({ kind: 'committed', group, generation, member, ...range, outcome, from, to }),
    )
  groupEvents.push(...events('info', Number.POSITIVE_INFINITY))
  return (outcome) => {
    groupEvents.splice(first, offsets.length, ...events(outcome, workload.now()))
    if (outcome === 'ok') for (const { key, offset } of ranges) starts.set(key, offset)
  }
}

/** Copies `in` to `out`, each record once: records and offsets in one transaction. */
export async function runCopier(hands: Hands): Promise<void> {
  const { workload, random } = hands
  const group = groupClient(hands, 'copiers', ['in'])
  const options = { transactionalId: `id-of-${hands.name}`, transactionTimeoutMs, patienceMs }
  const producer = new KafkaProducer(hands.client('send'), options)
  const transactions = new KafkaTransactions(hands.client('coordinate'), producer, patienceMs)
  while (!workload.isOver) {
    await goOn(hands, async () => {
      await producer.init()
      await stay(hands, group, { work: (now) => copyOnce(hands, { ...group, producer, transactions }, now) })
    })
    await group.client.pause(random.next() * 100)
  }
}

interface Copier extends GroupClient {
  readonly producer: KafkaProducer
  readonly transactions: KafkaTransactions
}

/** False when what was read has to be read again, from the committed offsets. */
async function copyOnce(hands: Hands, copier: Copier, { starts }: Stay): Promise<boolean> {
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
    record = commitRecord(hands, member, starts, offsets)
    await transactions.commitOffsets(member, offsets)
  })
  const isCommit = isWell && random.next() < 0.85
  const outcome = historyOutcome(await transactions.end(isCommit), isCommit)
  record(outcome)
  recorder.end(pending, outcome, [...polls, ...stepsOf(output, values, baseOffset)])
  return outcome === 'ok'
}

/** A member of a group, with what it reads by. */
function groupClient(
  hands: Hands,
  groupId: keyof Workload['protocols'],
  topics: readonly string[],
  instanceId: string | null = null,
): GroupClient {
  const { workload } = hands
  const client = hands.client('group')
  const protocol = workload.protocols[groupId]
  const common = { groupId, rebalanceTimeoutMs: sessionTimeoutMs, patienceMs: 20_000 }
  const counts = Object.fromEntries(topics.map((topic) => [topic, workload.topics[topic] ?? 0]))
  const member =
    protocol === 'classic'
      ? new GroupMember(client, { ...common, topics: counts, sessionTimeoutMs })
      : new ConsumerGroupMember(client, { ...common, topics, instanceId, byPattern: instanceId !== null })
  const isolation = 'read_committed'
  const consumer = new KafkaConsumer(client, { isolation, waitMs: 100, bytesMax: readBytesMax })
  return { client, member, consumer, protocol }
}
