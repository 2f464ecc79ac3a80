// The audit at the end of a Kafka workload: reads everything from the beginning in both isolations and compares.
import { type FetchedPartition, type Isolation, KafkaConsumer, keyOf } from '../kafka-client/consumer.ts'
import { fetchOffsets, outsider } from '../kafka-client/membership.ts'
import type { SeenRecord } from '../kafka-client/records.ts'
import { goOn, type Hands, pollOf, targetsOf } from './clients.ts'
import { readersTopics, recordFetched } from './group-clients.ts'

export interface Audit {
  /** Committed records of `in`. */
  readonly inputs: readonly number[]
  /** What the committed records of `out` are copies of. */
  readonly copied: readonly number[]
  /** What the broker knows of the producers of each partition: the same after a restart. */
  readonly producers: string
  readonly isComplete: boolean
  /** Why it is not over yet; empty when nothing is missing. */
  readonly missing: string
}

/** Who goes on until nothing is left to do. */
export interface Waiting {
  readonly copiers: boolean
  readonly readers: boolean
}

const attemptsMax = 200
const patienceMs = 20_000

/** Reads all partitions to their ends; what is read is part of the history. */
export async function runAudit(hands: Hands, waitsFor: Waiting): Promise<Audit> {
  const committed = await readAll(hands, 'read_committed')
  const all = await readAll(hands, 'read_uncommitted')
  const valuesOf = (topic: string) =>
    [...committed.records].flatMap(([key, records]) => (key.startsWith(`${topic}-`) ? records : []))
  const inputs = valuesOf('in').map(({ value }) => Number.parseInt(value, 10))
  const copied = valuesOf('out').map(({ value }) => Number.parseInt(value.split('<')[1] ?? '', 10))
  const missing: string[] = []
  for (const target of targetsOf(hands.workload, Object.keys(hands.workload.topics))) {
    const key = keyOf(target)
    const end = all.ends.get(key) ?? Number.POSITIVE_INFINITY
    const stable = committed.ends.get(key) ?? 0
    if (stable < end) missing.push(`${key} is stable up to ${stable} of ${end}`)
  }
  if (waitsFor.copiers && copied.length < inputs.length)
    missing.push(`${copied.length} of ${inputs.length} are copied`)
  if (waitsFor.readers) missing.push(...(await uncommitted(hands, committed.ends)))
  const producers = await describeProducers(hands)
  return { inputs, copied, producers, isComplete: false, missing: missing.join(', ') }
}

/** What the group `readers` has not read and committed yet. */
async function uncommitted(hands: Hands, ends: Everything['ends']): Promise<readonly string[]> {
  const client = hands.client('offsets')
  const targets = targetsOf(hands.workload, readersTopics)
  const ask = () => fetchOffsets(client, outsider('readers'), targets)
  const offsets = await client.retry(patienceMs, () => recordFetched(hands, 'readers', ask))
  return offsets
    .filter((each) => Math.max(0, each.offset) < (ends.get(keyOf(each)) ?? 0))
    .map((each) => `${keyOf(each)} is committed up to ${each.offset} of ${ends.get(keyOf(each))}`)
}

/** A line for each producer of each partition: its epoch, its last sequence, its open transaction. */
async function describeProducers(hands: Hands): Promise<string> {
  const client = hands.client('describe')
  const topics = Object.entries(hands.workload.topics).map(([name, count]) => ({
    name,
    partitionIndexes: Array.from({ length: count }, (_, partition) => partition),
  }))
  const answer = await client.retry(patienceMs, () => client.request('DescribeProducers', { topics }))
  const lines = answer.topics.flatMap(({ name, partitions }) =>
    partitions.flatMap(({ partitionIndex, activeProducers }) =>
      activeProducers.map((each) => {
        const { producerId, producerEpoch, lastSequence, currentTxnStartOffset } = each
        return `${name}-${partitionIndex}: ${producerId}/${producerEpoch} ${lastSequence} ${currentTxnStartOffset}`
      }),
    ),
  )
  return lines.sort().join('\n')
}

interface Everything {
  readonly records: ReadonlyMap<string, readonly SeenRecord[]>
  /** Where each partition ends for this isolation. */
  readonly ends: ReadonlyMap<string, number>
}

async function readAll(hands: Hands, isolation: Isolation): Promise<Everything> {
  const { workload, name } = hands
  const client = hands.client(isolation)
  const consumer = new KafkaConsumer(client, { isolation, waitMs: 0, bytesMax: 1_000_000 })
  const targets = targetsOf(workload, Object.keys(workload.topics))
  consumer.assign(targets.map((target) => ({ ...target, offset: 0 })))
  if (isolation === 'read_committed') {
    workload.recorder.crash(name)
    workload.recorder.take(name, 'assign', consumer.keys)
  }
  const records = new Map<string, SeenRecord[]>(consumer.keys.map((key) => [key, []]))
  const ends = new Map<string, number>()
  for (let attempt = 0; attempt < attemptsMax && ends.size < targets.length; attempt += 1) {
    await goOn(hands, async () => {
      const floor = workload.recorder.floor()
      const parts = await consumer.fetch()
      for (const part of parts) {
        workload.recorder.fetched(name, part, floor, isolation)
        if (part.errorCode === 0) take(part, isolation, records, ends, consumer.position(part))
      }
      const steps = parts.map((part) => pollOf(part, part.seen.records))
      if (isolation === 'read_committed')
        workload.recorder.end(workload.recorder.begin(name, 'poll', steps), 'ok')
    })
    await client.pause(5)
  }
  return { records, ends }
}

function take(
  part: FetchedPartition,
  isolation: Isolation,
  records: ReadonlyMap<string, SeenRecord[]>,
  ends: Map<string, number>,
  position: number,
): void {
  const key = keyOf(part)
  records.get(key)?.push(...part.seen.records)
  const end = isolation === 'read_committed' ? part.lastStableOffset : part.highWatermark
  if (position >= end) ends.set(key, end)
}
