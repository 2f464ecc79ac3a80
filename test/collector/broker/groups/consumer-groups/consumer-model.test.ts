// Any history of a group of the newer protocol: nobody reads what another one reads, and in the end everything is read.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../../../runs.ts'
import { GroupModel, ModelClient, placesOf, sessionMs } from './consumer-model.ts'

type Act = 'beat' | 'lose' | 'settle' | 'leave' | 'away' | 'crash' | 'other' | 'all'

type Step =
  | { readonly do: Act; readonly who: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'topic'; readonly name: string; readonly partitions: number }
  | { readonly do: 'restart' }

const act = fc.constantFrom<Act>(
  ...(['beat', 'beat', 'beat', 'beat', 'settle', 'settle', 'lose', 'all'] as const),
  ...(['leave', 'away', 'crash', 'other'] as const),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: fc.record({ do: act, who: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: sessionMs }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('topic' as const),
      name: fc.constantFrom('a', 'b', 'c'),
      partitions: fc.nat({ max: 7 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)

const subscriptions = [
  { topicNames: ['a', 'b'], topicRegex: '' },
  { topicNames: ['a'], topicRegex: '' },
  { topicNames: [], topicRegex: '[bc]' },
  { topicNames: ['c', 'gone'], topicRegex: '' },
]

class History {
  readonly model = new GroupModel()
  readonly clients: readonly ModelClient[]
  #others = 0

  constructor(assignor: string | null) {
    this.clients = [0, 1, 2, 3].map((n) => new ModelClient(`m${n}`, n === 0 ? `static-${n}` : null, assignor))
    this.model.topics.set('a', 4)
  }

  run(one: Step): void {
    const { model } = this
    if (one.do === 'wait') model.wait(one.ms)
    else if (one.do === 'restart') model.restart()
    else if (one.do === 'topic') {
      if (one.partitions === 0) model.topics.delete(one.name)
      else model.topics.set(one.name, one.partitions)
    } else this.#act(one.do, this.clients[one.who] as ModelClient)
    this.look()
  }

  #act(what: Act, client: ModelClient): void {
    const { model } = this
    if (what === 'beat' || what === 'lose') model.beat(client, what === 'lose')
    else if (what === 'settle') model.settle(client)
    else if (what === 'leave') model.leave(client, -1)
    else if (what === 'away') model.leave(client, client.instanceId === null ? -1 : -2)
    else if (what === 'crash') client.crash()
    else if (what === 'other') {
      this.#others += 1
      client.topics = subscriptions[this.#others % subscriptions.length] as ModelClient['topics']
      client.saysAll = true
    } else client.saysAll = true
  }

  /** Of those that the group counts as members, no two read the same. */
  look(): void {
    const readers = new Map<string, string>()
    for (const client of this.clients) {
      const member = this.model.group.members.find(client.id)
      if (member === null || client.epoch === 0) continue
      for (const place of placesOf(client.owned)) {
        expect(readers.get(place) ?? client.id, place).toBe(client.id)
        readers.set(place, client.id)
      }
    }
  }

  /** All that somebody subscribes to is read by somebody, and evenly where all subscribe alike. */
  lookAtTheEnd(): void {
    const { group, topics } = this.model
    const alive = this.clients.filter((client) => client.isAlive)
    const wanted = [...group.subscribedTopics()].flatMap((name) => {
      const { id, partitions } = topics.find(name) ?? { id: '', partitions: 0 }
      return Array.from({ length: partitions }, (_, index) => `${id}/${index}`)
    })
    expect(group.members.size).toBe(alive.length)
    expect(group.phase).toBe(alive.length === 0 ? 'Empty' : 'Stable')
    expect(alive.flatMap(({ owned }) => placesOf(owned)).sort()).toEqual(wanted.sort())
    const isAlike = new Set(alive.map((client) => JSON.stringify(client.topics))).size === 1
    const loads = alive.map(({ owned }) => placesOf(owned).length)
    if (isAlike && group.target.assignor === 'uniform') {
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
    }
  }
}

function holds(assignor: string | null, steps: readonly Step[], plant: (history: History) => void): void {
  const history = new History(assignor)
  plant(history)
  for (const one of steps) history.run(one)
  history.model.converge(history.clients)
  history.look()
  history.lookAtTheEnd()
}

const histories = fc.property(
  fc.constantFrom(null, 'uniform', 'range'),
  fc.array(step, { minLength: 20, maxLength: 200 }),
  (assignor, steps) => holds(assignor, steps, () => undefined),
)

test('whatever members, topics and the broker do: one reader a partition, and in the end all are read', () => {
  fc.assert(histories, { numRuns: runs(3000, 200) })
}, 60_000)

test('a group that gives away what is not free yet is found', () => {
  const planted = fc.property(fc.array(step, { minLength: 10, maxLength: 100 }), (steps) =>
    holds(null, steps, ({ model }) => {
      model.restart = () => undefined
      model.group.members.isFree = () => true
    }),
  )
  expect(() => fc.assert(planted, { numRuns: 100, endOnFailure: true })).toThrow()
})
