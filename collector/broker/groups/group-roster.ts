// GroupRoster: the consumer groups that have members, with their timers, the requests that wait, and their records.
import type { Clock, Logger, Random } from '../../../core/runtime.ts'
import { Scope } from '../../../core/scope.ts'
import type { KafkaErrorName } from '../../../protocol/errors.ts'
import { failedJoin, failedSync } from './group-answers.ts'
import type { Waiter } from './group-members.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { GroupEffect } from './group-rebalance.ts'
import type { GroupRoom } from './group-room.ts'
import { Group } from './group-state.ts'
import type {
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  MemberIdentity,
  SyncAnswer,
  SyncRequest,
} from './group-types.ts'
import { WakeTimer } from './wake-timer.ts'

export interface GroupRosterParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly offsets: GroupOffsets
  readonly limits: GroupRosterLimits
  readonly room: GroupRoom
}

export interface GroupRosterLimits {
  readonly initialDelayMs: number
  readonly sessionTimeoutMsMin: number
  readonly sessionTimeoutMsMax: number
  readonly groupsMax: number
  readonly membersMax: number
  /** Metadata, or assignments, of all members of a group together: they are kept as one record. */
  readonly bytesMax: number
}

/** Ids, instance ids and names of protocols; the int16 lengths of the layout hold them. */
const nameBytesMax = 255
const protocolsMax = 64

interface Entry {
  readonly group: Group
  /** Of the assignments in the record that is durable: the next rebalance does not end it, the next record does. */
  assignedBytes: number
  /** Of its members, of whom it waits for, and of what they were assigned. */
  readonly memoryBytes: number
  /** Wall-clock ms when the group became what its record says. */
  since: number
  readonly timer: WakeTimer
}

type Answer = (answer: JoinAnswer | SyncAnswer) => void

export class GroupRoster implements AsyncDisposable {
  readonly #parts: GroupRosterParts
  readonly #scope: Scope
  readonly #entries = new Map<string, Entry>()
  readonly #waiting = new Map<Waiter, Answer>()
  #waiters = 0

  /** Takes over the groups that are kept. */
  constructor(parts: GroupRosterParts, signal: AbortSignal) {
    this.#parts = parts
    this.#scope = new Scope(signal)
    for (const name of parts.offsets.names()) {
      const record = parts.offsets.record(name)
      if (record === null) continue
      const entry = this.#add(this.#make(name))
      entry.group.restore(record, parts.clock.monotonic())
      entry.since = record.since
      entry.timer.set(entry.group.wakeAt)
      entry.assignedBytes = bytesIn(record.members)
      parts.room.count(entry)
    }
  }

  find(name: string): Group | null {
    return this.#entries.get(name)?.group ?? null
  }

  /** Wall-clock ms since when the group is Empty or Stable; null for a group without members ever. */
  since(name: string): number | null {
    return this.#entries.get(name)?.since ?? null
  }

  names(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** Answers once the generation has begun; the signal says that nobody listens any more. */
  join(name: string, request: JoinRequest, signal: AbortSignal): Promise<JoinAnswer> | JoinAnswer {
    const { limits, random, room } = this.#parts
    const { memberId, instanceId, clientId, sessionTimeoutMs } = request
    const refuse = (error: KafkaErrorName) => failedJoin(error, memberId)
    if (sessionTimeoutMs < limits.sessionTimeoutMsMin || sessionTimeoutMs > limits.sessionTimeoutMsMax) {
      return refuse('INVALID_SESSION_TIMEOUT')
    }
    if (!isKeepable(request)) return refuse('INVALID_REQUEST')
    const known = this.#entries.get(name)
    if (known === undefined && memberId !== '') return refuse('UNKNOWN_MEMBER_ID')
    const isFull = known === undefined && this.#entries.size >= limits.groupsMax
    const group = known?.group ?? this.#make(name)
    const { said, memory } = group.growth(request)
    // Who is a member already and says no more than before finds no less room than it has.
    const isLarge = memory > 0 && (group.members.bytes + said > limits.bytesMax || !room.has(memory))
    if (isFull || isLarge) return refuse('GROUP_MAX_SIZE_REACHED')
    const entry = known ?? this.#add(group)
    const newMemberId = `${(instanceId ?? clientId).slice(0, nameBytesMax)}-${random.uuid()}`
    return this.#wait<JoinAnswer>(entry, signal, failedJoin('UNKNOWN_MEMBER_ID', memberId), (waiter) =>
      entry.group.join({ request, waiter, newMemberId }, this.#now()),
    )
  }

  sync(name: string, request: SyncRequest, signal: AbortSignal): Promise<SyncAnswer> | SyncAnswer {
    const entry = this.#entries.get(name)
    if (entry === undefined) return failedSync('UNKNOWN_MEMBER_ID')
    const { limits, room } = this.#parts
    const bytes = bytesIn(request.assignments)
    const more = bytes - entry.assignedBytes
    const isLarge = bytes > limits.bytesMax || (more > 0 && !room.has(more))
    if (isLarge) return failedSync('UNKNOWN_SERVER_ERROR')
    return this.#wait<SyncAnswer>(entry, signal, failedSync('UNKNOWN_MEMBER_ID'), (waiter) =>
      entry.group.sync(request, waiter, this.#now()),
    )
  }

  heartbeat(name: string, request: HeartbeatRequest): KafkaErrorName {
    return this.#act(name, (group) => group.heartbeat(request, this.#now())) ?? 'UNKNOWN_MEMBER_ID'
  }

  leave(name: string, members: readonly MemberIdentity[]): readonly KafkaErrorName[] {
    const errors = this.#act(name, (group) => group.leave(members, this.#now()))
    return errors ?? members.map(() => 'UNKNOWN_MEMBER_ID')
  }

  /** Whether the group lets these offsets be committed. */
  checkCommit(name: string, request: HeartbeatRequest, isTransactional: boolean): KafkaErrorName {
    const error = this.#act(name, (group) => group.checkCommit(request, isTransactional, this.#now()))
    return error ?? (request.generationId < 0 ? 'NONE' : 'ILLEGAL_GENERATION')
  }

  /** Takes a vacant group out of memory; its record is the caller's. */
  remove(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    entry.timer.stop()
    this.#parts.room.forget(entry)
    this.#entries.delete(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const entry of this.#entries.values()) entry.timer.stop()
    await this.#scope[Symbol.asyncDispose]()
    // No answer is lost by this: members find the coordinator again, and their group as it was kept.
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const answer of waiting) answer(failedJoin('COORDINATOR_NOT_AVAILABLE', ''))
  }

