// The group coordinator of a broker on a simulated machine, and short ways to ask it.
import type { Broker } from '../../../../collector/broker/broker.ts'
import type { BrokerConfig } from '../../../../collector/broker/config.ts'
import { encodeSubscription } from '../../../../collector/broker/groups/group-protocol.ts'
import type {
  CommitPartition,
  JoinAnswer,
  JoinRequest,
} from '../../../../collector/broker/groups/group-types.ts'
import { forever, type Machine, machine } from '../harness.ts'

/** A request of somebody who is no member. */
export const nobody = { memberId: '', generationId: -1, instanceId: null }

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function offset(topic: string, partition: number, value: number, metadata = ''): CommitPartition {
  return { topic, partition, offset: value, leaderEpoch: 3, metadata }
}

/** A broker with the topics `t` and `u`, two partitions each. */
export async function openCoordinator(config: Partial<BrokerConfig> = {}): Promise<CoordinatorScript> {
  const world = machine()
  const all = { groupInitialDelayMs: 0, partitions: 2, ...config }
  const script = new CoordinatorScript(world, await world.open(all), all)
  for (const topic of ['t', 'u']) await script.broker.createTopic(topic, {})
  return script
}

export class CoordinatorScript {
  readonly world: Machine
  broker: Broker
  readonly #config: Partial<BrokerConfig>

  constructor(world: Machine, broker: Broker, config: Partial<BrokerConfig>) {
    this.world = world
    this.broker = broker
    this.#config = config
  }

  get coordinator() {
    return this.broker.groupsCoordinator
  }

  /** The power fails and comes back. */
  async restart(): Promise<void> {
    this.world.disk.crash()
    this.broker = await this.world.open(this.#config)
  }

  join(request: Partial<JoinRequest> = {}, group = 'g', signal = forever) {
    const full: JoinRequest = {
      memberId: '',
      instanceId: null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: encodeSubscription(['t']) }],
      knowsMemberIdRequired: false,
      knowsSkipAssignment: false,
      ...request,
    }
    return this.coordinator.joinGroup(group, full, signal)
  }

  /** All that a member of the newer protocol says, who is alone in the group of its name. */
  tell(memberId: string, memberEpoch: number, topicNames: readonly string[]) {
    return this.coordinator.consumerHeartbeat(memberId, {
      ...{ memberId, memberEpoch, instanceId: null, rackId: null, rebalanceTimeoutMs: 60_000 },
      ...{ topicNames, topicRegex: null, assignor: null, owned: new Map() },
      ...{ clientId: 'client', clientHost: '/127.0.0.1', isVisible: () => true },
    })
  }

  /** Asks for the assignment; a leader gives itself everything. */
  sync(joined: JoinAnswer, group = 'g', everything = bytes('everything')) {
    const { memberId, generationId, leader } = joined
    const assignments = leader === memberId ? [{ memberId, assignment: everything }] : []
    const identity = { memberId, generationId, instanceId: null }
    const request = { ...identity, protocolType: null, protocolName: null, assignments }
    return this.coordinator.syncGroup(group, request, forever)
  }

  heartbeat({ memberId, generationId }: JoinAnswer, group = 'g') {
    return this.coordinator.heartbeat(group, { memberId, generationId, instanceId: null })
  }

  leave({ memberId }: JoinAnswer, group = 'g') {
    return this.coordinator.leaveGroup(group, [{ memberId, instanceId: null }])
  }

  /** A stable group with one member. */
  async member(request: Partial<JoinRequest> = {}, group = 'g'): Promise<JoinAnswer> {
    const joined = await this.join(request, group)
    const synced = await this.sync(joined, group)
    if (synced.error !== 'NONE') throw new Error(`${joined.error}, ${synced.error}`)
    return joined
  }

  /** The errors of the partitions, in order. */
  async commit(partitions: readonly CommitPartition[], identity: object = nobody, group = 'g') {
    const results = await this.coordinator.commitOffsets({ group, ...nobody, ...identity, partitions })
    return results.map(({ error }) => error)
  }

  /** All offsets of the group, `<topic>/<partition>=<offset>`. */
  fetched(group = 'g'): readonly string[] {
    const found = this.coordinator.fetchOffsets(group, null, false)
    return found.map(({ topic, partition, offset }) => `${topic}/${partition}=${offset}`)
  }
}
