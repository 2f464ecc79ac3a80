// ConsumerGroups: the groups of the newer protocol (KIP-848) with their timers and their records.
import type { Clock, Logger } from '../../../../core/runtime.ts'
import { Scope } from '../../../../core/scope.ts'
import { KafkaError } from '../../../../protocol/errors.ts'
import type { GroupOffsets } from '../group-offsets.ts'
import type { GroupRoom } from '../group-room.ts'
import { WakeTimer } from '../wake-timer.ts'
import { assignors, isAssignor } from './assignors.ts'
import { readGroup, recordOf } from './consumer-codec.ts'
import { ConsumerGroup, type ConsumerGroupLimits } from './consumer-group.ts'
import { awayEpoch } from './consumer-member.ts'
import type { ConsumerAnswer, ConsumerHeartbeat, GroupTopics } from './consumer-types.ts'

export interface ConsumerGroupsParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly offsets: GroupOffsets
  readonly topics: GroupTopics
  readonly limits: ConsumerGroupsLimits
  readonly room: GroupRoom
}

export interface ConsumerGroupsLimits extends ConsumerGroupLimits {
  readonly groupsMax: number
}

/** Ids, instance ids and racks; the int16 lengths of the layouts hold them. */
const nameBytesMax = 255

interface Entry {
  readonly group: ConsumerGroup
  readonly timer: WakeTimer
  /** Wall-clock ms since when it is empty, or older. */
  since: number
  /** Everything that was decided so far is durable then. */
  kept: Promise<unknown>
}

export class ConsumerGroups implements AsyncDisposable {
  readonly #parts: ConsumerGroupsParts
  readonly #scope: Scope
  readonly #entries = new Map<string, Entry>()

  /** Takes over the groups that are kept. */
  constructor(parts: ConsumerGroupsParts, signal: AbortSignal) {
    this.#parts = parts
    this.#scope = new Scope(signal)
    for (const name of parts.offsets.records.names()) {
      const record = readGroup(parts.offsets.records.ofGroup(name))
      if (record === null) continue
      const { group, timer } = this.#add(name)
      group.restore(record, this.#now())
      timer.set(group.wakeAt)
      parts.room.count(group)
    }
  }

  find(name: string): ConsumerGroup | null {
    return this.#entries.get(name)?.group ?? null
  }

  /** Wall-clock ms since when the group is as it is, at most; null for one that is not there. */
  since(name: string): number | null {
    return this.#entries.get(name)?.since ?? null
  }

  names(): Iterable<string> {
    return this.#entries.keys()
  }

  /** Answers once what it tells is durable. Throws KafkaError. */
  async heartbeat(name: string, request: ConsumerHeartbeat): Promise<ConsumerAnswer> {
    check(request)
    const entry = this.#entries.get(name) ?? this.#found(name, request)
    try {
      const answer = entry.group.heartbeat(request, this.#parts.topics, this.#now())
      await this.#follow(entry)
      return answer
    } finally {
      // Who was refused founds nothing.
      if (entry.group.epoch === 0) this.remove(name)
    }
  }

  /** Takes an empty group out of memory; its records are the caller's. */
  remove(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    entry.timer.stop()
    this.#parts.room.forget(entry.group)
    this.#entries.delete(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#entries.values()) timer.stop()
    await this.#scope[Symbol.asyncDispose]()
  }

  #found(name: string, { memberId, memberEpoch }: ConsumerHeartbeat): Entry {
    if (memberEpoch !== 0) throw new KafkaError('UNKNOWN_MEMBER_ID', `there is no member ${memberId}`)
    if (this.#entries.size >= this.#parts.limits.groupsMax) {
      throw new KafkaError('GROUP_MAX_SIZE_REACHED', 'there are too many groups')
    }
    return this.#add(name)
  }

  #add(name: string): Entry {
    const { clock, limits, logger, room } = this.#parts
    const group = new ConsumerGroup(name, limits, room)
    const timer = new WakeTimer(clock, this.#scope, () => {
      const members = group.tick(this.#now())
      if (members.length > 0)
        logger.info({ group: name, members }, 'members of a group were silent for too long')
      this.#scope.spawn(async () => {
        // The next member that asks hears of the trouble, and what changed is kept with its request.
        await this.#follow(entry).catch(() => undefined)
      })
    })
    const entry: Entry = { group, timer, since: clock.now(), kept: Promise.resolve() }
    this.#entries.set(name, entry)
    return entry
  }

  /** Keeps what changed; resolves when that and all before it is durable. Throws COORDINATOR_NOT_AVAILABLE. */
  async #follow(entry: Entry): Promise<void> {
    const { group, timer } = entry
    timer.set(group.wakeAt)
    this.#parts.room.count(group)
    const parts = group.takeChanges()
    if (parts.length > 0) {
      entry.since = this.#parts.clock.now()
      const before = entry.kept
      const writing = this.#parts.offsets.keepRecords(
        group.name,
        parts.map((part) => recordOf(group, part)),
      )
      const kept = Promise.all([before, writing]).finally(() => {
        if (entry.kept === kept) entry.kept = Promise.resolve()
      })
      entry.kept = kept
      writing.catch(() => group.putChangesBack(parts))
    }
    try {
      await entry.kept
    } catch (error) {
      this.#parts.logger.error(
        { err: error, group: group.name },
        'a group could not be kept; its members ask again',
      )
      throw new KafkaError('COORDINATOR_NOT_AVAILABLE', 'the group could not be kept', { cause: error })
    }
  }

  #now(): number {
    return this.#parts.clock.monotonic()
  }
}

/** Throws KafkaError for what no group could answer. */
function check(request: ConsumerHeartbeat): void {
  const { memberId, memberEpoch, instanceId, rackId, assignor, owned, rebalanceTimeoutMs } = request
  const refuse = (why: string) => {
    throw new KafkaError('INVALID_REQUEST', why)
  }
  for (const text of [memberId, instanceId, rackId]) {
    if (text === '') refuse('the id of a member, an instance or a rack is empty')
    if (text !== null && Buffer.byteLength(text) > nameBytesMax) refuse('an id is too long')
  }
  if (memberEpoch < awayEpoch) refuse(`there is no member epoch ${memberEpoch}`)
  if (memberEpoch === awayEpoch && instanceId === null) refuse('only static members leave for a while')
  if (memberEpoch === 0) {
    if (rebalanceTimeoutMs === null) refuse('who joins says its rebalance timeout')
    if (owned === null || owned.size > 0) refuse('who joins owns no partitions')
    if (request.topicNames === null && request.topicRegex === null) refuse('who joins says its topics')
  }
  if (assignor !== null && !isAssignor(assignor)) {
    const known = Object.keys(assignors).join(', ')
    throw new KafkaError(
      'UNSUPPORTED_ASSIGNOR',
      `there is no assignor ${assignor}; these there are: ${known}`,
    )
  }
}
