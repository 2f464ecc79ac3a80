// Positions: what is sent twice is stored once, what does not follow is refused, what is lost is written down.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeRange, Sources } from '../../../../collector/broker/partitions/sources.ts'
import { batchOf, forever, machine, record, send, valuesOf } from '../harness.ts'

test('a range is appended exactly when it begins where the kept one ends, or a new epoch begins', () => {
  const small = fc.integer({ min: 0, max: 6 })
  fc.assert(
    fc.property(small, small, small, small, small, (keptEpoch, keptTo, epoch, from, length) => {
      const range = { source: 's', epoch, from, to: from + length, gap: false }
      const verdict = judgeRange({ epoch: keptEpoch, to: keptTo }, range)
      if (epoch < keptEpoch) expect(verdict).toBe('conflict')
      else if (epoch > keptEpoch) expect(verdict).toBe(from === 0 ? 'append' : 'gap')
      else if (range.to <= keptTo) expect(verdict).toBe('duplicate')
      else if (from < keptTo) expect(verdict).toBe('conflict')
      else expect(verdict).toBe(from === keptTo ? 'append' : 'gap')
    }),
  )
})

test('too many sources push out the one unseen for longest; expiry takes those without traffic', () => {
  const minute = 60_000
  const limits = { sourcesMax: 2, expiryMs: 10 * minute }
  const sources = new Sources(limits)
  sources.keep('a', { epoch: 0, to: 1 }, 0)
  sources.keep('b', { epoch: 0, to: 1 }, minute)
  sources.keep('a', { epoch: 0, to: 2 }, 2 * minute)
  sources.keep('a', { epoch: 0, to: 3 }, 2 * minute + 1)
  sources.keep('c', { epoch: 0, to: 1 }, 3 * minute)
  expect([sources.find('a'), sources.find('b'), sources.evicted]).toMatchObject([{ to: 3 }, null, 1])
  const copy = new Sources(limits)
  expect(copy.restore(JSON.parse(JSON.stringify(sources.save())))).toBe(true)
  copy.expire(12.5 * minute)
  expect([copy.find('a'), copy.find('c')]).toMatchObject([null, { to: 1 }])
  expect(copy.restore([['x', 1]])).toBe(false)
})

test('no position is told that may still be lost: a conflict with what is on its way waits for it', async () => {
  const { open, disk } = machine()
  const broker = await open()
  expect(await send(broker, { from: 0, to: 10 })).toMatchObject({ outcome: 'appended' })
  disk.intercept = ({ verb }) => (verb === 'write' ? 'full' : 'go')
  const [first, second] = await Promise.allSettled([
    send(broker, { from: 10, to: 20 }),
    send(broker, { from: 10, to: 30 }),
  ])
  expect([first.status, second.status]).toEqual(['rejected', 'rejected'])
  disk.intercept = null
  expect(await send(broker, { from: 5, to: 30 })).toMatchObject({ outcome: 'conflict', to: 10 })
  const [third, fourth] = await Promise.all([
    send(broker, { from: 10, to: 20 }),
    send(broker, { from: 10, to: 30 }),
  ])
  expect([third, fourth]).toMatchObject([{ outcome: 'appended' }, { outcome: 'conflict', to: 20 }])
})

