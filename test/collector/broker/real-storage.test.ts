// The broker on the real disk: what the simulated one cannot show (names, descriptors, real errors).
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openBroker } from '../../../collector/broker/broker.ts'
import { nodeRuntime } from '../../../runtime/node.ts'
import { forever, record, send, valuesOf } from './harness.ts'

const root = mkdtempSync(join(tmpdir(), 'logdrive-broker-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const runtime = nodeRuntime({ level: 'silent' })

test('records survive a clean stop, and a start without one after the tail was torn', async () => {
  const folder = join(root, 'a')
  const config = { partitions: 1, segmentBytes: 2000 }
  {
    await using broker = await openBroker({ folder, config }, runtime)
    for (let from = 0; from < 100; from += 5) await send(broker, { from, to: from + 5 })
    const records = Array.from({ length: 200 }, (_, i) => record(`e${i}`, `k${i % 7}`))
    await Promise.all(records.map((one) => broker.publish('events', [one], forever)))
  }
  expect(readdirSync(folder)).toContain('clean-shutdown')
  let broker = await openBroker({ folder, config }, runtime)
  expect(readdirSync(folder)).not.toContain('clean-shutdown')
  expect((await valuesOf(broker)).length).toBe(100)
  expect((await valuesOf(broker, 'events')).length).toBe(200)
  await send(broker, { from: 100, to: 105 })
  await broker[Symbol.asyncDispose]()
  // As if the last write had stopped half way: no marker, a few bytes short, and a checkpoint from before.
  rmSync(join(folder, 'clean-shutdown'))
  const directory = join(folder, 'topics/logs/0')
  rmSync(join(directory, 'log.checkpoint'))
  rmSync(join(directory, 'sources.snapshot'))
  const last = join(
    directory,
    readdirSync(directory)
      .filter((name) => name.endsWith('.log'))
      .at(-1) ?? '',
  )
  truncateSync(last, (await import('node:fs')).statSync(last).size - 3)
  broker = await openBroker({ folder, config }, runtime)
  const { to } = broker.positions('file')[0] ?? { to: 0 }
  expect(to).toBe(100)
  expect(await send(broker, { from: 100, to: 105 })).toMatchObject({ outcome: 'appended' })
  expect((await valuesOf(broker)).length).toBe(105)
  await broker.deleteTopic('events')
  expect(readdirSync(join(folder, 'topics'))).toEqual(['__consumer_offsets', '__losses', 'logs'])
  expect(readdirSync(join(folder, 'deleted'))).toEqual([])
  await broker[Symbol.asyncDispose]()
})
