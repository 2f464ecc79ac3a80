// Group: what one consumer group answers its members, as a state machine without promises, clock or disk.
//
// Requests that wait are numbers; their answers come out of `takeEffects`. Time is monotonic ms, given with every call.
// Sources: kafka.apache.org design/coordinator; KIP-62, 134, 345, 394, 814.
import { strict as assert } from 'node:assert'
import type { KafkaErrorName } from '../../../protocol/errors.ts'
import { sameSubscription } from './group-answers.ts'
import {
  bytesOf,
  type Member,
  type Members,
  metadataOf,
  nothing,
  sameProtocols,
  type Waiter,
} from './group-members.ts'
import { type GroupEffect, type GroupLimits, Rebalancing } from './group-rebalance.ts'
import type {
  GroupPhase,
  GroupRecord,
  HeartbeatRequest,
  JoinRequest,
  MemberIdentity,
  SyncRequest,
} from './group-types.ts'

/** What a member takes in memory besides what it says (measured: 1,020). */
const memberBytes = 1024

/** A join as the driver gives it. */
export interface JoinCall {
  readonly request: JoinRequest
  readonly waiter: Waiter
  /** The id of the member if it needs one. */
  readonly newMemberId: string
}

export class Group {
  readonly name: string
  readonly #membersMax: number
  readonly #round: Rebalancing

  constructor(name: string, limits: GroupLimits) {
    this.name = name
    this.#membersMax = limits.membersMax
    this.#round = new Rebalancing(limits.initialDelayMs)
  }

  get phase(): Exclude<GroupPhase, 'Dead'> {
    return this.#round.phase
  }

  get generation(): number {
    return this.#round.generation
  }

  /** Null for a group that only ever had offsets. */
  get protocolType(): string | null {
    return this.#round.protocolType
  }

  /** The protocol that was voted for. */
  get protocol(): string | null {
    return this.#round.protocol
  }

  get members(): Members {
    return this.#round.members
  }

