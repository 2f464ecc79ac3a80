// Rebalancing: the phases of one group. When a round begins, who has come, when it is over, what is kept of it.
//
//   Empty -> PreparingRebalance -> CompletingRebalance -> Stable
//              ^ (all joined, or too late)   | (leader's assignment is durable)
//              +------- somebody joins, leaves, or falls silent -------+
import { strict as assert } from 'node:assert'
import type { KafkaErrorName } from '../../../protocol/errors.ts'
import { failedJoin, failedSync, joinedMembers } from './group-answers.ts'
import { type Member, Members, memberRecord, nothing, type Waiter } from './group-members.ts'
import type { GroupPhase, GroupRecord, JoinAnswer, SyncAnswer } from './group-types.ts'

export interface GroupLimits {
  /** How long the first members of an empty group wait for others, in ms. */
  readonly initialDelayMs: number
  readonly membersMax: number
}

/** What the driver is to do. `store`: make the record durable, then call `stored` with the ticket. */
export type GroupEffect =
  | { readonly kind: 'joined'; readonly waiter: Waiter; readonly answer: JoinAnswer }
  | { readonly kind: 'synced'; readonly waiter: Waiter; readonly answer: SyncAnswer }
  | { readonly kind: 'store'; readonly ticket: number; readonly record: Omit<GroupRecord, 'since'> }

type Assignments = ReadonlyMap<string, Uint8Array>

/** A static member that took over in a stable group; told so once that is durable. */
export interface Takeover {
  readonly waiter: Waiter
  readonly answer: JoinAnswer
}

/** What waits for the disk. */
type Storing =
  | { readonly kind: 'assignments'; readonly assignments: Assignments }
  | ({ readonly kind: 'takeover' } & Takeover)

export class Rebalancing {
  readonly members = new Members()
  /** Ids given out by MEMBER_ID_REQUIRED and until when they may be used: a round waits for them too. */
  readonly invited = new Map<string, number>()
  phase: Exclude<GroupPhase, 'Dead'> = 'Empty'
  generation = 0
  protocolType: string | null = null
  protocol: string | null = null
  leader: string | null = null
  /** When `tick` is due; never later than needed, sometimes earlier. */
  wakeAt = Number.POSITIVE_INFINITY
  readonly #initialDelayMs: number
  readonly #storing = new Map<number, Storing>()
  #tickets = 0
  #effects: GroupEffect[] = []
  /** Until when the members may join, or ask for their assignments. */
  #deadline = Number.POSITIVE_INFINITY
  /** The first round of an empty group: how much longer newcomers may draw it out. */
  #initial: { leftMs: number; newcomers: boolean } | null = null

  constructor(initialDelayMs: number) {
    this.#initialDelayMs = initialDelayMs
  }

  takeEffects(): readonly GroupEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** Members came, went, or speak otherwise: a round begins, or the one that runs may be over. */
  changed(now: number): void {
    if (this.phase === 'PreparingRebalance') this.settle(now)
    else if (this.phase !== 'Empty' || this.members.size > 0) this.#begin(now)
  }

