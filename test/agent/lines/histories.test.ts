// Random histories with patterns and containers: writers, rotations, crashes, a bad network. The groups are those of the files.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../runs.ts'
import { logsInput, stage } from '../simulated.ts'
import { framing, multiline } from './reading.ts'
import { groupsOf } from './reference.ts'

type Action =
  | { readonly kind: 'write'; readonly lines: readonly string[]; readonly cut: number }
  | { readonly kind: 'pause'; readonly ms: number }
  | { readonly kind: 'rotate' | 'kill' | 'power' | 'stop' | 'network' }

const action = (line: fc.Arbitrary<string>): fc.Arbitrary<Action> =>
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        lines: fc.array(line, { minLength: 1, maxLength: 6 }),
        cut: fc.nat({ max: 6 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom(...(['rotate', 'kill', 'power', 'stop', 'network'] as const)),
      }),
    },
  )

/** Plays a history on one path; the texts of all files that were at it, in order. */
async function play(
  seed: number,
  actions: readonly Action[],
  input: Pick<typeof logsInput, 'framing'>,
): Promise<{
  readonly arrived: () => readonly string[]
  readonly files: readonly string[]
  readonly settle: (count: number) => Promise<void>
}> {
  const { world, files, agent, receiver, startAgent, arrived } = stage(seed, {
    partialMs: 1e9,
    checkpointMs: 300,
    batchBytesMax: 512,
  })
  const path = '/logs/a.log'
  const texts = ['x 0\n']
  files.append(path, 'x 0\n')
  // What waits is only taken at the end of a rotated file.
  startAgent({ inputs: [{ ...logsInput, ...input }] })
  await world.runFor(1500)
  const rotate = () => {
    for (let number = texts.length - 1; number >= 1; number -= 1)
      files.rename(`${path}.${number}`, `${path}.${number + 1}`)
    files.rename(path, `${path}.1`)
  }
  for (const action of actions) {
    if (action.kind === 'write') {
      const text = action.lines.map((line) => `${line}\n`).join('')
      const cut = Math.min(action.cut, text.length)
      files.append(path, text.slice(0, cut))
      await world.runFor(700)
      files.append(path, text.slice(cut))
      texts[texts.length - 1] += text
    } else if (action.kind === 'pause') await world.runFor(action.ms)
    else if (action.kind === 'rotate') {
      rotate()
      files.append(path, `x ${texts.length}\n`)
      texts.push(`x ${texts.length}\n`)
      await world.runFor(2500)
    } else if (action.kind === 'stop') {
      agent.stop()
      await world.runUntil(() => !agent.running, 30_000)
      agent.restart()
    } else if (action.kind === 'network')
      world.network.faults = { requestLost: 0.2, responseLost: 0.3, slow: 0.1 }
    else {
      agent.crash({ power: action.kind === 'power' })
      agent.restart()
    }
  }
  world.network.heal()
  // The last file ends as well.
  rotate()
  return {
    arrived: () => receiver.texts,
    files: texts,
    settle: async (count) => {
      await arrived(count, 600_000).catch(() => undefined)
      await world.runFor(40_000)
      expect(agent.failure).toBeNull()
    },
  }
}

/** Joins nothing but parts, and never runs out of time. */
const never = { by: { continuePast: '^\\0$' }, linesMax: 256, bytesMax: 1024 * 1024, waitMs: 1e9 }

const seed = fc.integer({ min: 1, max: 1_000_000 })

test('records of several lines, over rotation, crashes and a bad network: those of each file, once, in order', async () => {
  const by = fc.constantFrom(
    { start: '^[xS]' },
    { continueThrough: '^ ' },
    { start: '^S', haltWith: ';$' },
    { start: '^[xS]', continueThrough: '^ ' },
  )
  const line = fc.constantFrom('S', 'S 2', ' c', ' c;', 'plain', '')
  const limits = { linesMax: 7, bytesMax: 100 }
  await fc.assert(
    fc.asyncProperty(
      seed,
      by,
      fc.array(action(line), { minLength: 3, maxLength: 25 }),
      async (seed, by, actions) => {
        const run = await play(seed, actions, { framing: multiline(by, { ...limits, waitMs: 1e9 }) })
        const expected = run.files.flatMap((text) => groupsOf(text, by, limits))
        await run.settle(expected.length)
        expect(run.arrived().toSorted()).toEqual(expected.toSorted())
      },
    ),
    { numRuns: runs(150, 25) },
  )
}, 300_000)

test('parts of messages, over rotation, crashes and a bad network: each part once, in order, joined within a file', async () => {
  let next = 0
  const line = fc
    .tuple(fc.constantFrom('stdout', 'stderr'), fc.constantFrom('P', 'F', 'F'))
    .map(([stream, tag]) => {
      next += 1
      return `2026-11-21T06:00:00Z ${stream} ${tag} <${next}>`
    })
  await fc.assert(
    fc.asyncProperty(seed, fc.array(action(line), { minLength: 3, maxLength: 25 }), async (seed, actions) => {
      const run = await play(seed, actions, { framing: framing({ container: 'cri', multiline: never }) })
      const expected = run.files.flatMap(messagesIn)
      await run.settle(expected.length)
      expect(run.arrived().toSorted()).toEqual(expected.toSorted())
    }),
    { numRuns: runs(150, 25) },
  )
}, 300_000)

/** The messages of a file, those that do not end last. */
function messagesIn(text: string): string[] {
  const found: string[] = []
  const open = new Map<string, string>()
  for (const line of text.split('\n').slice(0, -1)) {
    const [, stream, tag, part] = /^\S+ (stdout|stderr) ([PF]) (.*)$/.exec(line) ?? []
    if (stream === undefined) {
      found.push(line)
      continue
    }
    const message = (open.get(stream) ?? '') + part
    if (tag === 'P') open.set(stream, message)
    else {
      open.delete(stream)
      found.push(`2026-11-21T06:00:00Z ${stream} F ${message}`)
    }
  }
  for (const [stream, message] of open) found.push(`2026-11-21T06:00:00Z ${stream} P ${message}`)
  return found
}