test('duplicates, overlaps, gaps, stale and new epochs are told apart, over restarts clean and not', async () => {
  for (const ending of ['clean', 'kill'] as const) {
    const { open, disk } = machine()
    let broker = await open()
    const restart = async () => {
      if (ending === 'clean') await broker[Symbol.asyncDispose]()
      else disk.kill()
      broker = await open()
    }
    expect(await send(broker, { from: 0, to: 10 })).toMatchObject({ outcome: 'appended', epoch: 0, to: 10 })
    await restart()
    expect(await send(broker, { from: 0, to: 10 })).toMatchObject({ outcome: 'duplicate', to: 10 })
    expect(await send(broker, { from: 4, to: 8 })).toMatchObject({ outcome: 'duplicate', to: 10 })
    expect(await send(broker, { from: 8, to: 12 })).toMatchObject({ outcome: 'conflict', to: 10 })
    expect(await send(broker, { from: 11, to: 12 })).toMatchObject({ outcome: 'conflict', to: 10 })
    await restart()
    expect(await send(broker, { from: 10, to: 12 })).toMatchObject({ outcome: 'appended', to: 12 })
    expect(await send(broker, { epoch: 2, from: 3, to: 5 })).toMatchObject({
      outcome: 'conflict',
      epoch: 0,
      to: 12,
    })
    expect(await send(broker, { epoch: 2, from: 0, to: 5 })).toMatchObject({
      outcome: 'appended',
      epoch: 2,
      to: 5,
    })
    await restart()
    expect(await send(broker, { epoch: 1, from: 0, to: 99 })).toMatchObject({
      outcome: 'conflict',
      epoch: 2,
      to: 5,
    })
    expect(broker.positions('file')).toEqual([{ topic: 'logs', partition: 0, epoch: 2, to: 5 }])
    expect((await valuesOf(broker)).length).toBe(17)
  }
})

test('the guard of a position is kept with it, over restarts clean and not, and given back', async () => {
  for (const ending of ['clean', 'kill'] as const) {
    const { open, disk } = machine()
    let broker = await open()
    const restart = async () => {
      if (ending === 'clean') await broker[Symbol.asyncDispose]()
      else disk.kill()
      broker = await open()
    }
    expect(await send(broker, { from: 0, to: 10, guard: '64:ab' })).toMatchObject({ guard: '64:ab' })
    await restart()
    expect(await send(broker, { from: 0, to: 10, guard: 'other' })).toMatchObject({
      outcome: 'duplicate',
      guard: '64:ab',
    })
    expect(await send(broker, { from: 8, to: 12, guard: 'other' })).toMatchObject({
      outcome: 'conflict',
      guard: '64:ab',
    })
    expect(await send(broker, { from: 10, to: 12, guard: '64:cd' })).toMatchObject({ guard: '64:cd' })
    await restart()
    expect(broker.positions('file')).toMatchObject([{ to: 12, guard: '64:cd' }])
    // A batch without one, or with what is none, takes the old one away: it was of another position.
    await send(broker, { from: 12, to: 13, guard: 'g'.repeat(65) })
    expect(broker.positions('file')[0]?.guard).toBeUndefined()
    await send(broker, { from: 13, to: 14 })
    await restart()
    expect(broker.positions('file')[0]).toMatchObject({ to: 14, guard: undefined })
  }
})

test('a known gap is accepted and goes to the loss ledger, for good', async () => {
  const { open, disk } = machine()
  let broker = await open()
  await send(broker, { from: 0, to: 10 })
  expect(await send(broker, { from: 30, to: 40, gap: true })).toMatchObject({ outcome: 'appended', to: 40 })
  disk.crash()
  broker = await open()
  expect(broker.status().losses).toEqual([{ reason: 'source_gap', topic: 'logs', ranges: 1, units: 20 }])
  expect(broker.status().recentLosses[0]).toMatchObject({ who: 'file', from: 10, to: 30 })
  // Sent again: a duplicate, and not a second loss.
  expect(await send(broker, { from: 30, to: 40, gap: true })).toMatchObject({ outcome: 'duplicate' })
  expect(broker.status().losses[0]?.ranges).toBe(1)
})