  /** Who was told an id to come with counts as a member: there may be as many of them. */
  get memoryBytes(): number {
    return this.members.bytes + (this.members.size + this.#round.invited.size) * memberBytes
  }

  /** How many bytes more the members say, and take in memory, once this one has joined. */
  growth({ memberId, instanceId, protocols }: JoinRequest): {
    readonly said: number
    readonly memory: number
  } {
    const { invited, members } = this.#round
    const known = members.find(memberId) ?? (instanceId === null ? null : members.findStatic(instanceId))
    const said = bytesOf(protocols) - bytesOf(known?.protocols ?? [])
    return { said, memory: known !== null || invited.has(memberId) ? said : said + memberBytes }
  }

  /** Nobody is a member, and nobody was told an id to come with. */
  get isVacant(): boolean {
    return this.phase === 'Empty' && this.#round.invited.size === 0
  }

  /** Call `tick` then, not later; infinite when there is nothing to wait for. */
  get wakeAt(): number {
    return this.#round.wakeAt
  }

  /** What is to be done since the last call. */
  takeEffects(): readonly GroupEffect[] {
    return this.#round.takeEffects()
  }

  /** A record is durable, or could not be made so. */
  stored(ticket: number, isDurable: boolean, now: number): void {
    this.#round.stored(ticket, isDurable, now)
  }

  /** Does what is due. */
  tick(now: number): void {
    this.#round.tick(now)
  }

  /** Takes over what was durable before a restart: members may go on with their heartbeats. */
  restore(record: GroupRecord, now: number): void {
    const round = this.#round
    assert(round.members.size === 0 && round.phase === 'Empty', 'only a new group is restored')
    const { protocolType, generation, protocol, leader } = record
    round.generation = generation
    round.protocolType = protocolType === '' ? null : protocolType
    for (const { memberId, subscription, ...rest } of record.members) {
      const protocols = [{ name: protocol ?? '', metadata: subscription }]
      const idle = { joining: null, syncing: null, owesSync: false, knowsId: true }
      const member: Member = { ...rest, ...idle, id: memberId, protocols, expiresAt: 0 }
      round.members.add(member)
      round.touch(member, now)
    }
    if (round.members.size === 0) return
    round.protocol = protocol
    round.leader = leader
    round.phase = 'Stable'
  }

  join(call: JoinCall, now: number): void {
    const { request, waiter, newMemberId } = call
    const { memberId, instanceId } = request
    const { invited, members } = this.#round
    const refusal = this.#refuseJoin(request)
    const known = instanceId === null ? null : members.findStatic(instanceId)
    if (refusal !== null) this.#round.refuse(waiter, refusal, memberId)
    else if (instanceId === null && invited.delete(memberId)) this.#admit(memberId, call, now)
    else if (memberId !== '') this.#rejoin(call, now)
    else if (known !== null) this.#takeOver(known, call, now)
    else if (instanceId !== null || !request.knowsMemberIdRequired) this.#admit(newMemberId, call, now)
    else {
      invited.set(newMemberId, now + request.sessionTimeoutMs)
      this.#round.wake(now + request.sessionTimeoutMs)
      this.#round.refuse(waiter, 'MEMBER_ID_REQUIRED', newMemberId)
    }
  }

  sync(request: SyncRequest, waiter: Waiter, now: number): void {
    const round = this.#round
    const member = this.#syncing(request)
    if (typeof member === 'string') {
      round.refuseSync(waiter, member)
      return
    }
    round.touch(member, now)
    member.owesSync = false
    if (round.phase === 'Stable') {
      round.tellAssignment(member, waiter)
      return
    }
    // A request that is asked again took another connection: nobody reads the answer to the first.
    if (member.syncing !== null) round.refuseSync(member.syncing, 'REBALANCE_IN_PROGRESS')
    member.syncing = waiter
    if (member.id !== round.leader) return
    round.assign(new Map(request.assignments.map((one) => [one.memberId, one.assignment])))
  }

  heartbeat(request: HeartbeatRequest, now: number): KafkaErrorName {
    const member = this.#current(request)
    if (typeof member === 'string') return member
    this.#round.touch(member, now)
    return this.phase === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  /** Takes members out; one answer each. A static member may be named by its instance alone. */
  leave(identities: readonly MemberIdentity[], now: number): readonly KafkaErrorName[] {
    const { members, invited } = this.#round
    const before = members.size
    const errors = identities.map((identity): KafkaErrorName => {
      const { memberId, instanceId } = identity
      if (instanceId === null && invited.delete(memberId)) return 'NONE'
      const byInstance = memberId === '' && instanceId !== null ? members.findStatic(instanceId) : null
      const member = byInstance ?? this.#identify(identity)
      if (typeof member === 'string') return member
      this.#round.remove(member, 'UNKNOWN_MEMBER_ID')
      return 'NONE'
    })
    if (members.size < before) this.#round.changed(now)
    else this.#round.settle(now)
    return errors
  }

  /** Whether these offsets may be committed. A commit counts as a sign of life. */
  checkCommit(request: HeartbeatRequest, isTransactional: boolean, now: number): KafkaErrorName {
    const { generationId, memberId, instanceId } = request
    // A consumer without membership: fine as long as nobody is a member.
    if (generationId < 0 && this.phase === 'Empty') return 'NONE'
    if (generationId < 0 && memberId === '' && instanceId === null) {
      // The transactions of old clients say nothing of members.
      return isTransactional ? 'NONE' : 'UNKNOWN_MEMBER_ID'
    }
    const member = this.#current(request)
    if (typeof member === 'string') return member
    this.#round.touch(member, now)
    const isBetween = this.phase === 'CompletingRebalance' && !isTransactional
    return isBetween ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  /** The connection of a waiting request is gone. A member that nobody told its id goes too. */
  drop(waiter: Waiter, now: number): void {
    const { members } = this.#round
    for (const member of members.values()) {
      if (member.syncing === waiter) member.syncing = null
      else if (member.joining === waiter) members.setJoining(member, null)
      else continue
      this.#round.touch(member, now)
      if (member.knowsId) return
      this.#round.remove(member, 'UNKNOWN_MEMBER_ID')
      this.#round.changed(now)
      return
    }
  }

  /** Why nobody may join like this, or null. */
  #refuseJoin(request: JoinRequest): KafkaErrorName | null {
    const { protocolType, protocols, memberId } = request
    const { members, invited } = this.#round
    if (protocolType === '' || protocols.length === 0) return 'INCONSISTENT_GROUP_PROTOCOL'
    const isOther = protocolType !== this.protocolType || !members.agreeOn(protocols)
    if (members.size > 0 && isOther) return 'INCONSISTENT_GROUP_PROTOCOL'
    const known = memberId === '' ? null : members.find(memberId)
    const isPreparing = this.phase === 'PreparingRebalance'
    // While members come back, who has not come yet holds no place.
    const taken = (isPreparing ? members.joining : members.size) + invited.size
    const holdsPlace = invited.has(memberId) || (known !== null && (!isPreparing || known.joining !== null))
    return taken >= this.#membersMax && !holdsPlace ? 'GROUP_MAX_SIZE_REACHED' : null
  }

  /** A member that is new to the group. */
  #admit(id: string, { request, waiter }: JoinCall, now: number): void {
    const { memberId, instanceId, protocols, clientId, clientHost } = request
    const { sessionTimeoutMs, rebalanceTimeoutMs } = request
    if (this.members.size === 0) this.#round.protocolType = request.protocolType
    const facts = { id, instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols }
    const knowsId = memberId !== '' || instanceId !== null
    const state = { knowsId, assignment: nothing, syncing: null, owesSync: false }
    this.#round.add({ ...facts, ...state, joining: waiter, expiresAt: now + sessionTimeoutMs }, now)
  }

  /** A member of whom an id is known. */
  #rejoin({ request, waiter }: JoinCall, now: number): void {
    const round = this.#round
    const member = this.#identify(request)
    if (typeof member === 'string') {
      round.refuse(waiter, member, request.memberId)
      return
    }
    // A leader that comes back to a stable group wants to assign anew.
    const isFollower = round.phase === 'Stable' && member.id !== round.leader
    const mayStay = isFollower || round.phase === 'CompletingRebalance'
    if (mayStay && sameProtocols(member.protocols, request.protocols)) {
      // Its answer was lost, or it asks out of caution: nothing has changed.
      round.touch(member, now)
      round.tell(member, waiter)
      return
    }
    this.#update(member, request)
    this.#waitToJoin(member, waiter)
    round.changed(now)
  }

