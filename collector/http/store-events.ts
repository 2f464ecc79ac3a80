// Mapped events into the log: rows to their topics, drops to the dead letters, one result an event.
import { LogdriveError } from '../../core/errors.ts'
import type { NewRecord, RecordHeader } from '../../core/records.ts'
import type { Mapped } from './events.ts'
import type { Ingest } from './ingest.ts'

/** What the sender is told of one event. */
export interface EventResult {
  /** `drop`: never again; `retry`: not stored, send it again. */
  readonly result: 'ok' | 'drop' | 'retry'
  readonly details?: string
}

/** An event as it came, and what was made of it. */
export interface Judged {
  /** What its result is filed under. */
  readonly id: string
  readonly mapped: Mapped
  /** The event as JSON, for the dead letters. */
  raw(): string
}

/** Facts that the records of a batch share. */
export interface StoreFacts {
  /** The emitting source, or empty when it has none: then nothing is deduplicated. */
  readonly source: string
  readonly origin: string
  readonly receivedAt: number
  /** The longest raw event that a dead letter keeps. */
  readonly rawBytesMax: number
}

const deadLetterSuffix = '.dead-letter'
/** A source of events never restarts: a new page load is a new source. */
const epoch = 0

/**
 * Publishes rows and dead letters, topic by topic. Resolves with a result for every event; throws when no topic at all
 * could be written, so that the whole request is tried again.
 */
export async function storeEvents(
  ingest: Ingest,
  events: readonly Judged[],
  facts: StoreFacts,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, EventResult>> {
  const results = new Map<string, EventResult>()
  const topics = groupByTopic(events, facts)
  let written = 0
  let failure: unknown = null
  await Promise.all(
    [...topics].map(async ([topic, group]) => {
      // A source's records must arrive in the order of their positions: a lower one behind a higher one is a duplicate.
      group.sort((left, right) => positionOf(left) - positionOf(right))
      try {
        await ingest.log.publish(
          topic,
          group.map((item) => item.record),
          signal,
        )
        written += 1
        for (const { event } of group) results.set(event.id, stored(event.mapped))
      } catch (error) {
        failure ??= error
        const details = error instanceof LogdriveError ? error.code : 'INTERNAL'
        for (const { event } of group) results.set(event.id, { result: 'retry', details })
      }
    }),
  )
  if (failure === null) return results
  if (written === 0) throw failure
  ingest.runtime.logger.warn({ err: failure, written, topics: topics.size }, 'some events were not stored')
  return results
}

interface Placed {
  readonly event: Judged
  readonly record: NewRecord
}

function positionOf(placed: Placed): number {
  return placed.record.source?.position ?? 0
}

function stored(mapped: Mapped): EventResult {
  if (mapped.kind === 'row') return { result: 'ok' }
  return { result: 'drop', details: `${mapped.field}: ${mapped.reason}; expected ${mapped.expected}` }
}

function groupByTopic(events: readonly Judged[], facts: StoreFacts): Map<string, Placed[]> {
  const topics = new Map<string, Placed[]>()
  for (const event of events) {
    const { mapped } = event
    const topic = mapped.kind === 'row' ? mapped.topic : `${mapped.topic}${deadLetterSuffix}`
    const record = mapped.kind === 'row' ? rowRecord(mapped, facts) : deadLetter(event, facts)
    const group = topics.get(topic)
    if (group === undefined) topics.set(topic, [{ event, record }])
    else group.push({ event, record })
  }
  return topics
}

function rowRecord(mapped: Mapped & { readonly kind: 'row' }, facts: StoreFacts): NewRecord {
  return {
    key: Buffer.from(mapped.key),
    value: Buffer.from(JSON.stringify(mapped.row)),
    // When it arrived, not when it happened: retention and lag go by this clock, and a browser's may be anything.
    timestamp: facts.receivedAt,
    headers: [],
    source: sourceOf(facts, mapped.position),
  }
}

/** The same shape as a sink's dead letters: the raw bytes, and the reason in the headers. */
function deadLetter(event: Judged, facts: StoreFacts): NewRecord {
  const { mapped } = event
  const drop = mapped.kind === 'drop' ? mapped : null
  const headers: readonly (readonly [string, string])[] = [
    ['ld-reason', drop?.reason ?? ''],
    ['ld-stage', 'ingest'],
    ['ld-topic', mapped.topic],
    ['ld-field', drop?.field ?? ''],
    ['ld-expected', drop?.expected ?? ''],
    ['ld-origin', facts.origin],
  ]
  return {
    key: Buffer.from(facts.source || event.id),
    value: Buffer.from(event.raw()).subarray(0, facts.rawBytesMax),
    timestamp: facts.receivedAt,
    headers: headers.map(([key, value]): RecordHeader => ({ key, value: Buffer.from(value) })),
    source: sourceOf(facts, mapped.position),
  }
}

/** A browser may not pose as a sink's dead letters, whose positions would then count as stored. */
function sourceOf(facts: StoreFacts, position: number | null): NewRecord['source'] {
  return facts.source === '' || facts.source.startsWith('dead:') || position === null
    ? null
    : { source: facts.source, epoch, position }
}
