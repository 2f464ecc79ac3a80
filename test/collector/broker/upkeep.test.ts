// Upkeep after a start: what was recovered is noted some partitions at a time; needs nothing.
import { expect, test } from 'vitest'
import { machine, record } from './harness.ts'

test('the checkpoints of many recovered partitions are written some a round, those of busy ones at once', async () => {
  const { open, disk, clock } = machine()
  const first = await open({ upkeepMs: 1_000_000, autoCreate: true })
  await first.createTopic('many', { partitions: 120 })
  for (let index = 0; index < 120; index += 1) await first.publishTo('many', index, [record('one')])
  disk.kill()
  const broker = await open({ upkeepMs: 1000 })
  const partitions = broker.findTopic('many')?.open ?? []
  const waiting = () => partitions.filter(({ log }) => log.isAsRecovered).length
  expect(waiting()).toBe(120)
  await broker.publishTo('many', 119, [record('two')])
  const seen: number[] = []
  for (let round = 0; round < 3; round += 1) {
    await clock.advance(1000)
    seen.push(waiting())
  }
  expect(seen).toEqual([69, 19, 0])
  await broker[Symbol.asyncDispose]()
})
