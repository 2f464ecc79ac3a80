// The broker: concurrent senders, full and failing disks, topics, offsets of groups, reading along.
import { expect, test } from 'vitest'
import { drain } from '../../sim/clock.ts'
import { allOf, forever, machine, record, send, valuesOf } from './harness.ts'

test('fifty publishers at once get contiguous offsets, and every key keeps its order', async () => {
  const { open } = machine()
  const broker = await open({ partitions: 3 })
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, id) => {
      const offsets: string[] = []
      for (let n = 0; n < 20; n += 1) {
        const [answer] = await broker.publish('events', [record(`${id}-${n}`, `key${id}`)], forever)
        offsets.push(`${answer?.partition}:${answer?.offset}=${id}-${n}`)
      }
      return offsets
    }),
  )
  const stored = await allOf(broker, 'events')
  expect(answers.flat().sort()).toEqual(stored)
  for (const partition of [0, 1, 2]) {
    const offsets = stored
      .filter((line) => line.startsWith(`${partition}:`))
      .map((line) => Number(line.slice(2).split('=')[0]))
      .sort((a, b) => a - b)
    expect(offsets).toEqual(Array.from({ length: offsets.length }, (_, i) => i))
  }
  for (const offsets of answers) {
    const numbers = offsets.map((line) => Number(line.slice(2).split('=')[0]))
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  }
})

test('what comes in the same turn shares one batch and one sync', async () => {
  const { open, disk } = machine()
  const broker = await open()
  await broker.topic('events')
  let syncs = 0
  disk.intercept = (call) => {
    if (call.verb === 'sync') syncs += 1
    return 'go'
  }
  await Promise.all(
    Array.from({ length: 1000 }, (_, i) => broker.publish('events', [record(`e${i}`)], forever)),
  )
  expect(syncs).toBe(1)
  expect((await valuesOf(broker, 'events')).length).toBe(1000)
})

test('a full disk refuses with a wait, forgets the positions it refused, and goes on when there is room', async () => {
  const { open, disk } = machine()
  const broker = await open()
  await send(broker, { from: 0, to: 10 })
  let used = 0
  for (const path of disk.paths()) used += disk.readLive(path)?.length ?? 0
  disk.capacityBytes = used + 50
  await expect(send(broker, { from: 10, to: 500 })).rejects.toMatchObject({
    code: 'DISK_FULL',
    details: { retryAfterMs: expect.any(Number) },
  })
  expect(broker.positions('file')[0]?.to).toBe(10)
  expect((await valuesOf(broker)).length).toBe(10)
  disk.capacityBytes = Number.POSITIVE_INFINITY
  expect(await send(broker, { from: 10, to: 500 })).toMatchObject({ outcome: 'appended' })
  disk.crash()
  expect((await valuesOf(await open())).length).toBe(500)
})

test('a refusal for want of room is told for ten seconds: who heard of it may not try again', async () => {
  const { open, disk, clock } = machine()
  const broker = await open()
  await send(broker, { from: 0, to: 10 })
  disk.capacityBytes = 0
  expect(broker.status().isDiskFull).toBe(false)
  await expect(send(broker, { from: 10, to: 20 })).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(broker.status().isDiskFull).toBe(true)
  await clock.advance(9_999)
  expect(broker.status().isDiskFull).toBe(true)
  await clock.advance(1)
  expect(broker.status().isDiskFull).toBe(false)
})

test('after a failed sync nothing is acknowledged any more, in any topic, and the owner hears of it', async () => {
  const { open, disk } = machine()
  const broker = await open()
  await broker.topic('other')
  await send(broker, { from: 0, to: 3 })
  disk.intercept = (call) => (call.verb === 'sync' && call.path.includes('/logs/') ? 'fail' : 'go')
  await expect(send(broker, { from: 3, to: 6 })).rejects.toMatchObject({ code: 'DISK_FAILED' })
  disk.intercept = null
  expect((await broker.failed).code).toBe('DISK_FAILED')
  await expect(send(broker, { from: 3, to: 6 })).rejects.toMatchObject({ code: 'DISK_FAILED' })
  await expect(broker.publish('other', [record('x')], forever)).rejects.toMatchObject({ code: 'DISK_FAILED' })
  expect((await valuesOf(broker)).length).toBe(3)
  expect(broker.status().failed).not.toBe(null)
  await broker[Symbol.asyncDispose]()
  disk.crash()
  const again = await open()
  const kept = again.positions('file')[0]?.to ?? 0
  expect([3, 6]).toContain(kept)
  expect((await valuesOf(again)).length).toBe(kept)
})

test('too much on its way to the disk is refused with a wait, and taken later', async () => {
  const { open } = machine()
  const broker = await open({ pendingBytesMax: 10_000 })
  await broker.topic('events')
  const sent = await Promise.allSettled(
    Array.from({ length: 100 }, () => broker.publish('events', [record('x'.repeat(500))], forever)),
  )
  const refused = sent.filter((result) => result.status === 'rejected')
  expect(refused.length).toBeGreaterThan(50)
  expect(refused[0]?.reason).toMatchObject({
    code: 'OVERLOADED',
    details: { retryAfterMs: expect.any(Number) },
  })
  expect(broker.status().pendingBytes).toBe(0)
  await broker.publish('events', [record('later')], forever)
  expect((await valuesOf(broker, 'events')).length).toBe(101 - refused.length)
})

test('a record over the limit is refused before anything of its request is taken', async () => {
  const broker = await machine().open({ recordBytesMax: 100 })
  const records = [record('fine'), record('x'.repeat(101))]
  await expect(broker.publish('events', records, forever)).rejects.toMatchObject({ code: 'BATCH_TOO_LARGE' })
  expect(await valuesOf(broker, 'events')).toEqual([])
})

