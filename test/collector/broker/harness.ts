// What the broker's tests share: a simulated machine to open brokers on, batches of sources, and reading all back.
import { type Broker, openBroker } from '../../../collector/broker/broker.ts'
import type { BrokerConfig } from '../../../collector/broker/config.ts'
import type { Appended } from '../../../core/event-log.ts'
import type { NewRecord, RecordHeader } from '../../../core/records.ts'
import { encodeLines } from '../../../protocol/batch-encode.ts'
import { ManualClock } from '../../sim/clock.ts'
import { MemoryLogger } from '../../sim/logger.ts'
import { SeededRandom } from '../../sim/random.ts'
import { SimulatedDisk } from '../../sim/storage.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A signal that never aborts. */
export const forever = new AbortController().signal

export interface Machine {
  readonly disk: SimulatedDisk
  readonly clock: ManualClock
  readonly logger: MemoryLogger
  open(config?: Partial<BrokerConfig>): Promise<Broker>
}

export function machine(seed = 1, mode: 'ordered' | 'hostile' = 'ordered'): Machine {
  const random = new SeededRandom(seed)
  const disk = new SimulatedDisk({ random, mode })
  const clock = new ManualClock()
  const logger = new MemoryLogger()
  return {
    disk,
    clock,
    logger,
    open: (config = {}) =>
      openBroker(
        { folder: '/data', config: { partitions: 1, ...config } },
        {
          storage: disk.storage(),
          clock,
          random,
          logger,
        },
      ),
  }
}

export function record(
  value: string,
  key: string | null = null,
  source: NewRecord['source'] = null,
): NewRecord {
  return {
    key: key === null ? null : encoder.encode(key),
    value: encoder.encode(value),
    timestamp: 1_763_690_000_000,
    headers: [],
    source,
  }
}

export interface SourceBatch {
  readonly source?: string
  readonly epoch?: number
  readonly from: number
  readonly to: number
  readonly gap?: boolean
  readonly guard?: string
}

/** One batch of the source: positions count lines, and line `n` (1, 2, 3 ...) is `<source>/<epoch>/<n>`. */
export function batchOf({ source = 'file', epoch = 0, from, to, guard }: SourceBatch): Uint8Array {
  const lines = Array.from({ length: to - from }, (_, i) => `${source}/${epoch}/${from + i + 1}`)
  const bytes = encoder.encode(`${lines.join('\n')}\n`)
  const ends: number[] = []
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(at)
  const facts = {
    'ld-source': source,
    'ld-epoch': epoch,
    'ld-from': from,
    'ld-to': to,
    ...(guard === undefined ? {} : { 'ld-guard': guard }),
  }
  const firstHeaders: RecordHeader[] = Object.entries(facts).map(([key, value]) => ({
    key,
    value: encoder.encode(String(value)),
  }))
  return encodeLines({
    bytes,
    ends,
    count: lines.length,
    timestampMs: 1_763_690_000_000,
    firstHeaders,
    codec: 'zstd',
  })
}

/** Sends one batch as an agent does. */
export function send(broker: Broker, batch: SourceBatch, topic = 'logs'): Promise<Appended> {
  const { source = 'file', epoch = 0, from, to, gap = false } = batch
  return broker.append({ topic, bytes: batchOf(batch), range: { source, epoch, from, to, gap } }, forever)
}

/** `<partition>:<offset>=<value>` of every record of a topic. */
export async function allOf(broker: Broker, topic = 'logs'): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const found of broker.tail({ topics: [topic], start: 'beginning', follow: false }, forever)) {
    lines.push(`${found.partition}:${found.offset}=${decoder.decode(found.value ?? undefined)}`)
  }
  return lines.sort()
}

/** The values of a topic in the order of the log. */
export async function valuesOf(broker: Broker, topic = 'logs'): Promise<readonly string[]> {
  const values: string[] = []
  for await (const found of broker.tail({ topics: [topic], start: 'beginning', follow: false }, forever)) {
    values.push(decoder.decode(found.value ?? undefined))
  }
  return values
}