  #make(name: string): Group {
    const { initialDelayMs, membersMax } = this.#parts.limits
    return new Group(name, { initialDelayMs, membersMax })
  }

  #add(group: Group): Entry {
    const { clock } = this.#parts
    const timer = new WakeTimer(clock, this.#scope, () => {
      group.tick(this.#now())
      this.#follow(entry)
    })
    const entry: Entry = {
      group,
      timer,
      since: clock.now(),
      assignedBytes: 0,
      get memoryBytes() {
        return group.memoryBytes + this.assignedBytes
      },
    }
    this.#entries.set(group.name, entry)
    return entry
  }

  #act<Result>(name: string, act: (group: Group) => Result): Result | null {
    const entry = this.#entries.get(name)
    if (entry === undefined) return null
    const result = act(entry.group)
    this.#follow(entry)
    return result
  }

  /** Asks the group with a waiter, and resolves when it answers; `lost` when nobody listens any more. */
  #wait<Result extends JoinAnswer | SyncAnswer>(
    entry: Entry,
    signal: AbortSignal,
    lost: Result,
    ask: (waiter: Waiter) => void,
  ): Promise<Result> {
    this.#waiters += 1
    const waiter = this.#waiters
    return new Promise((resolve) => {
      const drop = () => {
        if (!this.#waiting.delete(waiter)) return
        entry.group.drop(waiter, this.#now())
        this.#follow(entry)
        resolve(lost)
      }
      this.#waiting.set(waiter, (answer) => {
        signal.removeEventListener('abort', drop)
        resolve(answer as Result)
      })
      ask(waiter)
      this.#follow(entry)
      if (signal.aborted) drop()
      else if (this.#waiting.has(waiter)) signal.addEventListener('abort', drop, { once: true })
    })
  }

  /** Does what the group wants done, and sets its timer. */
  #follow(entry: Entry): void {
    for (const effect of entry.group.takeEffects()) this.#carryOut(entry, effect)
    this.#parts.room.count(entry)
    const { name, generation, isVacant, wakeAt } = entry.group
    // Nobody ever became a member of it.
    if (isVacant && generation === 0 && this.#parts.offsets.record(name) === null) this.remove(name)
    else entry.timer.set(wakeAt)
  }

  #carryOut(entry: Entry, effect: GroupEffect): void {
    if (effect.kind === 'store') {
      this.#scope.spawn(() => this.#keep(entry, effect))
      return
    }
    const answer = this.#waiting.get(effect.waiter)
    this.#waiting.delete(effect.waiter)
    answer?.(effect.answer)
  }

  async #keep(entry: Entry, effect: Extract<GroupEffect, { readonly kind: 'store' }>): Promise<void> {
    const { clock, logger, offsets } = this.#parts
    const { name } = entry.group
    entry.since = clock.now()
    let isDurable = true
    try {
      await offsets.keepGroup(name, { ...effect.record, since: entry.since })
      entry.assignedBytes = bytesIn(effect.record.members)
    } catch (error) {
      isDurable = false
      logger.error({ err: error, group: name }, 'a group could not be kept; its members join again')
    }
    entry.group.stored(effect.ticket, isDurable, this.#now())
    this.#follow(entry)
  }

  #now(): number {
    return this.#parts.clock.monotonic()
  }
}

function bytesIn(assigned: Iterable<{ readonly assignment: Uint8Array }>): number {
  let bytes = 0
  for (const { assignment } of assigned) bytes += assignment.length
  return bytes
}

/** Whether the names in it are short enough to be kept. */
function isKeepable({ instanceId, protocolType, protocols }: JoinRequest): boolean {
  const names = [instanceId ?? '', protocolType, ...protocols.map(({ name }) => name)]
  return protocols.length <= protocolsMax && names.every((name) => Buffer.byteLength(name) <= nameBytesMax)
}
