// A member of a consumer group of the newer protocol (KIP-848) for tests: the broker assigns, it gives back and takes.
import { KafkaError } from '../../protocol/errors.ts'
import { type KafkaClient, throwCode } from './client.ts'
import { keyOf } from './consumer.ts'
import { fetchOffsets, type Membership, type Standing } from './membership.ts'
import type { Target } from './producer.ts'
import type { GroupOffset } from './transactions.ts'

export interface ConsumerMemberOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  /** Subscribes by an expression for these topics instead of their names. */
  readonly byPattern: boolean
  /** Static membership; null without. */
  readonly instanceId: string | null
  readonly rebalanceTimeoutMs: number
  readonly patienceMs: number
}

/** Epochs that say that a member goes: for good, or for a while (static members). */
const leaving = { forGood: -1, forAWhile: -2 } as const
const unreleasedPauseMs = 300

export class ConsumerGroupMember implements Membership {
  readonly #client: KafkaClient
  readonly #options: ConsumerMemberOptions
  #memberId: string
  #epoch = 0
  /** What it was told to read. */
  #told: readonly Target[] = []
  /** What it reads, and says that it does. */
  #owned: readonly Target[] = []
  /** An answer may have been lost: it says all of itself. */
  #isUnsure = true
  #topicIds: ReadonlyMap<string, string> = new Map()

  constructor(client: KafkaClient, options: ConsumerMemberOptions) {
    this.#client = client
    this.#options = options
    this.#memberId = client.parts.random.uuid()
  }

  get groupId(): string {
    return this.#options.groupId
  }

  get memberId(): string {
    return this.#memberId
  }

  get owner(): string {
    return this.#options.instanceId ?? this.#memberId
  }

  get generation(): number {
    return this.#epoch
  }

  /** Gives back what it was told to, says so, and takes the rest; the broker may have nothing for it yet. */
  async join(): Promise<readonly Target[]> {
    return await this.#client.retry(this.#options.patienceMs, async () => {
      for (;;) {
        this.#owned = inBoth(this.#owned, this.#told)
        if ((await this.#beat()) === 'lost') await this.#client.pause(5)
        else if (inBoth(this.#owned, this.#told).length === this.#owned.length) break
      }
      this.#owned = this.#told
      return this.#owned
    })
  }

  async heartbeat(): Promise<Standing> {
    const standing = await this.#beat()
    const isSettled = this.#told.length === this.#owned.length
    const isSame = isSettled && inBoth(this.#told, this.#owned).length === this.#told.length
    return standing === 'member' && !isSame ? 'rejoin' : standing
  }

  async committed(targets: readonly Target[]): Promise<readonly GroupOffset[]> {
    return await fetchOffsets(this.#client, this, targets)
  }

  /** A static member goes for a while: its partitions wait for whoever comes with its instance id. */
  async leave(): Promise<void> {
    this.#owned = []
    const { instanceId } = this.#options
    const request = this.#request(instanceId === null ? leaving.forGood : leaving.forAWhile)
    this.#forget()
    this.#memberId = this.#client.parts.random.uuid()
    await this.#client.request('ConsumerGroupHeartbeat', request)
  }

  async #beat(): Promise<Standing> {
    await this.#learnTopics()
    const request = this.#request(this.#epoch)
    this.#isUnsure = true
    const answer = await this.#client.request('ConsumerGroupHeartbeat', request)
    try {
      throwCode(answer.errorCode, 'ConsumerGroupHeartbeat')
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      // Another process of this instance has not been missed yet.
      if (error.error === 'UNRELEASED_INSTANCE_ID') await this.#client.pause(unreleasedPauseMs)
      else if (!gone.has(error.error)) throw error
      this.#forget()
      return 'lost'
    }
    this.#isUnsure = false
    this.#epoch = answer.memberEpoch
    if (answer.assignment !== null) this.#told = this.#targetsOf(answer.assignment.topicPartitions)
    return 'member'
  }

  /** Nothing is its own any more. */
  #forget(): void {
    this.#epoch = 0
    this.#told = []
    this.#owned = []
    this.#isUnsure = true
  }

  #request(memberEpoch: number) {
    const { groupId, topics, byPattern, instanceId, rebalanceTimeoutMs } = this.#options
    const isWhole = this.#isUnsure || memberEpoch === 0
    const owned = Map.groupBy(this.#owned, ({ topic }) => topic)
    return {
      groupId,
      memberId: this.#memberId,
      memberEpoch,
      instanceId,
      rebalanceTimeoutMs: isWhole ? rebalanceTimeoutMs : -1,
      subscribedTopicNames: isWhole && !byPattern ? [...topics] : null,
      subscribedTopicRegex: isWhole && byPattern ? topics.join('|') : null,
      topicPartitions: [...owned].map(([topic, targets]) => ({
        topicId: this.#topicIds.get(topic) ?? '',
        partitions: targets.map(({ partition }) => partition),
      })),
    }
  }

  async #learnTopics(): Promise<void> {
    if (this.#topicIds.size > 0) return
    const topics = this.#options.topics.map((name) => ({ name }))
    const answer = await this.#client.request('Metadata', { topics })
    for (const { errorCode } of answer.topics) throwCode(errorCode, 'Metadata')
    this.#topicIds = new Map(answer.topics.map(({ name, topicId }) => [name ?? '', topicId]))
  }

  #targetsOf(
    assigned: readonly { readonly topicId: string; readonly partitions: readonly number[] }[],
  ): readonly Target[] {
    return [...this.#topicIds].flatMap(([topic, id]) =>
      assigned.flatMap(({ topicId, partitions }) =>
        topicId === id ? partitions.map((partition) => ({ topic, partition })) : [],
      ),
    )
  }
}

function inBoth(one: readonly Target[], other: readonly Target[]): readonly Target[] {
  const keys = new Set(other.map(keyOf))
  return one.filter((target) => keys.has(keyOf(target)))
}

const gone: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'FENCED_INSTANCE_ID'])
