// Offsets by the rules: who may commit, what is kept, when it expires; operators; and our own feeds as groups.
import { beforeEach, describe, expect, test } from 'vitest'
import { forever, send } from '../harness.ts'
import { bytes, type CoordinatorScript, nobody, offset, openCoordinator } from './group-coordinator-script.ts'

let on: CoordinatorScript

beforeEach(async () => {
  on = await openCoordinator()
})

describe('offsets', () => {
  test('are durable when they are acknowledged, with epoch and metadata', async () => {
    expect(await on.commit([offset('t', 0, 5, 'note'), offset('t', 1, 6)])).toEqual(['NONE', 'NONE'])
    await on.restart()
    const [first] = on.coordinator.fetchOffsets('g', [{ topic: 't', partition: 0 }], true)
    expect(first).toEqual({
      topic: 't',
      partition: 0,
      offset: 5,
      leaderEpoch: 3,
      metadata: 'note',
      error: 'NONE',
    })
    expect(on.fetched()).toEqual(['t/0=5', 't/1=6'])
  })

  test('each partition is judged by itself', async () => {
    const results = await on.commit([
      offset('t', 0, 5),
      offset('t', 2, 5),
      offset('nowhere', 0, 5),
      offset('t', 1, 5, 'x'.repeat(4097)),
    ])
    expect(results).toEqual([
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'OFFSET_METADATA_TOO_LARGE',
    ])
    expect(on.fetched()).toEqual(['t/0=5'])
  })

  test('a group without members takes them from anybody, a group with members only from those', async () => {
    expect(await on.commit([offset('t', 0, 1)], { memberId: 'x', generationId: 3 })).toEqual([
      'ILLEGAL_GENERATION',
    ])
    expect(await on.commit([offset('t', 0, 1)], nobody, '')).toEqual(['NONE'])
    const joined = await on.member()
    expect(await on.commit([offset('t', 0, 1)])).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(await on.commit([offset('t', 0, 1)], { ...joined, generationId: 0 })).toEqual([
      'ILLEGAL_GENERATION',
    ])
    expect(await on.commit([offset('t', 0, 1)], joined)).toEqual(['NONE'])
    on.leave(joined)
    expect(await on.commit([offset('t', 0, 2)], joined)).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(await on.commit([offset('t', 0, 2)])).toEqual(['NONE'])
    expect(on.fetched()).toEqual(['t/0=2'])
  })

  test('those of a topic that was deleted do not apply to one made again', async () => {
    await on.commit([offset('t', 0, 5)])
    await on.broker.deleteTopic('t')
    expect(on.fetched()).toEqual([])
    await on.broker.createTopic('t', {})
    expect(on.fetched()).toEqual([])
    await on.restart()
    const [none] = on.coordinator.fetchOffsets('g', [{ topic: 't', partition: 0 }], false)
    expect(none).toMatchObject({ offset: -1, error: 'NONE' })
  })

  test('expire a week after the group became empty; those of a group with members do not', async () => {
    const joined = await on.member({ sessionTimeoutMs: 1_800_000 })
    await on.commit([offset('t', 0, 5)], joined)
    on.world.clock.jump(30 * 24 * 60 * 60 * 1000)
    await on.world.clock.advance(600_000)
    expect(on.fetched()).toEqual(['t/0=5'])
  })

  test('of topics that a stable group does not read any more, they expire a week after the commit', async () => {
    const joined = await on.member({ sessionTimeoutMs: 1_800_000 })
    await on.commit([offset('t', 0, 5), offset('u', 0, 6)], joined)
    on.world.clock.jump(7 * 24 * 60 * 60 * 1000)
    await on.world.clock.advance(600_000)
    expect(on.fetched()).toEqual(['t/0=5'])
  })

  test('of an empty group they expire together, and the group with them, for good', async () => {
    const joined = await on.member()
    await on.commit([offset('t', 0, 5)], joined)
    on.leave(joined)
    await on.commit([offset('t', 1, 9)], nobody, 'simple')
    on.world.clock.jump(7 * 24 * 60 * 60 * 1000 - 600_000)
    await on.world.clock.advance(599_000)
    expect([...on.fetched(), ...on.fetched('simple')]).toEqual(['t/0=5', 't/1=9'])
    await on.world.clock.advance(601_000)
    expect(on.coordinator.listGroups()).toEqual([])
    await on.restart()
    expect(on.coordinator.listGroups()).toEqual([])
  })
})

