// The members of a group: who is in it, by id and by instance id, what they can speak, and the vote on it.
import { strict as assert } from 'node:assert'
import type { GroupProtocol, MemberRecord } from './group-types.ts'

/** A number that the driver chose for a request that waits. */
export type Waiter = number

export interface Member {
  readonly id: string
  readonly instanceId: string | null
  /** False while the member has not been told its id: it cannot come back to it. */
  knowsId: boolean
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  readonly protocols: readonly GroupProtocol[]
  assignment: Uint8Array
  /** Monotonic ms after which silence ends the membership; not looked at while a request waits. */
  expiresAt: number
  /** Its JoinGroup that waits for the others. */
  readonly joining: Waiter | null
  /** Its SyncGroup that waits for the leader. */
  syncing: Waiter | null
  /** It was told a generation and has not asked for its assignment yet. */
  owesSync: boolean
}

/** What may change of a member by itself. */
type Changing = { -readonly [Key in keyof Member]: Member[Key] }

export class Members {
  readonly #byId = new Map<string, Member>()
  readonly #staticIds = new Map<string, string>()
  /** How many members know a protocol. */
  readonly #knowing = new Map<string, number>()
  #joining = 0
  #bytes = 0

  get size(): number {
    return this.#byId.size
  }

  /** How many wait for the generation to begin. */
  get joining(): number {
    return this.#joining
  }

  /** Bytes of the members' metadata. */
  get bytes(): number {
    return this.#bytes
  }

  find(id: string): Member | null {
    return this.#byId.get(id) ?? null
  }

  findStatic(instanceId: string): Member | null {
    const id = this.#staticIds.get(instanceId)
    return id === undefined ? null : this.find(id)
  }

  /** In the order they came. */
  values(): IterableIterator<Member> {
    return this.#byId.values()
  }

  add(member: Member): void {
    assert(!this.#byId.has(member.id), 'a member is added once')
    this.#byId.set(member.id, member)
    if (member.instanceId !== null) this.#staticIds.set(member.instanceId, member.id)
    if (member.joining !== null) this.#joining += 1
    this.#count(member.protocols, 1)
  }

  remove(member: Member): void {
    if (!this.#byId.delete(member.id)) return
    if (member.instanceId !== null) this.#staticIds.delete(member.instanceId)
    if (member.joining !== null) this.#joining -= 1
    this.#count(member.protocols, -1)
  }

  setJoining(member: Member, waiter: Waiter | null): void {
    this.#joining += Number(waiter !== null) - Number(member.joining !== null)
    ;(member as Changing).joining = waiter
  }

  setProtocols(member: Member, protocols: readonly GroupProtocol[]): void {
    this.#count(member.protocols, -1)
    ;(member as Changing).protocols = protocols
    this.#count(protocols, 1)
  }

  /** Whether all members know one of these. */
  agreeOn(protocols: readonly GroupProtocol[]): boolean {
    return protocols.some(({ name }) => this.#allKnow(name))
  }

  /** Each member votes for the first it likes of those that all know; the most votes win. Null when there is none. */
  vote(): string | null {
    const votes = new Map<string, number>()
    for (const { protocols } of this.values()) {
      const choice = protocols.find(({ name }) => this.#allKnow(name))
      if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
    }
    let winner: string | null = null
    for (const [name, count] of votes) {
      if (winner === null || count > (votes.get(winner) ?? 0)) winner = name
    }
    return winner
  }

  /** The longest time that a member wants for a rebalance. */
  rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this.values()) longest = Math.max(longest, rebalanceTimeoutMs)
    return longest
  }

  #allKnow(name: string): boolean {
    return (this.#knowing.get(name) ?? 0) === this.size
  }

  #count(protocols: readonly GroupProtocol[], by: 1 | -1): void {
    this.#bytes += by * bytesOf(protocols)
    for (const name of new Set(protocols.map((protocol) => protocol.name))) {
      const count = (this.#knowing.get(name) ?? 0) + by
      if (count === 0) this.#knowing.delete(name)
      else this.#knowing.set(name, count)
    }
  }
}

/** Bytes of what a member says of itself. */
export function bytesOf(protocols: readonly GroupProtocol[]): number {
  return protocols.reduce((sum, { metadata }) => sum + metadata.length, 0)
}

/** The metadata a member gave for a protocol; empty when it does not know it. */
export function metadataOf(member: Member, protocol: string | null): Uint8Array {
  return member.protocols.find(({ name }) => name === protocol)?.metadata ?? nothing
}

/** Whether both lists have the same protocols with the same bytes, in order. */
export function sameProtocols(one: readonly GroupProtocol[], other: readonly GroupProtocol[]): boolean {
  if (one.length !== other.length) return false
  return one.every(({ name, metadata }, index) => {
    const twin = other[index]
    return twin !== undefined && twin.name === name && Buffer.compare(metadata, twin.metadata) === 0
  })
}

/** A member as it is kept, with the assignment it will have. */
export function memberRecord(member: Member, protocol: string | null, assignment: Uint8Array): MemberRecord {
  return {
    memberId: member.id,
    instanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    sessionTimeoutMs: member.sessionTimeoutMs,
    subscription: metadataOf(member, protocol),
    assignment,
  }
}

/** No bytes. */
export const nothing = new Uint8Array(0)