  /** KIP-345: a static member came back without its id. Whoever had the instance id is fenced from now on. */
  #takeOver(old: Member, { request, waiter, newMemberId: id }: JoinCall, now: number): void {
    const round = this.#round
    const subscription = metadataOf(old, round.protocol)
    const leaderBefore = round.leader
    round.remove(old, 'FENCED_INSTANCE_ID')
    const member: Member = { ...old, id, joining: null, syncing: null, owesSync: false }
    round.members.add(member)
    this.#update(member, request)
    round.touch(member, now)
    if (leaderBefore === old.id) round.leader = id
    const isSame =
      round.members.vote() === round.protocol &&
      sameSubscription(subscription, metadataOf(member, round.protocol))
    if (round.phase !== 'Stable' || !isSame) {
      this.#waitToJoin(member, waiter)
      round.changed(now)
      return
    }
    // Nothing changes for the others: no rebalance. A leader that would assign anew is kept from it: by the flag where
    // the client knows it, else by hearing that its old self leads.
    const skips = request.knowsSkipAssignment
    const answer = round.joinAnswer(member, skips ? round.leader : leaderBefore)
    round.takeOver({ waiter, answer: { ...answer, skipAssignment: skips && round.leader === id } })
  }

  #update(member: Member, request: JoinRequest): void {
    this.members.setProtocols(member, request.protocols)
    member.clientId = request.clientId
    member.clientHost = request.clientHost
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
  }

  /** From now on the member waits for the next generation; what it asked before is answered. */
  #waitToJoin(member: Member, waiter: Waiter): void {
    if (member.joining !== null) this.#round.refuse(member.joining, 'REBALANCE_IN_PROGRESS', member.id)
    if (member.syncing !== null) this.#round.refuseSync(member.syncing, 'REBALANCE_IN_PROGRESS')
    member.syncing = null
    this.members.setJoining(member, waiter)
  }

  /** The member that asks for its assignment, if this is the time for it. */
  #syncing(request: SyncRequest): Member | KafkaErrorName {
    const { protocolType, protocolName } = request
    const member = this.#current(request)
    if (typeof member === 'string') return member
    const isOther = protocolType !== null && protocolType !== this.protocolType
    if (isOther || (protocolName !== null && protocolName !== this.protocol))
      return 'INCONSISTENT_GROUP_PROTOCOL'
    return this.phase === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : member
  }

  /** The member that asks, if it is of this generation. */
  #current(request: HeartbeatRequest): Member | KafkaErrorName {
    const member = this.#identify(request)
    if (typeof member === 'string') return member
    return request.generationId === this.generation ? member : 'ILLEGAL_GENERATION'
  }

  #identify({ memberId, instanceId }: MemberIdentity): Member | KafkaErrorName {
    if (instanceId === null) return this.members.find(memberId) ?? 'UNKNOWN_MEMBER_ID'
    const member = this.members.findStatic(instanceId)
    if (member === null) return 'UNKNOWN_MEMBER_ID'
    return member.id === memberId ? member : 'FENCED_INSTANCE_ID'
  }
}
