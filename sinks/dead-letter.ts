// Dead letters: what a sink's other side refused for good goes to `<topic>.dead-letter` with the reason, exactly once.
import type { Batch, EventLog } from '../core/event-log.ts'
import type { Refusal } from '../core/flow.ts'
import type { NewRecord, RecordHeader } from '../core/records.ts'
import type { Runtime } from '../core/runtime.ts'
import { recordAt } from '../protocol/batch-decode.ts'
import { unreadableRefusal } from './refusals.ts'

const suffix = '.dead-letter'
/** A reason longer than this is cut; it is for people, not for parsing. */
const reasonLengthMax = 2_000
/** Dead letters that are published together. */
const recordsAtOnce = 500

/**
 * Stores refusals in the dead-letter topic. Each carries its offset as a source position, so that a batch that is
 * written again after a crash does not leave its dead letters twice.
 */
export async function setAside(
  log: EventLog,
  batch: Batch,
  refusals: readonly Refusal[],
  runtime: Pick<Runtime, 'clock' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  const { topic, partition } = batch
  const reasons = { topic, partition, count: refusals.length, reason: refusals[0]?.reason }
  if (topic.endsWith(suffix)) {
    runtime.logger.error(reasons, 'dead letters refused in turn; they stay in their own topic only')
    return
  }
  runtime.logger.warn({ ...reasons, to: deadLetterTopic(topic) }, 'records refused; set aside')
  const whole = refusals.find((refusal) => refusal.offset < 0)
  const single = [...refusals].sort((left, right) => left.offset - right.offset)
  for await (const some of whole === undefined
    ? chunksOf(single)
    : everyRecord(batch, whole.reason, signal)) {
    const records = some.map((refusal) => deadLetter(batch, refusal, runtime.clock.now()))
    await log.publish(deadLetterTopic(topic), records, signal)
  }
}

/** Where a topic's refused records go. */
function deadLetterTopic(topic: string): string {
  return `${topic}${suffix}`
}

function* chunksOf(refusals: readonly Refusal[]): Generator<readonly Refusal[]> {
  for (let from = 0; from < refusals.length; from += recordsAtOnce) {
    yield refusals.slice(from, from + recordsAtOnce)
  }
}

/** A batch that was refused whole: each of its records, so that none of its bytes is gone. */
async function* everyRecord(
  batch: Batch,
  reason: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Refusal[]> {
  for await (const part of batch.read(signal)) {
    if ('unreadable' in part) {
      yield [unreadableRefusal(part)]
      continue
    }
    const records = Array.from({ length: part.count }, (_, index) => recordAt(part, index))
    yield* chunksOf(records.map(({ offset, key, value }) => ({ offset, reason, key, value })))
  }
}

function deadLetter(batch: Batch, refusal: Refusal, now: number): NewRecord {
  const { offset } = refusal
  const facts: readonly [string, string][] = [
    ['ld-reason', refusal.reason.slice(0, reasonLengthMax)],
    ['ld-group', batch.group],
    ['ld-topic', batch.topic],
    ['ld-partition', String(batch.partition)],
    ['ld-offset', String(offset)],
  ]
  return {
    // One key for all that one partition refuses: the source lives in one partition of the dead-letter topic.
    key: text(`${batch.topic}/${batch.partition}`),
    value: refusal.value ?? text(''),
    timestamp: now,
    headers: facts.map(([key, value]): RecordHeader => ({ key, value: text(value) })),
    source: {
      source: `dead:${batch.group}:${batch.topicId}:${batch.partition}`,
      epoch: batch.replayEpoch,
      position: offset + 1,
    },
  }
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}
