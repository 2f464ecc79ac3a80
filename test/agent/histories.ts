// Random histories of log files: what writers, rotations and the world do to them and to the agent.
import fc from 'fast-check'

export type Action =
  | { readonly kind: 'lines'; readonly file: number; readonly count: number; readonly length: number }
  | { readonly kind: 'pause'; readonly ms: number }
  | { readonly kind: OnFile; readonly file: number }
  | { readonly kind: 'compress'; readonly file: number; readonly delayed: boolean; readonly ms: number }
  | { readonly kind: 'kill' | 'power' | 'stop'; readonly downMs: number }
  | { readonly kind: 'collector' | 'nack' | 'jump'; readonly ms: number }
  | { readonly kind: 'network' | 'ackDelay' | 'hints' | 'reads' }

export type OnFile =
  | 'piece'
  | 'rotate'
  | 'moveOut'
  | 'moveBack'
  | 'truncate'
  | 'copyTruncate'
  | 'delete'
  | 'recreate'

/** One history: a world, the bounds of the agent, and what is done. */
export interface History {
  readonly seed: number
  readonly limits: Record<string, number>
  /** What the agent follows in /logs. */
  readonly globs: readonly string[]
  /** The agent removes what it shipped so long ago; null: it removes nothing. */
  readonly deleteAfterMs: number | null
  readonly actions: readonly Action[]
}

const file = fc.nat({ max: 2 })
const onFile = (...kinds: readonly OnFile[]) => fc.record({ kind: fc.constantFrom(...kinds), file })
const downMs = fc.constantFrom(0, 0, 300, 5000)
const gentle: fc.WeightedArbitrary<Action>[] = [
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('lines' as const),
      file,
      count: fc.integer({ min: 1, max: 20 }),
      length: fc.integer({ min: 0, max: 200 }),
    }),
  },
  { weight: 4, arbitrary: onFile('piece') },
  { weight: 3, arbitrary: onFile('rotate') },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('compress' as const),
      file,
      delayed: fc.boolean(),
      ms: fc.constantFrom(0, 1, 500),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('kill' as const, 'power' as const, 'stop' as const),
      downMs,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('collector' as const, 'nack' as const),
      ms: fc.integer({ min: 1, max: 3000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      ms: fc.constantFrom(-3_600_000, -1000, 3_600_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('network' as const, 'ackDelay' as const, 'hints' as const, 'reads' as const),
    }),
  },
]
const rough: fc.WeightedArbitrary<Action>[] = [
  ...gentle,
  { weight: 5, arbitrary: onFile('truncate', 'copyTruncate', 'delete', 'recreate', 'moveOut', 'moveBack') },
]

/** Histories in which files are only renamed. */
export const renamings = histories(gentle, { openFilesMax: fc.integer({ min: 2, max: 20 }) })
/** Histories in which content is destroyed, too. */
export const destructions = histories(rough, { openFilesMax: fc.constant(200) })

function histories(
  actions: fc.WeightedArbitrary<Action>[],
  limits: Record<string, fc.Arbitrary<number>>,
): fc.Arbitrary<History> {
  return fc.record({
    seed: fc.integer({ min: 1, max: 1_000_000 }),
    limits: fc.record({
      batchBytesMax: fc.constantFrom(512, 4096, 1024 * 1024),
      batchesMax: fc.integer({ min: 1, max: 8 }),
      idleMs: fc.constantFrom(1500, 60_000),
      ...limits,
    }),
    globs: fc.constantFrom(['*.log', '*.gz'], ['*']),
    deleteAfterMs: fc.constantFrom(null, null, 1000, 4000),
    actions: fc.array(fc.oneof(...actions), { minLength: 5, maxLength: 40 }),
  })
}