test('a gap behind a batch that finds no room is no loss: both are sent again', async () => {
  const { open, disk } = machine()
  const broker = await open()
  await send(broker, { from: 0, to: 10 })
  disk.intercept = ({ verb, path }) => (verb === 'write' && path.includes('/logs/') ? 'full' : 'go')
  const sent = [send(broker, { from: 10, to: 20 }), send(broker, { from: 30, to: 40, gap: true })]
  for (const { status } of await Promise.allSettled(sent)) expect(status).toBe('rejected')
  expect(broker.status().losses).toEqual([])
  disk.intercept = null
  await send(broker, { from: 10, to: 20 })
  await send(broker, { from: 30, to: 40, gap: true })
  expect(broker.status().recentLosses).toMatchObject([{ who: 'file', from: 20, to: 30 }])
})

test('a batch that does not carry the range of its request is refused', async () => {
  const broker = await machine().open()
  const range = { source: 'file', epoch: 0, from: 0, to: 9, gap: false }
  const bytes = batchOf({ from: 0, to: 10 })
  await expect(broker.append({ topic: 'logs', bytes, range }, forever)).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
  })
  expect(await valuesOf(broker)).toEqual([])
})

test('several batches of one request are stored in order, each with its own range', async () => {
  const broker = await machine().open()
  const bytes = Buffer.concat([batchOf({ from: 0, to: 3 }), batchOf({ from: 3, to: 5 })])
  const range = { source: 'file', epoch: 0, from: 0, to: 5, gap: false }
  const [first, again] = [
    { topic: 'logs', bytes: Buffer.from(bytes), range },
    { topic: 'logs', bytes, range },
  ]
  expect(await broker.append(first, forever)).toMatchObject({ outcome: 'appended', to: 5 })
  expect(await broker.append(again, forever)).toMatchObject({ outcome: 'duplicate', to: 5 })
  expect((await valuesOf(broker)).length).toBe(5)
})

test('a duplicate of what is still on its way is answered only when that is durable', async () => {
  const { open, disk } = machine()
  const broker = await open()
  await broker.topic('logs')
  let failing = false
  disk.intercept = (call) => (failing && call.verb === 'sync' ? 'fail' : 'go')
  failing = true
  const first = send(broker, { from: 0, to: 3 })
  const second = send(broker, { from: 0, to: 3 })
  await expect(first).rejects.toMatchObject({ code: 'DISK_FAILED' })
  await expect(second).rejects.toMatchObject({ code: 'DISK_FAILED' })
})

test('records with a position are stored once each, by topic and partition', async () => {
  const { open, disk } = machine()
  let broker = await open()
  const tab = (position: number) => record(`e${position}`, 'visitor', { source: 'tab', epoch: 0, position })
  const first = await broker.publish('clicks', [tab(1), tab(2), tab(2)], forever)
  expect(first.map(({ offset }) => offset)).toEqual([0, 1, null])
  disk.crash()
  broker = await open()
  const second = await broker.publish('clicks', [tab(1), tab(2), tab(3)], forever)
  expect(second.map(({ offset }) => offset)).toEqual([null, null, 2])
  expect(await valuesOf(broker, 'clicks')).toEqual(['e1', 'e2', 'e3'])
  await expect(
    broker.publish('clicks', [record('x', 'visitor', { source: 'tab', epoch: -1, position: 9 })], forever),
  ).rejects.toMatchObject({ code: 'POSITION_STALE' })
})

test('a source stays in its partition when the topic gets more of them', async () => {
  const broker = await machine().open()
  await broker.createTopic('logs', { partitions: 1 })
  for (let i = 0; i < 20; i += 1) await send(broker, { source: `s${i}`, from: 0, to: 2 })
  await broker.alterTopic('logs', { partitions: 8 })
  for (let i = 0; i < 20; i += 1) {
    expect(await send(broker, { source: `s${i}`, from: 2, to: 4 })).toMatchObject({
      outcome: 'appended',
      partition: 0,
    })
  }
  const fresh = await Promise.all(
    Array.from({ length: 40 }, (_, i) => send(broker, { source: `new${i}`, from: 0, to: 1 })),
  )
  expect(new Set(fresh.map(({ partition }) => partition)).size).toBeGreaterThan(4)
})
