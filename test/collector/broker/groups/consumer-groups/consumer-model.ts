// A group of the newer protocol with clients that behave as Kafka's do, topics that change, and a disk: for tests without a broker.
import { readGroup, recordOf } from '../../../../../collector/broker/groups/consumer-groups/consumer-codec.ts'
import { ConsumerGroup } from '../../../../../collector/broker/groups/consumer-groups/consumer-group.ts'
import type {
  ConsumerHeartbeat,
  GroupTopics,
} from '../../../../../collector/broker/groups/consumer-groups/consumer-types.ts'
import {
  common,
  countOf,
  noPartitions,
  type PartitionSet,
  topicPartitions,
} from '../../../../../collector/broker/groups/consumer-groups/partition-set.ts'
import { KafkaError } from '../../../../../protocol/errors.ts'

export const sessionMs = 45_000
export const rebalanceMs = 60_000
const heartbeatMs = 5000

/** Topics that come, go and grow. */
export class ModelTopics implements GroupTopics {
  version = 0
  readonly #topics = new Map<
    string,
    { readonly id: string; readonly name: string; readonly partitions: number }
  >()
  #made = 0

  find(name: string) {
    return this.#topics.get(name) ?? null
  }

  list() {
    return [...this.#topics.values()]
  }

  /** Makes the topic, or gives it more partitions. */
  set(name: string, partitions: number): void {
    const known = this.find(name)
    this.#made += 1
    this.version += 1
    const id = known?.id ?? `00000000-0000-4000-8000-${String(this.#made).padStart(12, '0')}`
    this.#topics.set(name, { id, name, partitions: Math.max(partitions, known?.partitions ?? 0) })
  }

  delete(name: string): void {
    if (this.#topics.delete(name)) this.version += 1
  }
}

/** A client; it believes only what it was told. */
export class ModelClient {
  id: string
  readonly instanceId: string | null
  readonly assignor: string | null
  epoch = 0
  /** What it was told to read; null while it is in no group. */
  told: PartitionSet = noPartitions
  /** What it reads. */
  owned: PartitionSet = noPartitions
  topics: Pick<ConsumerHeartbeat, 'topicNames' | 'topicRegex'> = { topicNames: ['a', 'b'], topicRegex: '' }
  isAlive = false
  isWaiting = false
  /** An answer was lost, or it says all of itself out of caution. */
  saysAll = true
  #ids = 0

  constructor(id: string, instanceId: string | null, assignor: string | null = null) {
    this.id = id
    this.instanceId = instanceId
    this.assignor = assignor
  }

  request(memberEpoch = this.epoch): ConsumerHeartbeat {
    const isWhole = this.saysAll || memberEpoch === 0
    return {
      memberId: this.id,
      memberEpoch,
      instanceId: this.instanceId,
      rackId: null,
      rebalanceTimeoutMs: isWhole ? rebalanceMs : null,
      topicNames: isWhole ? this.topics.topicNames : null,
      topicRegex: isWhole ? this.topics.topicRegex : null,
      assignor: isWhole ? this.assignor : null,
      owned: this.owned,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      isVisible: () => true,
    }
  }

  /** It has to begin anew: nothing is its own any more. */
  forget(): void {
    this.epoch = 0
    this.owned = noPartitions
    this.told = noPartitions
    this.saysAll = true
    this.isWaiting = false
  }

  /** The process died; another one comes with another id. */
  crash(): void {
    this.#ids += 1
    this.id = `${this.id.split('#')[0]}#${this.#ids}`
    this.forget()
    this.isAlive = false
  }
}

export class GroupModel {
  readonly topics = new ModelTopics()
  readonly disk = new Map<string, { readonly key: Uint8Array; readonly value: Uint8Array }>()
  group = groupOf('g')
  now = 0

  /** One heartbeat; gives the error that the client heard, if any. */
  beat(client: ModelClient, isLost = false): string | null {
    client.isAlive = true
    try {
      const answer = this.group.heartbeat(client.request(), this.topics, this.now)
      this.keep()
      client.saysAll = isLost
      client.isWaiting = isLost
      if (isLost) return null
      client.epoch = answer.memberEpoch
      if (answer.assigned !== null) client.told = answer.assigned
    } catch (error) {
      this.keep()
      if (!(error instanceof KafkaError)) throw error
      if (['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID'].includes(error.error)) client.forget()
      return error.error
    }
    return null
  }

  /**
   * The client does what it was told: it gives back at once, and takes with the next call. It takes nothing while it
   * waits for an answer: what it had not said to own when it asked may be somebody else's now.
   */
  settle(client: ModelClient): void {
    const left = common(client.owned, client.told)
    const isDone = countOf(left) === countOf(client.owned) && !client.isWaiting
    client.owned = isDone ? client.told : left
  }

  leave(client: ModelClient, epoch: -1 | -2): void {
    if (!client.isAlive) return
    client.owned = noPartitions
    try {
      this.group.heartbeat(client.request(epoch), this.topics, this.now)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
    }
    this.keep()
    client.crash()
  }

  wait(ms: number): void {
    this.now += ms
    this.group.tick(this.now)
    this.keep()
  }

  /** The broker dies and comes back with what it kept. */
  restart(): void {
    const { name } = this.group
    const record = readGroup([...this.disk.values()])
    this.group = groupOf(name)
    if (record !== null) this.group.restore(record, this.now)
  }

  /** Everybody that is alive asks and does as told, until nothing changes any more. */
  converge(clients: readonly ModelClient[]): void {
    const rounds = (2 * (sessionMs + rebalanceMs)) / heartbeatMs
    for (let round = 0; round < rounds; round += 1) {
      for (const client of clients) {
        if (!client.isAlive) continue
        this.beat(client)
        this.settle(client)
      }
      this.wait(heartbeatMs)
    }
  }

  keep(): void {
    for (const part of this.group.takeChanges()) {
      const { key, value } = recordOf(this.group, part)
      const text = Buffer.from(key).toString('latin1')
      if (value === null) this.disk.delete(text)
      else this.disk.set(text, { key, value })
    }
  }
}

/** A group without bounds that would be met. */
export function groupOf(name: string): ConsumerGroup {
  const limits = { sessionTimeoutMs: sessionMs, membersMax: 100, bytesMax: 100_000 }
  return new ConsumerGroup(name, limits, { has: () => true })
}

/** `<topic id>/<partition>` of each. */
export function placesOf(set: PartitionSet): readonly string[] {
  return topicPartitions(set).flatMap(({ topicId, partitions }) =>
    partitions.map((one) => `${topicId}/${one}`),
  )
}
