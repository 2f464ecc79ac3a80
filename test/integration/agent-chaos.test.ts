// A short chaos: kills of agent and collector while files are written and rotated in three ways; every line and
// every joined, parsed and redacted record is in ClickHouse once.
// Needs: npm packages only (chdb). `node test/agent/chaos.ts` is the long one.
import { expect, test } from 'vitest'
import { runChaos } from '../agent/chaos.ts'

test('10 kills of the agent and 4 of the collector: every line once, and no removal in the loss ledger', async () => {
  const report = await runChaos({ agentKills: 10, collectorKills: 4, files: 20 })
  for (const found of [report.lines, report.records]) {
    expect(found).toMatchObject({ rows: found.written, lost: 0, doubled: 0, wrong: 0 })
    expect(found.written).toBeGreaterThan(100)
  }
  // A truncation may be counted whose bytes an earlier life of the agent had delivered: it did not hear of the answer.
  expect(Object.keys(report.ledger as object).filter((reason) => reason !== 'truncated')).toEqual([])
  expect(report.rotations).toBeGreaterThan(10)
}, 180_000)
