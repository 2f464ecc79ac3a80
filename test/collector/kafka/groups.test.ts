// Consumer groups by request, through the codec in old and new versions: what only some versions know, and how they say it.
import { beforeEach, describe, expect, test } from 'vitest'
import { encodeSubscription } from '../../../collector/broker/groups/group-protocol.ts'
import { kafkaErrors } from '../../../protocol/errors.ts'
import { openSite, type Site } from './asking.ts'

let site: Site

beforeEach(async () => {
  site = await openSite({ config: { groupInitialDelayMs: 0 } })
  await site.broker.createTopic('t', { partitions: 2 })
})

const protocols = [{ name: 'range', metadata: encodeSubscription(['t']) }]
const join = { groupId: 'g', sessionTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols }

/** A stable group with one member, as a client of this version makes it. */
async function member(version: number, groupInstanceId: string | null = null) {
  let joined = await site.ask('JoinGroup', { ...join, groupInstanceId }, { version })
  if (joined.errorCode === kafkaErrors.MEMBER_ID_REQUIRED) {
    joined = await site.ask('JoinGroup', { ...join, memberId: joined.memberId }, { version })
  }
  const { memberId, generationId } = joined
  const assignments = [{ memberId, assignment: Buffer.from('mine') }]
  const sync = { groupId: 'g', memberId, generationId, groupInstanceId, assignments }
  return { joined, synced: await site.ask('SyncGroup', sync, { version: Math.min(version, 5) }) }
}

describe('FindCoordinator', () => {
  const here = { errorCode: 0, nodeId: 0, host: 'broker.example', port: 9092 }

  test('names this broker, for one key and for many, for groups and transactions', async () => {
    expect(await site.ask('FindCoordinator', { key: 'g' }, { version: 0 })).toMatchObject(here)
    expect(await site.ask('FindCoordinator', { key: 'x', keyType: 1 }, { version: 3 })).toMatchObject(here)
    const many = await site.ask(
      'FindCoordinator',
      { keyType: 0, coordinatorKeys: ['a', 'b'] },
      { version: 5 },
    )
    expect(many.coordinators).toMatchObject([
      { key: 'a', ...here },
      { key: 'b', ...here },
    ])
  })

  test('knows no other coordinators', async () => {
    const answer = await site.ask('FindCoordinator', { key: 'g', keyType: 2 }, { version: 2 })
    expect(answer).toMatchObject({ errorCode: kafkaErrors.INVALID_REQUEST, nodeId: -1 })
  })
})

describe('a member', () => {
  test.each([0, 1, 3, 4, 5, 6, 7, 8, 9])('of JoinGroup version %i gets its assignment', async (version) => {
    const { joined, synced } = await member(version)
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, leader: joined.memberId })
    expect(joined.members).toHaveLength(1)
    expect(joined.protocolName).toBe('range')
    expect(Buffer.from(synced.assignment).toString()).toBe('mine')
  })

  test('of version 4 and up is told its id first; an error has a name of a protocol only since 7', async () => {
    const errorOf = async (version: number) => {
      const { errorCode, protocolName } = await site.ask('JoinGroup', join, { version })
      return [errorCode, protocolName]
    }
    expect(await errorOf(4)).toEqual([kafkaErrors.MEMBER_ID_REQUIRED, ''])
    expect(await errorOf(7)).toEqual([kafkaErrors.MEMBER_ID_REQUIRED, null])
  })

  test('leaves alone in old versions, in a batch in new ones', async () => {
    const { joined } = await member(2)
    const { memberId } = joined
    const alone = await site.ask('LeaveGroup', { groupId: 'g', memberId: 'x' }, { version: 1 })
    expect(alone.errorCode).toBe(kafkaErrors.UNKNOWN_MEMBER_ID)
    const batch = await site.ask(
      'LeaveGroup',
      {
        groupId: 'g',
        members: [
          { memberId: 'x', groupInstanceId: null },
          { memberId, groupInstanceId: null },
        ],
      },
      { version: 4 },
    )
    expect(batch.errorCode).toBe(0)
    expect(batch.members.map(({ errorCode }) => errorCode)).toEqual([kafkaErrors.UNKNOWN_MEMBER_ID, 0])
  })

  test('that is static takes over by JoinGroup 9 with skipAssignment', async () => {
    await member(9, 'i')
    const { joined } = await member(9, 'i')
    expect(joined).toMatchObject({ generationId: 1, skipAssignment: true, leader: joined.memberId })
  })

  test('heartbeats by member, generation and instance', async () => {
    const { joined } = await member(9)
    const { memberId } = joined
    const beat = async (body: object) =>
      (await site.ask('Heartbeat', { groupId: 'g', generationId: 1, memberId, ...body })).errorCode
    expect(await beat({})).toBe(0)
    expect(await beat({ generationId: 2 })).toBe(kafkaErrors.ILLEGAL_GENERATION)
    expect(await beat({ memberId: 'x' })).toBe(kafkaErrors.UNKNOWN_MEMBER_ID)
    expect(await beat({ groupId: 'h' })).toBe(kafkaErrors.UNKNOWN_MEMBER_ID)
    expect(await beat({ groupInstanceId: 'x' })).toBe(kafkaErrors.UNKNOWN_MEMBER_ID)
  })
})

