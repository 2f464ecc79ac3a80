// Mutated Kafka requests over real sockets: the collector lives, answers others, and keeps its memory.
import { expect, test } from 'vitest'
import { fuzzTcp } from '../fuzz/tcp.ts'
import { runs } from '../runs.ts'

test('a collector under hostile Kafka clients goes on serving the others', async () => {
  const report = await fuzzTcp({ frames: runs(60_000, 4_000), seed: 1 })
  console.info(`kafka over TCP: ${JSON.stringify(report)}`)
  expect(report.handled).toBeGreaterThan(1_000)
  expect(report.memoryMbMax).toBeLessThan(report.memoryMbBefore + 300)
})
