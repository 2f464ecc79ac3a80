// Random histories: writers, rotations, crashes, a bad network. Whatever happens, no line is lost, doubled or glued.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../runs.ts'
import { type Stage, stage, startCollector } from './simulated.ts'

type Action =
  | { readonly kind: 'lines'; readonly file: number; readonly count: number; readonly length: number }
  | { readonly kind: 'piece'; readonly file: number }
  | { readonly kind: 'rotate' | 'truncate' | 'copytruncate' | 'remove'; readonly file: number }
  | { readonly kind: 'pause'; readonly ms: number }
  | { readonly kind: 'kill' | 'power' | 'stop' | 'collector' | 'network' | 'disk' }

const file = fc.nat({ max: 2 })
const lines = fc.record({
  kind: fc.constant('lines' as const),
  file,
  count: fc.integer({ min: 1, max: 40 }),
  length: fc.integer({ min: 0, max: 300 }),
})
const pause = fc.record({ kind: fc.constant('pause' as const), ms: fc.integer({ min: 1, max: 4000 }) })
const gentle = [
  { weight: 10, arbitrary: lines },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('piece' as const), file }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rotate' as const), file }) },
  { weight: 8, arbitrary: pause },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'kill' as const,
        'power' as const,
        'stop' as const,
        'collector' as const,
        'network' as const,
      ),
    }),
  },
]
const rough = [
  ...gentle,
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('truncate' as const, 'copytruncate' as const, 'remove' as const),
      file,
    }),
  },
]

/** Writers of three files and what they wrote. */
class Writers {
  readonly written: string[] = []
  readonly #stage: Stage
  readonly #unfinished = new Map<number, string>()
  readonly #rotations = new Map<number, number>()
  #next = 0

  constructor(of: Stage) {
    this.#stage = of
  }

  path(file: number): string {
    return `/logs/${file}.log`
  }