describe('an operator', () => {
  test('lists groups by state and by type', async () => {
    await member(9)
    const list = async (body: object, version = 5) => (await site.ask('ListGroups', body, { version })).groups
    expect(await list({}, 0)).toEqual([expect.objectContaining({ groupId: 'g', protocolType: 'consumer' })])
    expect(await list({})).toMatchObject([{ groupState: 'Stable', groupType: 'Classic' }])
    expect(await list({ statesFilter: ['empty'] }, 4)).toEqual([])
    expect(await list({ statesFilter: ['Empty', 'stable'] }, 4)).toHaveLength(1)
    expect(await list({ typesFilter: ['consumer'] })).toEqual([])
    expect(await list({ typesFilter: ['CLASSIC'] })).toHaveLength(1)
  })

  test('describes members; a group that is not there is Dead', async () => {
    await member(9, 'i')
    const { groups } = await site.ask('DescribeGroups', {
      groups: ['g', 'h'],
      includeAuthorizedOperations: true,
    })
    expect(groups).toMatchObject([
      { groupState: 'Stable', protocolData: 'range', members: [{ groupInstanceId: 'i', clientId: 'test' }] },
      { groupState: 'Dead', members: [], errorCode: 0 },
    ])
    expect(groups[0]?.authorizedOperations).toBeGreaterThan(0)
    expect(Buffer.from(groups[0]?.members[0]?.memberAssignment ?? []).toString()).toBe('mine')
  })

  test('deletes groups, each with its own answer', async () => {
    await member(9)
    const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }]
    await site.ask('OffsetCommit', { groupId: 'alone', topics: [{ name: 't', partitions }] })
    const { results } = await site.ask('DeleteGroups', { groupsNames: ['g', 'alone', 'none'] })
    expect(results.map(({ errorCode }) => errorCode)).toEqual([
      kafkaErrors.NON_EMPTY_GROUP,
      0,
      kafkaErrors.GROUP_ID_NOT_FOUND,
    ])
  })
})

describe('offsets', () => {
  const commit = (committedOffset: number, committedLeaderEpoch = -1) => ({
    groupId: 'g',
    topics: [
      {
        name: 't',
        partitions: [{ partitionIndex: 0, committedOffset, committedLeaderEpoch, committedMetadata: 'note' }],
      },
    ],
  })

  test('are committed and fetched in every version', async () => {
    for (let version = 2; version <= 9; version += 1) {
      const committed = await site.ask('OffsetCommit', commit(version, 3), { version })
      expect(committed.topics[0]?.partitions).toEqual([{ partitionIndex: 0, errorCode: 0 }])
    }
    const topics = [{ name: 't', partitionIndexes: [0, 1] }]
    for (let version = 1; version <= 7; version += 1) {
      const fetched = await site.ask('OffsetFetch', { groupId: 'g', topics }, { version })
      expect(fetched.topics[0]?.partitions).toMatchObject([
        { committedOffset: 9, committedLeaderEpoch: version < 5 ? -1 : 3, metadata: 'note', errorCode: 0 },
        { committedOffset: -1, metadata: '', errorCode: 0 },
      ])
    }
    const groups = [
      { groupId: 'g', topics: null },
      { groupId: 'h', topics },
    ]
    const many = await site.ask('OffsetFetch', { groups, requireStable: true }, { version: 9 })
    expect(many.groups.map((group) => group.topics.flatMap(({ partitions }) => partitions.length))).toEqual([
      [1],
      [2],
    ])
    const all = await site.ask('OffsetFetch', { groupId: 'g', topics: null }, { version: 2 })
    expect(all.topics).toHaveLength(1)
  })

  test('of a transaction that is not there are refused', async () => {
    const { topics } = commit(1)
    const request = { transactionalId: 'x', groupId: 'g', producerId: 5, producerEpoch: 0, topics }
    for (let version = 0; version <= 4; version += 1) {
      const answer = await site.ask('TxnOffsetCommit', request, { version })
      expect(answer.topics[0]?.partitions[0]?.errorCode).not.toBe(0)
    }
    expect(site.broker.groupsCoordinator.fetchOffsets('g', null, true)).toEqual([])
  })

  test('are deleted one by one', async () => {
    await site.ask('OffsetCommit', commit(1))
    const partitions = [{ partitionIndex: 0 }, { partitionIndex: 7 }]
    const deleted = await site.ask('OffsetDelete', { groupId: 'g', topics: [{ name: 't', partitions }] })
    expect(deleted.topics[0]?.partitions).toEqual([
      { partitionIndex: 0, errorCode: 0 },
      { partitionIndex: 7, errorCode: kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION },
    ])
    const none = await site.ask('OffsetDelete', { groupId: 'h', topics: [] })
    expect(none.errorCode).toBe(kafkaErrors.GROUP_ID_NOT_FOUND)
  })
})