describe('an operator', () => {
  test('deletes an empty group with its offsets, not one with members', async () => {
    const joined = await on.member()
    await on.commit([offset('t', 0, 5)], joined)
    const remove = () => on.coordinator.deleteGroup('g')
    await expect(remove()).rejects.toMatchObject({ error: 'NON_EMPTY_GROUP' })
    on.leave(joined)
    await remove()
    await expect(remove()).rejects.toMatchObject({ error: 'GROUP_ID_NOT_FOUND' })
    await on.restart()
    expect(on.coordinator.describeGroup('g')).toBe(null)
    expect(on.fetched()).toEqual([])
  })

  test('deletes offsets of topics that no member subscribes to', async () => {
    const joined = await on.member()
    await on.commit([offset('t', 0, 5), offset('u', 0, 6)], joined)
    const asked = [
      { topic: 't', partition: 0 },
      { topic: 'u', partition: 0 },
      { topic: 'u', partition: 7 },
    ]
    const results = await on.coordinator.deleteOffsets('g', asked)
    expect(results.map(({ error }) => error)).toEqual([
      'GROUP_SUBSCRIBED_TO_TOPIC',
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ])
    await on.restart()
    expect(on.fetched()).toEqual(['t/0=5'])
  })

  test('does not delete offsets where nobody knows what the members read', async () => {
    const joined = await on.member({ protocols: [{ name: 'range', metadata: bytes('garbage') }] })
    await on.commit([offset('u', 0, 6)], joined)
    const results = await on.coordinator.deleteOffsets('g', [{ topic: 'u', partition: 0 }])
    expect(results[0]?.error).toBe('GROUP_SUBSCRIBED_TO_TOPIC')
    const other = await on.member({ protocolType: 'connect' }, 'c')
    expect(other.error).toBe('NONE')
    await expect(on.coordinator.deleteOffsets('c', [])).rejects.toThrow('has members')
  })

  test('sets a group elsewhere while nobody reads for it', async () => {
    const joined = await on.member()
    await on.commit([offset('t', 0, 5)], joined)
    const key = { group: 'g', topic: 't', partition: 0 }
    await expect(on.broker.resetGroup(key, 'beginning', forever)).rejects.toThrow('has a member')
    on.leave(joined)
    expect(await on.broker.resetGroup(key, 'beginning', forever)).toBe(0)
    expect(on.fetched()).toEqual(['t/0=0'])
  })
})

describe('a feed of ours', () => {
  const options = {
    group: 'sink.w',
    topic: 't',
    partition: 0,
    start: 'beginning',
    rowsMax: 10,
    bytesMax: 1_000_000,
    ageMs: 1,
  } as const

  test('looks like a group with one member, and like an empty one when it is closed', async () => {
    await send(on.broker, { from: 0, to: 4 }, 't')
    const feed = await on.broker.feed(options)
    const described = on.coordinator.describeGroup('sink.w')
    expect(described).toMatchObject({
      phase: 'Stable',
      protocolType: 'consumer',
      members: [{ clientId: 'logdrive' }],
    })
    expect(on.fetched('sink.w')).toEqual(['t/0=0'])
    await feed[Symbol.asyncDispose]()
    expect(on.coordinator.listGroups()).toEqual([
      expect.objectContaining({ group: 'sink.w', phase: 'Empty' }),
    ])
  })

  test('is not joined, committed to or deleted by anybody else, open or closed', async () => {
    const feed = await on.broker.feed(options)
    for (const open of [true, false]) {
      if (!open) await feed[Symbol.asyncDispose]()
      expect((await on.join({}, 'sink.w')).error).toBe('GROUP_AUTHORIZATION_FAILED')
      expect(await on.commit([offset('t', 1, 9)], nobody, 'sink.w')).toEqual(['GROUP_AUTHORIZATION_FAILED'])
      if (open) {
        await expect(on.coordinator.deleteGroup('sink.w')).rejects.toThrow('has members')
        await expect(on.coordinator.deleteOffsets('sink.w', [])).rejects.toThrow('has members')
      }
    }
    expect(on.fetched('sink.w')).toEqual(['t/0=0'])
  })

  test('keeps its offsets for ever, until an operator deletes the closed group', async () => {
    const feed = await on.broker.feed(options)
    await feed[Symbol.asyncDispose]()
    on.world.clock.jump(30 * 24 * 60 * 60 * 1000)
    await on.world.clock.advance(600_000)
    expect(on.fetched('sink.w')).toEqual(['t/0=0'])
    await on.coordinator.deleteGroup('sink.w')
    expect(on.coordinator.listGroups()).toEqual([])
  })
})