  /** `id:filler` a line: unique, and recognisable when cut or glued. */
  #line(file: number, length: number): string {
    this.#next += 1
    return `<${file}:${this.#next}:${'x'.repeat(length)}>`
  }

  lines(file: number, count: number, length: number): void {
    this.finish(file)
    const lines = Array.from({ length: count }, () => this.#line(file, length))
    this.written.push(...lines)
    this.#stage.files.append(this.path(file), lines.map((line) => `${line}\n`).join(''))
  }

  piece(file: number): void {
    this.finish(file)
    const line = this.#line(file, 20)
    const half = line.length >> 1
    this.#stage.files.append(this.path(file), line.slice(0, half))
    this.#unfinished.set(file, line)
  }

  finish(file: number): void {
    const line = this.#unfinished.get(file)
    if (line === undefined) return
    this.#unfinished.delete(file)
    this.#stage.files.append(this.path(file), `${line.slice(line.length >> 1)}\n`)
    this.written.push(line)
  }

  rotate(file: number): void {
    this.finish(file)
    const { files } = this.#stage
    if (files.content(this.path(file)) === null) return
    const count = (this.#rotations.get(file) ?? 0) + 1
    this.#rotations.set(file, count)
    for (let old = count - 1; old >= 1; old -= 1)
      files.rename(`${this.path(file)}.${old}`, `${this.path(file)}.${old + 1}`)
    files.rename(this.path(file), `${this.path(file)}.1`)
  }

  destroy(kind: 'truncate' | 'copytruncate' | 'remove', file: number): void {
    const { files } = this.#stage
    // What is cut off in the middle of a line would look glued to the model.
    this.finish(file)
    if (files.content(this.path(file)) === null) return
    if (kind === 'truncate') files.truncate(this.path(file))
    else if (kind === 'remove') files.remove(this.path(file))
    else files.copyTruncate(this.path(file), `/copies/${file}`)
  }
}

async function act(at: Stage, writers: Writers, action: Action): Promise<void> {
  const { world, agent, collector, receiver } = at
  switch (action.kind) {
    case 'lines':
      return writers.lines(action.file, action.count, action.length)
    case 'piece':
      return writers.piece(action.file)
    case 'rotate':
      writers.rotate(action.file)
      // Birth times of the simulated files have a resolution of their clock.
      return world.runFor(0.01)
    case 'truncate':
    case 'copytruncate':
    case 'remove':
      return writers.destroy(action.kind, action.file)
    case 'pause':
      return world.runFor(action.ms)
    case 'kill':
    case 'power':
      agent.crash({ power: action.kind === 'power' })
      agent.restart()
      return
    case 'stop':
      agent.stop()
      await world.runUntil(() => !agent.running, 30_000)
      expect(agent.failure).toBeNull()
      return agent.restart()
    case 'collector':
      collector.crash({ power: false })
      await world.runFor(700)
      return startCollector(collector, receiver)
    case 'network':
      world.network.faults =
        world.network.faults.requestLost > 0
          ? { requestLost: 0, responseLost: 0, slow: 0 }
          : { requestLost: 0.2, responseLost: 0.3, slow: 0.1 }
      return
    case 'disk':
      return
  }
}

async function play(seed: number, actions: readonly Action[], limits: object): Promise<[Stage, Writers]> {
  const at = stage(seed, { partialMs: 1e9, checkpointMs: 300, ...limits }, { reuseInodes: true })
  const writers = new Writers(at)
  at.startAgent()
  // Each file is seen once: a file that comes and goes under other names while nobody looks is beyond any agent.
  for (const file of [0, 1, 2]) writers.lines(file, 1, 5)
  await at.arrived(3)
  await at.world.runFor(1000)
  for (const action of actions) await act(at, writers, action)
  at.world.network.heal()
  for (const file of [0, 1, 2]) writers.finish(file)
  return [at, writers]
}

const limits = fc.record({
  batchBytesMax: fc.constantFrom(512, 4096, 1024 * 1024),
  batchesMax: fc.integer({ min: 1, max: 8 }),
  openFilesMax: fc.integer({ min: 2, max: 20 }),
  idleMs: fc.constantFrom(1500, 60_000),
})

test('nothing that is only renamed is ever lost or doubled, over crashes and a bad network', async () => {
  const seed = fc.integer({ min: 1, max: 1_000_000 })
  const actions = fc.array(fc.oneof(...gentle), { minLength: 5, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(seed, actions, limits, async (seed, actions, limits) => {
      const [at, writers] = await play(seed, actions, limits)
      await at.world
        .runUntil(() => at.receiver.lines.length >= writers.written.length, 600_000)
        .catch(() => undefined)
      await at.world.runFor(60_000)
      expect(at.receiver.texts.toSorted()).toEqual(writers.written.toSorted())
      expect(at.agent.failure).toBeNull()
      // In order within each file's identity.
      const bySource = Map.groupBy(at.receiver.lines, ({ source }) => source)
      for (const received of bySource.values()) {
        const numbers = received.map(({ line }) => Number(line.split(':')[1]))
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      }
    }),
    { numRuns: Number(process.env.AGENT_RUNS ?? runs(150, 50)) },
  )
}, 300_000)

test('content that is destroyed may be lost, but nothing is doubled or glued, and what is written last arrives', async () => {
  const seed = fc.integer({ min: 1, max: 1_000_000 })
  const actions = fc.array(fc.oneof(...rough), { minLength: 5, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(seed, actions, limits, async (seed, actions, limits) => {
      const [at, writers] = await play(seed, actions, limits)
      await at.world.runFor(120_000)
      for (const file of [0, 1, 2]) writers.lines(file, 1, 5)
      const last = writers.written.slice(-3)
      const arrived = () => last.every((line) => at.receiver.texts.includes(line))
      await at.world.runUntil(arrived, 600_000).catch(() => undefined)
      expect(at.receiver.texts).toEqual(expect.arrayContaining(last))
      const written = new Set(writers.written)
      expect(at.receiver.texts.filter((line) => !written.has(line))).toEqual([])
      expect(new Set(at.receiver.texts).size).toBe(at.receiver.lines.length)
    }),
    { numRuns: Number(process.env.AGENT_RUNS ?? runs(150, 50)) },
  )
}, 300_000)
