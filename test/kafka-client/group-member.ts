// A member of a classic Kafka consumer group for tests: joins, hands out partitions when it leads, beats, leaves.
import { KafkaError } from '../../protocol/errors.ts'
import { decodeAssignment, encodeAssignment, encodeSubscription } from './assignment.ts'
import { type KafkaClient, throwCode } from './client.ts'
import { fetchOffsets, type Membership, outsider, type Standing } from './membership.ts'
import type { Target } from './producer.ts'
import type { GroupOffset } from './transactions.ts'

export interface MemberOptions {
  readonly groupId: string
  /** Topics with their number of partitions. */
  readonly topics: Readonly<Record<string, number>>
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly patienceMs: number
}

export class GroupMember implements Membership {
  readonly #client: KafkaClient
  readonly #options: MemberOptions
  #memberId = ''
  #generation = -1

  constructor(client: KafkaClient, options: MemberOptions) {
    this.#client = client
    this.#options = options
  }

  get groupId(): string {
    return this.#options.groupId
  }

  get memberId(): string {
    return this.#memberId
  }

  get owner(): string {
    return this.#memberId
  }

  get generation(): number {
    return this.#generation
  }

  /** Until a generation has formed with this member in it. */
  async join(): Promise<readonly Target[]> {
    return await this.#client.retry(this.#options.patienceMs, async () => {
      for (;;) {
        try {
          return await this.#joinOnce()
        } catch (error) {
          if (!(error instanceof KafkaError) || !rejoins.has(error.error)) throw error
          if (error.error === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
          await this.#client.pause(5)
        }
      }
    })
  }

  async #joinOnce(): Promise<readonly Target[]> {
    const { groupId, sessionTimeoutMs, rebalanceTimeoutMs, topics } = this.#options
    const metadata = encodeSubscription(Object.keys(topics))
    const join = await this.#client.request(
      'JoinGroup',
      {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId: this.#memberId,
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: [{ name: 'spread', metadata }],
      },
      rebalanceTimeoutMs,
    )
    // The id to join with comes with the refusal.
    if (join.memberId !== '') this.#memberId = join.memberId
    throwCode(join.errorCode, 'JoinGroup')
    this.#generation = join.generationId
    const isLeader = join.leader === join.memberId
    const assignments = isLeader ? this.#spread(join.members.map(({ memberId }) => memberId)) : []
    const { protocolType, protocolName } = join
    const sync = await this.#client.request(
      'SyncGroup',
      { ...this.#identity(), protocolType, protocolName, assignments },
      rebalanceTimeoutMs,
    )
    throwCode(sync.errorCode, 'SyncGroup')
    return decodeAssignment(sync.assignment)
  }

  async heartbeat(): Promise<Standing> {
    const response = await this.#client.request('Heartbeat', this.#identity())
    if (response.errorCode === 0) return 'member'
    return standingAfter(() => throwCode(response.errorCode, 'Heartbeat'))
  }

  async committed(targets: readonly Target[]): Promise<readonly GroupOffset[]> {
    return await fetchOffsets(this.#client, outsider(this.groupId), targets)
  }

  async leave(): Promise<void> {
    const members = [{ memberId: this.#memberId, groupInstanceId: null }]
    await this.#client.request('LeaveGroup', { groupId: this.groupId, members })
    this.#memberId = ''
    this.#generation = -1
  }

  #identity() {
    const { groupId } = this.#options
    return { groupId, generationId: this.#generation, memberId: this.#memberId, groupInstanceId: null }
  }

  /** Partitions one by one to members in the order of their ids. */
  #spread(members: readonly string[]): { readonly memberId: string; readonly assignment: Uint8Array }[] {
    const sorted = members.toSorted()
    const targets = Object.entries(this.#options.topics).flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition })),
    )
    return sorted.map((memberId, index) => ({
      memberId,
      assignment: encodeAssignment(targets.filter((_, i) => i % sorted.length === index)),
    }))
  }
}

/** What an error of a group request says about the membership; throws others on. */
function standingAfter(request: () => void): Standing {
  try {
    request()
    return 'member'
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    if (error.error === 'REBALANCE_IN_PROGRESS') return 'rejoin'
    if (gone.has(error.error)) return 'lost'
    throw error
  }
}

const gone: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])
const rejoins: ReadonlySet<string> = new Set([
  'MEMBER_ID_REQUIRED',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
])
