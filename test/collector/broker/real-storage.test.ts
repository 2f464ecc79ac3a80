// The broker on the real disk: what the simulated one cannot show (names, descriptors, real errors).
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
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
  expect(readdirSync(join(folder, 'topics'))).toEqual([
    '__consumer_offsets',
    '__losses',
    '__transaction_state',
    'logs',
  ])
  expect(readdirSync(join(folder, 'deleted'))).toEqual([])
  await broker[Symbol.asyncDispose]()
})

test('what does not belong into the folders of topics is told of and left alone; the start goes on', async () => {
  const folder = join(root, 'stray')
  {
    await using broker = await openBroker({ folder, config: {} }, runtime)
    await broker.publish('events', [record('kept')], forever)
  }
  writeFileSync(join(folder, 'topics/README'), 'a file where folders are')
  writeFileSync(join(folder, 'topics/.DS_Store'), '')
  writeFileSync(join(folder, 'topics/events/notes.txt'), 'within a topic')
  writeFileSync(join(folder, 'topics/events/0/notes.txt'), 'within a partition')
  mkdirSync(join(folder, 'topics/lost+found'), { mode: 0o000 })
  mkdirSync(join(folder, 'topics/large'))
  writeFileSync(join(folder, 'topics/large/topic.json'), ' '.repeat(100_000))
  writeFileSync(join(folder, 'deleted/README'), 'a file where folders are')
  await using broker = await openBroker({ folder, config: {} }, runtime)
  expect(await valuesOf(broker, 'events')).toEqual(['kept'])
  expect(broker.status().unreadableTopics).toEqual([
    { name: '.DS_Store', reason: 'it is no folder' },
    { name: 'README', reason: 'it is no folder' },
    { name: 'large', reason: expect.stringContaining('100000 bytes') },
    { name: 'lost+found', reason: 'no topic can have this name' },
  ])
  await expect(broker.createTopic('README', {})).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  await broker.publish('events', [record('more')], forever)
  expect(readFileSync(join(folder, 'topics/README'), 'utf8')).toBe('a file where folders are')
  expect(readdirSync(join(folder, 'deleted'))).toEqual(['README'])
})
