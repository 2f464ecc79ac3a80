// The end-to-end simulation on a few seeds: production code keeps its promise, planted bugs do not get through.
import { expect, test } from 'vitest'
import type { Bug } from './bugs.ts'
import { runScenario } from './scenario.ts'

test('written is stored exactly once, in order, through crashes of everything', async () => {
  for (const seed of [3, 4, 5]) {
    const report = await runScenario({ seed, bug: 'none', chaosMs: 3_000 })
    expect(report.differences, `seed ${seed}`).toEqual([])
    expect(report.lines).toBeGreaterThan(100)
  }
})

test.each([
  [8, 6_000],
  [25, 6_000],
  [81, 20_000],
])('seed %i, that lost or held back lines once, does not', async (seed, chaosMs) => {
  const report = await runScenario({ seed, bug: 'none', chaosMs })
  expect(report.differences).toEqual([])
})

test('the same seed is the same run, to the last event', async () => {
  const run = () => runScenario({ seed: 11, bug: 'none', chaosMs: 2_000 })
  const [one, again] = [await run(), await run()]
  expect([again.trace, again.events]).toEqual([one.trace, one.events])
})

/** Bugs that show on the first seeds; `npm run sim -- --hunt --seeds 100` looks for all of them. */
const quick: readonly Bug[] = ['commit-before-write', 'believe-silence']

test.each(quick)('finds the planted bug: %s', async (bug) => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const report = await runScenario({ seed, bug, chaosMs: 5_000 })
    if (report.differences.length > 0) return
  }
  expect.fail('the bug was not found')
})