test('topics: names, options, growth, deletion; a topic made again is another one', async () => {
  const { open } = machine()
  let broker = await open({ partitions: 2 })
  for (const name of ['', '.', '..', 'a/b', 'ä', 'x'.repeat(250), '__mine']) {
    await expect(broker.topic(name)).rejects.toMatchObject({ code: 'TOPIC_NAME_INVALID' })
  }
  const made = await broker.createTopic('a', { partitions: 3, retentionMs: 1000 })
  expect(made.partitions).toBe(3)
  await expect(broker.createTopic('a', {})).rejects.toMatchObject({ code: 'TOPIC_EXISTS' })
  await expect(broker.alterTopic('a', { partitions: 2 })).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  await expect(broker.alterTopic('b', {})).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' })
  await broker.alterTopic('a', { partitions: 4, retentionBytes: 77 })
  await broker.publish('a', [record('x')], forever)
  await broker[Symbol.asyncDispose]()
  broker = await open()
  expect(broker.describeTopic('a')).toMatchObject({ id: made.id, retentionMs: 1000, retentionBytes: 77 })
  expect(broker.topics().map(({ name }) => name)).toEqual([
    '__consumer_offsets',
    '__losses',
    '__transaction_state',
    'a',
  ])
  await broker.deleteTopic('a')
  await expect(broker.deleteTopic('a')).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' })
  expect((await broker.topic('a')).id).not.toBe(made.id)
  expect(await valuesOf(broker, 'a')).toEqual([])
})

test('topics are not made by themselves where that is switched off', async () => {
  const broker = await machine().open({ autoCreate: false, topics: { known: { partitions: 2 } } })
  await expect(broker.publish('unknown', [record('x')], forever)).rejects.toMatchObject({
    code: 'TOPIC_UNKNOWN',
  })
  expect((await broker.topic('known')).partitions).toBe(2)
})

test('a topic folder without a readable topic.json is reported and left alone', async () => {
  const { open, disk } = machine()
  let broker = await open()
  await broker.publish('a', [record('x')], forever)
  await broker[Symbol.asyncDispose]()
  disk.corrupt('/data/topics/a/topic.json', 0, 0xff)
  const files = disk.paths().filter((path) => path.startsWith('/data/topics/a/'))
  broker = await open()
  expect(broker.status().unreadableTopics).toEqual([{ name: 'a', reason: 'topic.json is not JSON' }])
  await expect(broker.publish('a', [record('x')], forever)).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  expect(disk.paths().filter((path) => path.startsWith('/data/topics/a/'))).toEqual(files)
})

test('a tail follows, across partitions, and ends with its signal', async () => {
  const { open } = machine()
  const broker = await open({ partitions: 3 })
  await broker.topic('events')
  const ending = new AbortController()
  const seen: string[] = []
  const reading = (async () => {
    for await (const found of broker.tail(
      { topics: ['events'], start: 'end', follow: true },
      ending.signal,
    )) {
      seen.push(new TextDecoder().decode(found.value ?? undefined))
    }
  })()
  await drain()
  for (let i = 0; i < 10; i += 1) await broker.publish('events', [record(`e${i}`, `k${i}`)], forever)
  while (seen.length < 10) await drain()
  ending.abort()
  await reading
  expect(seen.sort()).toEqual(Array.from({ length: 10 }, (_, i) => `e${i}`))
})

test('a tail begins at an offset or a time, and ends after so many records', async () => {
  const broker = await machine().open()
  for (let i = 0; i < 10; i += 1) {
    await broker.publish('events', [{ ...record(`e${i}`), timestamp: 1000 + i * 10 }], forever)
  }
  const from = async (start: Parameters<typeof broker.tail>[0]['start'], recordsMax?: number) => {
    const values: string[] = []
    const options = {
      topics: ['events'],
      start,
      follow: false,
      ...(recordsMax === undefined ? {} : { recordsMax }),
    }
    for await (const found of broker.tail(options, forever))
      values.push(new TextDecoder().decode(found.value ?? undefined))
    return values.join(' ')
  }
  expect(await from({ offset: 7 })).toBe('e7 e8 e9')
  expect(await from({ timestamp: 1071 })).toBe('e8 e9')
  expect(await from({ timestamp: 5000 })).toBe('')
  expect(await from('beginning', 2)).toBe('e0 e1')
})

test('retention takes old segments of a topic and leaves the internal ones', async () => {
  const { open, clock } = machine()
  const broker = await open({ segmentAgeMs: 1000, retentionMs: 5000, upkeepMs: 500 })
  await broker.publish('events', [record('old')], forever)
  await clock.advance(3000)
  await broker.publish('events', [record('new')], forever)
  await clock.advance(3000)
  expect(await valuesOf(broker, 'events')).toEqual(['new'])
  expect(broker.describeTopic('events').partitions[0]).toMatchObject({ startOffset: 1, endOffset: 2 })
})

test('a late flush mode answers at once, syncs soon, and says so in status', async () => {
  const { open, disk, clock } = machine()
  const broker = await open({ flush: { intervalMs: 200 } })
  await broker.topic('events')
  let syncs = 0
  disk.intercept = (call) => {
    if (call.verb === 'sync') syncs += 1
    return 'go'
  }
  await broker.publish('events', [record('x')], forever)
  expect(syncs).toBe(0)
  await clock.advance(200)
  expect(syncs).toBe(1)
  expect(broker.status().durability).toEqual({ intervalMs: 200 })
})