  /** Ends the round if everybody has come. */
  settle(now: number): void {
    if (this.phase !== 'PreparingRebalance' || this.#initial !== null) return
    if (this.members.joining === this.members.size && this.invited.size === 0) this.#joinIsOver(now)
  }

  /** A member that the group did not know. */
  add(member: Member, now: number): void {
    this.members.add(member)
    if (this.#initial !== null) this.#initial.newcomers = true
    this.changed(now)
  }

  /** Takes a member out, telling its requests that wait why; the caller says `changed`. */
  remove(member: Member, error: KafkaErrorName): void {
    this.members.remove(member)
    if (member.joining !== null) this.refuse(member.joining, error, '')
    if (member.syncing !== null) this.refuseSync(member.syncing, error)
    if (this.leader === member.id) this.leader = null
  }

  /** The leader has spoken: its assignments count once they are durable. The first word of a generation holds. */
  assign(assignments: Assignments): void {
    for (const { kind } of this.#storing.values()) if (kind === 'assignments') return
    this.#store({ kind: 'assignments', assignments }, assignments)
  }

  /** Tells a static member of its place once that is durable. */
  takeOver(takeover: Takeover): void {
    this.#store({ kind: 'takeover', ...takeover }, null)
  }

  /** A record is durable, or could not be made so. */
  stored(ticket: number, isDurable: boolean, now: number): void {
    const storing = this.#storing.get(ticket)
    this.#storing.delete(ticket)
    if (storing === undefined) return
    if (storing.kind === 'assignments') this.#assigned(storing.assignments, isDurable, now)
    else this.#tookOver(storing, isDurable)
  }

  /** Does what is due. */
  tick(now: number): void {
    if (now < this.wakeAt) return
    for (const [id, until] of this.invited) if (until <= now) this.invited.delete(id)
    const isLate = this.#deadline <= now
    let lost = false
    for (const member of this.members.values()) {
      const owes = isLate && member.owesSync && this.phase !== 'PreparingRebalance'
      if (!owes && (member.expiresAt > now || isWaiting(member))) continue
      this.remove(member, 'UNKNOWN_MEMBER_ID')
      lost = true
    }
    if (isLate && this.phase !== 'PreparingRebalance') this.#deadline = Number.POSITIVE_INFINITY
    if (lost) this.changed(now)
    else this.settle(now)
    if (this.phase === 'PreparingRebalance' && this.#deadline <= now) this.#joinIsOver(now)
    this.wakeAt = this.#deadline
    for (const until of this.invited.values()) this.wake(until)
    // Who waits does not fall silent: the deadline of the round bounds it.
    for (const member of this.members.values()) if (!isWaiting(member)) this.wake(member.expiresAt)
  }

  /** A sign of life. */
  touch(member: Member, now: number): void {
    member.expiresAt = now + member.sessionTimeoutMs
    this.wake(member.expiresAt)
  }

  wake(at: number): void {
    this.wakeAt = Math.min(this.wakeAt, at)
  }

  /** Tells a member the generation as it is. */
  tell(member: Member, waiter: Waiter): void {
    this.#effects.push({ kind: 'joined', waiter, answer: this.joinAnswer(member, this.leader) })
  }

  refuse(waiter: Waiter, error: KafkaErrorName, memberId: string): void {
    this.#effects.push({ kind: 'joined', waiter, answer: failedJoin(error, memberId) })
  }

  tellAssignment({ assignment }: Member, waiter: Waiter): void {
    const { protocolType, protocol: protocolName } = this
    this.#effects.push({
      kind: 'synced',
      waiter,
      answer: { error: 'NONE', protocolType, protocolName, assignment },
    })
  }

  refuseSync(waiter: Waiter, error: KafkaErrorName): void {
    this.#effects.push({ kind: 'synced', waiter, answer: failedSync(error) })
  }

  /** The generation for this member; a leader hears of all members. */
  joinAnswer(member: Member, leader: string | null): JoinAnswer {
    return {
      error: 'NONE',
      generationId: this.generation,
      protocolType: this.protocolType,
      protocolName: this.protocol,
      leader: leader ?? '',
      skipAssignment: false,
      memberId: member.id,
      members: leader === member.id ? joinedMembers(this.members, this.protocol) : [],
    }
  }

  #begin(now: number): void {
    const wasEmpty = this.phase === 'Empty'
    this.#endSyncs('REBALANCE_IN_PROGRESS', now)
    for (const [ticket, { kind }] of this.#storing) if (kind === 'assignments') this.#storing.delete(ticket)
    this.phase = 'PreparingRebalance'
    const timeoutMs = this.members.rebalanceTimeoutMs()
    const delayMs = Math.min(this.#initialDelayMs, timeoutMs)
    this.#initial = wasEmpty && delayMs > 0 ? { leftMs: timeoutMs - delayMs, newcomers: false } : null
    this.#deadlineIn(this.#initial === null ? timeoutMs : delayMs, now)
    this.settle(now)
  }

  /** Nobody gets an assignment of this generation any more. */
  #endSyncs(error: KafkaErrorName, now: number): void {
    for (const member of this.members.values()) {
      if (this.phase === 'CompletingRebalance') member.assignment = nothing
      member.owesSync = false
      if (member.syncing === null) continue
      this.refuseSync(member.syncing, error)
      member.syncing = null
      // It was not silent: it waited for us.
      this.touch(member, now)
    }
  }

  /** Everybody is here, or it is too late for the others. */
  #joinIsOver(now: number): void {
    if (this.#initial?.newcomers === true && this.#initial.leftMs > 0) {
      const delayMs = Math.min(this.#initialDelayMs, this.#initial.leftMs)
      this.#initial = { leftMs: this.#initial.leftMs - delayMs, newcomers: false }
      this.#deadlineIn(delayMs, now)
      return
    }
    this.#initial = null
    this.#endRound(now)
  }

  #endRound(now: number): void {
    const { members } = this
    // A static member that does not come keeps its place until its session ends.
    for (const member of members.values()) {
      if (member.joining === null && member.instanceId === null) members.remove(member)
    }
    if (members.size > 0 && members.joining === 0) {
      this.#deadlineIn(Math.max(1, members.rebalanceTimeoutMs()), now)
      return
    }
    this.generation += 1
    if (members.size === 0) this.#becomeEmpty()
    else this.#beginGeneration(now)
  }

  #beginGeneration(now: number): void {
    const { members } = this
    this.protocol = members.vote()
    assert(this.protocol !== null, 'members that cannot agree are not let in')
    const leader = this.leader === null ? null : members.find(this.leader)
    if (leader === null || leader.joining === null) this.leader = firstJoining(members)
    this.phase = 'CompletingRebalance'
    this.#deadlineIn(members.rebalanceTimeoutMs(), now)
    for (const member of members.values()) {
      const { joining } = member
      if (joining === null) continue
      members.setJoining(member, null)
      member.owesSync = true
      member.knowsId = true
      this.touch(member, now)
      this.tell(member, joining)
    }
  }

