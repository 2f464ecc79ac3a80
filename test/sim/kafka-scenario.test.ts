// The Kafka simulation on a few seeds: nothing forbidden is seen, enough happens to see it, planted bugs do not get through.
import { expect, test } from 'vitest'
import type { KafkaBug } from './kafka-bugs.ts'
import { runKafkaScenario } from './kafka-scenario.ts'

test('clients see no forbidden anomaly through crashes, cuts and full disks', async () => {
  const seen = new Set<string>()
  for (const seed of [2, 3, 6, 7]) {
    const report = await runKafkaScenario({ seed, bug: 'none', chaosMs: 5_000 })
    expect(report.differences, `seed ${seed}`).toEqual([])
    for (const outcome of report.outcomes.keys()) seen.add(outcome)
  }
  // A run in which nothing succeeds, or nothing fails, would prove nothing.
  const ofGroups = ['assigned classic', 'assigned consumer', 'commit ok', 'commit fail']
  for (const outcome of ['send ok', 'txn ok', 'txn fail', 'poll ok', 'subscribe ok', ...ofGroups])
    expect(seen).toContain(outcome)
})

test('the same seed is the same run, to the last event', async () => {
  const run = () => runKafkaScenario({ seed: 11, bug: 'none', chaosMs: 2_000 })
  const [one, again] = [await run(), await run()]
  expect([again.trace, again.events]).toEqual([one.trace, one.events])
})

/** Bugs that show on the first seeds; `npm run sim -- --kafka --hunt --seeds 100` looks for all of them. */
const quick: readonly KafkaBug[] = [
  'forget-sequences',
  'ignore-open-transactions',
  'acknowledge-before-sync',
  'forget-groups',
]

test.each(quick)('finds the planted bug: %s', async (bug) => {
  for (let seed = 1; seed <= 8; seed += 1) {
    const report = await runKafkaScenario({ seed, bug, chaosMs: 5_000 })
    if (report.differences.some((each) => !each.startsWith('not '))) return
  }
  expect.fail('the bug was not found')
})
