// A Kafka consumer for tests: reads partitions it was assigned, one fetch at a time, in either isolation.
import { type KafkaClient, throwCode } from './client.ts'
import type { Target } from './producer.ts'
import { readFetched, type Seen } from './records.ts'

export type Isolation = 'read_uncommitted' | 'read_committed'

export interface ConsumerOptions {
  readonly isolation: Isolation
  readonly waitMs: number
  readonly bytesMax: number
}

/** What a fetch brought of one partition. */
export interface FetchedPartition extends Target {
  readonly seen: Seen
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly errorCode: number
}

export function keyOf({ topic, partition }: Target): string {
  return `${topic}-${partition}`
}

export class KafkaConsumer {
  readonly #client: KafkaClient
  readonly #options: ConsumerOptions
  #positions = new Map<string, Target & { offset: number }>()

  constructor(client: KafkaClient, options: ConsumerOptions) {
    this.#client = client
    this.#options = options
  }

  get keys(): readonly string[] {
    return [...this.#positions.keys()]
  }

  /** Reads these from now on, each from its offset. */
  assign(positions: readonly (Target & { readonly offset: number })[]): void {
    this.#positions = new Map(positions.map((each) => [keyOf(each), { ...each }]))
  }

  /** Where the next fetch of a partition begins. */
  position(target: Target): number {
    return this.#positions.get(keyOf(target))?.offset ?? 0
  }

  /** One fetch of all partitions; positions move behind what came. Partitions with errors stay where they are. */
  async fetch(): Promise<readonly FetchedPartition[]> {
    const { isolation, waitMs, bytesMax } = this.#options
    const asked = [...this.#positions.values()]
    const response = await this.#client.request(
      'Fetch',
      {
        maxWaitMs: waitMs,
        minBytes: 1,
        maxBytes: bytesMax,
        isolationLevel: isolation === 'read_committed' ? 1 : 0,
        sessionId: 0,
        sessionEpoch: -1,
        topics: [...Map.groupBy(asked, ({ topic }) => topic)].map(([topic, each]) => ({
          topic,
          partitions: each.map(({ partition, offset }) => ({
            partition,
            fetchOffset: offset,
            partitionMaxBytes: bytesMax,
          })),
        })),
      },
      waitMs,
    )
    throwCode(response.errorCode, 'Fetch')
    return response.responses.flatMap(({ topic, partitions }) =>
      partitions.map((answer) => {
        const target = { topic, partition: answer.partitionIndex }
        const { highWatermark, lastStableOffset, errorCode } = answer
        const aborted = isolation === 'read_committed' ? answer.abortedTransactions : []
        const bytes = answer.records ?? new Uint8Array(0)
        const seen = readFetched(bytes, this.position(target), aborted)
        const position = this.#positions.get(keyOf(target))
        if (position !== undefined && errorCode === 0) position.offset = seen.position
        return { ...target, seen, highWatermark, lastStableOffset, errorCode }
      }),
    )
  }

  /** The offset for a timestamp: -2 is the start, -1 the end as this isolation sees it. */
  async listOffset({ topic, partition }: Target, timestamp: number): Promise<number> {
    const response = await this.#client.request('ListOffsets', {
      replicaId: -1,
      isolationLevel: this.#options.isolation === 'read_committed' ? 1 : 0,
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }],
    })
    const answer = response.topics[0]?.partitions[0]
    throwCode(answer?.errorCode ?? -1, 'ListOffsets')
    return answer?.offset ?? -1
  }
}