  #becomeEmpty(): void {
    this.phase = 'Empty'
    this.protocol = null
    this.leader = null
    this.#deadline = Number.POSITIVE_INFINITY
    this.#tickets += 1
    this.#effects.push({ kind: 'store', ticket: this.#tickets, record: this.#record(null) })
  }

  #assigned(assignments: Assignments, isDurable: boolean, now: number): void {
    if (!isDurable) {
      this.#endSyncs('COORDINATOR_NOT_AVAILABLE', now)
      this.#begin(now)
      return
    }
    this.phase = 'Stable'
    for (const member of this.members.values()) {
      member.assignment = assignments.get(member.id) ?? nothing
      const { syncing } = member
      if (syncing === null) continue
      member.syncing = null
      this.touch(member, now)
      this.tellAssignment(member, syncing)
    }
  }

  #tookOver({ waiter, answer }: Takeover, isDurable: boolean): void {
    const isSame = this.phase === 'Stable' && this.generation === answer.generationId
    if (isDurable && isSame && this.members.find(answer.memberId) !== null) {
      this.#effects.push({ kind: 'joined', waiter, answer })
    } else this.refuse(waiter, 'UNKNOWN_MEMBER_ID', '')
  }

  #store(storing: Storing, assignments: Assignments | null): void {
    this.#tickets += 1
    this.#storing.set(this.#tickets, storing)
    this.#effects.push({ kind: 'store', ticket: this.#tickets, record: this.#record(assignments) })
  }

  /** The group as it will be kept: with these assignments, or with those the members have. */
  #record(assignments: Assignments | null): Omit<GroupRecord, 'since'> {
    const members = [...this.members.values()].map((member) => {
      const assignment = assignments === null ? member.assignment : (assignments.get(member.id) ?? nothing)
      return memberRecord(member, this.protocol, assignment)
    })
    const { generation, protocol, leader } = this
    return { protocolType: this.protocolType ?? '', generation, protocol, leader, members }
  }

  #deadlineIn(ms: number, now: number): void {
    this.#deadline = now + ms
    this.wake(this.#deadline)
  }
}

function isWaiting(member: Member): boolean {
  return member.joining !== null || member.syncing !== null
}

function firstJoining(members: Members): string | null {
  for (const member of members.values()) if (member.joining !== null) return member.id
  return null
}
