// A group under test as a script: joins, syncs and time by hand, answers looked up by request; records are durable when told so.
import type { GroupEffect, GroupLimits } from '../../../../collector/broker/groups/group-rebalance.ts'
import { Group } from '../../../../collector/broker/groups/group-state.ts'
import type {
  GroupProtocol,
  JoinAnswer,
  JoinRequest,
  SyncAnswer,
  SyncRequest,
} from '../../../../collector/broker/groups/group-types.ts'

const encoder = new TextEncoder()

export function protocol(name: string, metadata = name): GroupProtocol {
  return { name, metadata: encoder.encode(metadata) }
}

export const sessionMs = 10_000
export const rebalanceMs = 60_000

type StoreEffect = Extract<GroupEffect, { readonly kind: 'store' }>

/** One group with a clock of its own; `store` effects wait until `durable` unless `autoStore`. */
export class GroupScript {
  readonly group: Group
  now = 1_000_000
  autoStore = true
  readonly stores: StoreEffect[] = []
  readonly joins = new Map<number, JoinAnswer>()
  readonly syncs = new Map<number, SyncAnswer>()
  #waiters = 0
  #ids = 0

  constructor(limits: Partial<GroupLimits> = {}) {
    this.group = new Group('g', { initialDelayMs: 0, membersMax: 100, ...limits })
  }

  /** Asks to join; the answer is in `joins` under the returned number, now or later. */
  join(request: Partial<JoinRequest> = {}): number {
    const waiter = ++this.#waiters
    const full: JoinRequest = {
      memberId: '',
      instanceId: null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      sessionTimeoutMs: sessionMs,
      rebalanceTimeoutMs: rebalanceMs,
      protocolType: 'consumer',
      protocols: [protocol('range')],
      knowsMemberIdRequired: false,
      knowsSkipAssignment: false,
      ...request,
    }
    this.group.join({ request: full, waiter, newMemberId: `m${++this.#ids}` }, this.now)
    this.settle()
    return waiter
  }

  sync(request: Partial<SyncRequest> & { readonly memberId: string; readonly generationId: number }): number {
    const waiter = ++this.#waiters
    const full = { instanceId: null, protocolType: null, protocolName: null, assignments: [], ...request }
    this.group.sync(full, waiter, this.now)
    this.settle()
    return waiter
  }

  heartbeat(memberId: string, generationId = this.group.generation, instanceId: string | null = null) {
    const error = this.group.heartbeat({ memberId, generationId, instanceId }, this.now)
    this.settle()
    return error
  }

  leave(...memberIds: readonly string[]) {
    const errors = this.group.leave(
      memberIds.map((memberId) => ({ memberId, instanceId: null })),
      this.now,
    )
    this.settle()
    return errors
  }

  /** Lets time pass, doing at each moment what is due. */
  advance(ms: number): void {
    const end = this.now + ms
    while (this.group.wakeAt <= end) {
      this.now = Math.max(this.now, this.group.wakeAt)
      this.group.tick(this.now)
      this.settle()
    }
    this.now = end
  }

  /** The oldest record that waits is durable, or not. */
  durable(isDurable = true): void {
    const store = this.stores.shift()
    if (store === undefined) throw new Error('nothing waits for the disk')
    this.group.stored(store.ticket, isDurable, this.now)
    this.settle()
  }

  joined(waiter: number): JoinAnswer {
    const answer = this.joins.get(waiter)
    if (answer === undefined) throw new Error('the join still waits')
    return answer
  }

  /** The assignment as text, or the error. */
  synced(waiter: number): string {
    const answer = this.syncs.get(waiter)
    if (answer === undefined) return 'waits'
    return answer.error === 'NONE' ? new TextDecoder().decode(answer.assignment) : answer.error
  }

  /** A stable group of as many members; the first leads. The assignment of a member is its id. */
  stable(count: number, request: Partial<JoinRequest> = {}): readonly string[] {
    const first = this.join(request)
    const ids = [this.joined(first).memberId]
    // Everybody joins in one round: the ones before come back when a new one asks.
    for (let i = 1; i < count; i += 1) {
      const newcomer = this.join(request)
      for (const memberId of ids) this.join({ ...request, memberId })
      ids.push(this.joined(newcomer).memberId)
    }
    const assignments = ids.map((memberId) => ({ memberId, assignment: encoder.encode(memberId) }))
    const generationId = this.group.generation
    for (const memberId of ids) this.sync({ memberId, generationId, assignments })
    return ids
  }

  settle(): void {
    for (const effect of this.group.takeEffects()) {
      if (effect.kind === 'joined') this.joins.set(effect.waiter, effect.answer)
      else if (effect.kind === 'synced') this.syncs.set(effect.waiter, effect.answer)
      else this.stores.push(effect)
    }
    if (this.autoStore) while (this.stores.length > 0) this.durable()
  }
}
