// A group under random members: one owner a partition and generation, generations that only grow, nobody stuck.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../../runs.ts'
import { GroupScript, protocol, rebalanceMs, sessionMs } from './group-script.ts'

const partitions = [0, 1, 2, 3, 4, 5, 6]

/** A client that does what a client may do, in any order; it believes only what it was told. */
interface Client {
  memberId: string
  generation: number
  readonly instanceId: string | null
  joining: number | null
  syncing: number | null
}

type Step =
  | { readonly do: 'join' | 'sync' | 'heartbeat' | 'leave' | 'crash' | 'disconnect'; readonly who: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'disk'; readonly isDurable: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('join', 'join', 'sync', 'sync', 'heartbeat', 'leave', 'crash', 'disconnect'),
      who: fc.nat({ max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: sessionMs }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('disk' as const),
      isDurable: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    }),
  },
)

class Model {
  readonly script: GroupScript
  readonly clients: Client[]
  /** `generation/partition` -> who was told that it is theirs. */
  readonly owners = new Map<string, string>()
  #generation = 0

  constructor(initialDelayMs: number) {
    this.script = new GroupScript({ initialDelayMs })
    this.script.autoStore = false
    this.clients = partitions.slice(0, 6).map((n) => fresh(n < 2 ? `static-${n}` : null))
  }

  run(step: Step): void {
    const { script } = this
    if (step.do === 'wait') script.advance(step.ms)
    else if (step.do === 'disk') {
      if (script.stores.length > 0) script.durable(step.isDurable)
    } else this.#act(step.do, step.who)
    this.look()
  }

  #act(what: string, who: number): void {
    const { script } = this
    const client = this.clients[who] as Client
    const { memberId, instanceId, generation: generationId } = client
    const identity = { memberId, instanceId }
    if (what === 'join' && client.joining === null) {
      const protocols = who % 3 === 0 ? [protocol('range'), protocol('sticky')] : [protocol('range')]
      client.joining = script.join({ ...identity, protocols, knowsMemberIdRequired: who % 2 === 0 })
    } else if (what === 'sync' && client.syncing === null) {
      client.syncing = script.sync({ ...identity, generationId, assignments: this.#assignments(memberId) })
    } else if (what === 'heartbeat') script.group.heartbeat({ ...identity, generationId }, script.now)
    else if (what === 'leave') script.group.leave([identity], script.now)
    else if (what === 'crash') this.clients[who] = fresh(instanceId)
    else if (what === 'disconnect') {
      for (const waiter of [client.joining, client.syncing]) {
        if (waiter !== null && !script.joins.has(waiter)) script.group.drop(waiter, script.now)
      }
      client.joining = null
      client.syncing = null
    }
    script.settle()
  }

  /** What the leader was told of the members, divided among them. Another one's assignments are not looked at. */
  #assignments(memberId: string) {
    const joined = [...this.script.joins.values()].findLast(
      (answer) => answer.memberId === memberId && answer.members.length > 0,
    )
    const members = joined?.members ?? []
    return members.map((member, index) => ({
      memberId: member.memberId,
      assignment: Uint8Array.from(partitions.filter((n) => n % members.length === index)),
    }))
  }

  /** Everything the clients were told since, and the invariants. */
  look(): void {
    const { script } = this
    expect(script.group.generation).toBeGreaterThanOrEqual(this.#generation)
    this.#generation = script.group.generation
    for (const client of this.clients) {
      const joined = client.joining === null ? undefined : script.joins.get(client.joining)
      if (joined !== undefined) {
        client.joining = null
        if (joined.error === 'UNKNOWN_MEMBER_ID' || joined.error === 'FENCED_INSTANCE_ID')
          client.memberId = ''
        else client.memberId = joined.memberId
        client.generation = joined.generationId
      }
      const synced = client.syncing === null ? undefined : script.syncs.get(client.syncing)
      if (synced === undefined) continue
      client.syncing = null
      if (synced.error !== 'NONE') continue
      for (const partition of synced.assignment) {
        const place = `${client.generation}/${partition}`
        const identity = client.instanceId ?? client.memberId
        const owner = this.owners.get(place) ?? identity
        expect({ place, owner }).toEqual({ place, owner: identity })
        this.owners.set(place, owner)
      }
    }
    const { joining, size } = script.group.members
    const counted = [...script.group.members.values()]
    expect({ joining, size }).toEqual({
      joining: counted.filter((member) => member.joining !== null).length,
      size: counted.length,
    })
  }
}

function fresh(instanceId: string | null): Client {
  return { memberId: '', generation: -1, instanceId, joining: null, syncing: null }
}

test('whatever members do: one owner a partition and generation, and every request is answered in time', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 10, maxLength: 120 }),
      fc.constantFrom(0, 3000),
      (steps, initialDelayMs) => {
        const model = new Model(initialDelayMs)
        for (const one of steps) model.run(one)
        const { script } = model
        // From here on nobody asks anything. Sessions end, rounds are over, and the group is empty.
        script.autoStore = true
        script.settle()
        script.advance(2 * (rebalanceMs + sessionMs) + rebalanceMs)
        model.look()
        for (const client of model.clients) {
          expect({ joining: client.joining, syncing: client.syncing }).toEqual({
            joining: null,
            syncing: null,
          })
        }
        expect({ phase: script.group.phase, members: script.group.members.size }).toEqual({
          phase: 'Empty',
          members: 0,
        })
        expect(script.group.wakeAt).toBe(Number.POSITIVE_INFINITY)
      },
    ),
    { numRuns: runs(20_000, 3000) },
  )
})

test('2,000 members: a heartbeat costs no look at the others', () => {
  const script = new GroupScript({ initialDelayMs: 3000, membersMax: 2000 })
  const joins = Array.from({ length: 2000 }, () => script.join())
  script.advance(6000)
  const { generationId, leader } = script.joined(joins[0] ?? 0)
  const ids = joins.map((waiter) => script.joined(waiter).memberId)
  for (const memberId of ids) script.sync({ memberId, generationId })
  expect({ phase: script.group.phase, leader }).toEqual({ phase: 'Stable', leader: ids[0] })
  let looks = 0
  const { members } = script.group
  const values = members.values.bind(members)
  members.values = () => {
    looks += 1
    return values()
  }
  for (let second = 0; second < 60; second += 3) {
    for (const memberId of ids) script.heartbeat(memberId)
    script.advance(3000)
  }
  expect(script.group.phase).toBe('Stable')
  // 40,000 heartbeats in a minute: members are walked through about once a session, twice a walk.
  expect(looks).toBeLessThan(25)
})
