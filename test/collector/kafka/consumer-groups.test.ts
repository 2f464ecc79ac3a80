// Groups of the newer protocol (KIP-848) by request: who may join, what is told, what an operator sees, and after a crash.
import { beforeEach, describe, expect, test } from 'vitest'
import type { RequestInput } from '../../../protocol/apis/index.ts'
import { kafkaErrorName, kafkaErrorOf, kafkaErrors } from '../../../protocol/errors.ts'
import { openSite, type Site } from './asking.ts'

let site: Site

beforeEach(async () => {
  site = await openSite({ config: { groupInitialDelayMs: 0 } })
  await site.broker.createTopic('t', { partitions: 4 })
})

type Beat = RequestInput<'ConsumerGroupHeartbeat'>

const joining = {
  groupId: 'g',
  memberEpoch: 0,
  rebalanceTimeoutMs: 60_000,
  subscribedTopicNames: ['t'],
  topicPartitions: [],
} as const

/** One heartbeat: its error by name, what is told as numbers of partitions. */
async function beat(body: Partial<Beat> & { memberId: string }, version = 1) {
  try {
    const { assignment, ...answer } = await site.ask(
      'ConsumerGroupHeartbeat',
      { groupId: 'g', memberEpoch: 0, ...body },
      { version },
    )
    const told = assignment?.topicPartitions.flatMap(({ partitions }) => partitions) ?? null
    return { ...answer, error: kafkaErrorName(answer.errorCode), told }
  } catch (error) {
    return { error: kafkaErrorOf(error), memberId: '' }
  }
}

const join = (memberId: string, body: Partial<Beat> = {}) => beat({ ...joining, memberId, ...body })

function owning(topic: string, partitions: readonly number[]): Beat['topicPartitions'] {
  return [{ topicId: site.broker.findTopic(topic)?.id ?? '', partitions }]
}

async function commitAs(memberId: string, memberEpoch: number, version = 9) {
  const partitions = [{ partitionIndex: 0, committedOffset: 7, committedMetadata: '' }]
  const answer = await site.ask(
    'OffsetCommit',
    { groupId: 'g', memberId, generationIdOrMemberEpoch: memberEpoch, topics: [{ name: 't', partitions }] },
    { version },
  )
  return kafkaErrorName(answer.topics[0]?.partitions[0]?.errorCode ?? -1)
}

async function fetchAs(memberId: string | null, memberEpoch: number) {
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const { groups } = await site.ask('OffsetFetch', {
    groups: [{ groupId: 'g', memberId, memberEpoch, topics }],
  })
  const [group] = groups
  return group?.errorCode === 0
    ? group.topics[0]?.partitions[0]?.committedOffset
    : kafkaErrorName(group?.errorCode ?? -1)
}

const classic = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: new Uint8Array(0) }],
}

describe('members', () => {
  test('share the partitions: what one gives back, the other gets', async () => {
    expect(await join('one')).toMatchObject({
      ...{ error: 'NONE', memberId: 'one', memberEpoch: 1, heartbeatIntervalMs: 5000 },
      told: [0, 1, 2, 3],
    })
    expect(await join('two')).toMatchObject({ error: 'NONE', memberEpoch: 2, told: [] })
    const all = owning('t', [0, 1, 2, 3])
    expect(await beat({ memberId: 'one', memberEpoch: 1, topicPartitions: all })).toMatchObject({
      memberEpoch: 1,
      told: [0, 1],
    })
    expect(await beat({ memberId: 'two', memberEpoch: 2 })).toMatchObject({ memberEpoch: 2, told: null })
    const some = owning('t', [0, 1])
    expect(await beat({ memberId: 'one', memberEpoch: 1, topicPartitions: some })).toMatchObject({
      memberEpoch: 2,
      told: null,
    })
    expect(await beat({ memberId: 'two', memberEpoch: 2 })).toMatchObject({ memberEpoch: 2, told: [2, 3] })
  })

  test('of version 0 are given an id, of version 1 bring one', async () => {
    const given = await beat({ ...joining, memberId: '' }, 0)
    expect(given.error).toBe('NONE')
    expect(given.memberId).toMatch(/^[0-9a-f-]{36}$/)
    expect((await beat({ ...joining, memberId: '' }, 1)).error).toBe('INVALID_REQUEST')
  })

  test('hear what is wrong with their epoch, their group, their assignor and their expression', async () => {
    await join('one')
    const errors = [
      await beat({ memberId: 'one', memberEpoch: 7 }),
      await beat({ memberId: 'nobody', memberEpoch: 1 }),
      await beat({ memberId: 'one', memberEpoch: 1, groupId: 'other' }),
      await join('x', { serverAssignor: 'mine' }),
      await join('x', { subscribedTopicRegex: '(' }),
      await join('x', { subscribedTopicRegex: '(a)\\1' }),
      await join('x', { subscribedTopicRegex: '\\At' }),
      await beat({ memberId: 'one', memberEpoch: -2 }),
      await join('x', { subscribedTopicNames: null }),
    ]
    expect(errors.map(({ error }) => error)).toEqual([
      'FENCED_MEMBER_EPOCH',
      'UNKNOWN_MEMBER_ID',
      'UNKNOWN_MEMBER_ID',
      'UNSUPPORTED_ASSIGNOR',
      'INVALID_REGULAR_EXPRESSION',
      'INVALID_REGULAR_EXPRESSION',
      'INVALID_REGULAR_EXPRESSION',
      'INVALID_REQUEST',
      'INVALID_REQUEST',
    ])
    expect(await beat({ memberId: 'one', memberEpoch: 1 })).toMatchObject({ error: 'NONE', memberEpoch: 1 })
  })

  test('that are static keep their place while they are away, and nobody else takes it', async () => {
    await join('one', { instanceId: 'i' })
    expect((await join('two', { instanceId: 'i' })).error).toBe('UNRELEASED_INSTANCE_ID')
    expect(await beat({ memberId: 'one', instanceId: 'i', memberEpoch: -2 })).toMatchObject({
      error: 'NONE',
      memberEpoch: -2,
    })
    expect(await join('two', { instanceId: 'i' })).toMatchObject({ memberEpoch: 1, told: [0, 1, 2, 3] })
    const old = await beat({ memberId: 'one', instanceId: 'i', memberEpoch: 1 })
    expect(old.error).toBe('FENCED_INSTANCE_ID')
  })

  test('that fall silent lose their partitions after the session, those that leave at once', async () => {
    for (const name of ['one', 'two']) await join(name)
    expect(await beat({ memberId: 'two', memberEpoch: -1 })).toMatchObject({ error: 'NONE', memberEpoch: -1 })
    await site.machine.clock.advance(40_000)
    await beat({ memberId: 'one', memberEpoch: 1, topicPartitions: owning('t', [0, 1, 2, 3]) })
    await site.machine.clock.advance(44_000)
    expect((await beat({ memberId: 'one', memberEpoch: 3 })).error).toBe('NONE')
    await site.machine.clock.advance(46_000)
    expect((await beat({ memberId: 'one', memberEpoch: 3 })).error).toBe('UNKNOWN_MEMBER_ID')
  })

  test('that do not give back in time are out, however alive', async () => {
    await join('one')
    await join('two')
    const owned = owning('t', [0, 1, 2, 3])
    for (let second = 0; second < 60; second += 20) {
      expect((await beat({ memberId: 'one', memberEpoch: 1, topicPartitions: owned })).error).toBe('NONE')
      expect((await beat({ memberId: 'two', memberEpoch: 2 })).error).toBe('NONE')
      await site.machine.clock.advance(20_000)
    }
    expect((await beat({ memberId: 'one', memberEpoch: 1 })).error).toBe('UNKNOWN_MEMBER_ID')
    expect(await beat({ memberId: 'two', memberEpoch: 2 })).toMatchObject({ told: [0, 1, 2, 3] })
  })

  test('are as many, and say as much of themselves, as the configuration allows', async () => {
    site = await openSite({ config: { groupMembersMax: 1, groupBytesMax: 20 } })
    expect((await join('one', { subscribedTopicNames: ['x'.repeat(21)] })).error).toBe(
      'GROUP_MAX_SIZE_REACHED',
    )
    expect((await join('one')).error).toBe('NONE')
    expect((await join('two')).error).toBe('GROUP_MAX_SIZE_REACHED')
    expect((await join('one')).error).toBe('NONE')
  })

  test('get topics that are made later, by expression and by more partitions', async () => {
    const subscription = { subscribedTopicNames: null, subscribedTopicRegex: 'logs-.*' }
    expect(await join('one', subscription)).toMatchObject({ memberEpoch: 1, told: [] })
    await site.broker.createTopic('logs-a', { partitions: 2 })
    await site.broker.createTopic('other-logs-a', {})
    expect(await beat({ memberId: 'one', memberEpoch: 1 })).toMatchObject({ memberEpoch: 2, told: [0, 1] })
    await site.broker.alterTopic('logs-a', { partitions: 3 })
    expect(await beat({ memberId: 'one', memberEpoch: 2 })).toMatchObject({ memberEpoch: 3, told: [0, 1, 2] })
    expect(await beat({ memberId: 'one', memberEpoch: 3 })).toMatchObject({ memberEpoch: 3, told: null })
  })

  test('go on with their epochs when the power failed', async () => {
    await join('one')
    await join('two', { instanceId: 'i', subscribedTopicRegex: 't', subscribedTopicNames: [] })
    await commitAs('one', 1)
    const before = await site.ask('ConsumerGroupDescribe', { groupIds: ['g'] })
    site.machine.disk.crash()
    site = await openSite({ machine: site.machine })
    expect(await site.ask('ConsumerGroupDescribe', { groupIds: ['g'] })).toEqual(before)
    const all = owning('t', [0, 1, 2, 3])
    const first = await beat({ memberId: 'one', memberEpoch: 1, topicPartitions: all })
    expect(first).toMatchObject({ error: 'NONE', memberEpoch: 1, told: [0, 1] })
    expect(await beat({ memberId: 'two', memberEpoch: 2 })).toMatchObject({ error: 'NONE', memberEpoch: 2 })
    expect(await fetchAs('one', 1)).toBe(7)
  })
})

describe('the records of a group', () => {
  test('that could not be written are written with the next heartbeat; until then nobody is told', async () => {
    site.machine.disk.intercept = ({ verb, path }) =>
      verb === 'write' && path.includes('__consumer_offsets') ? 'full' : 'go'
    expect((await join('one')).error).toBe('COORDINATOR_NOT_AVAILABLE')
    site.machine.disk.intercept = null
    expect(await join('one')).toMatchObject({ error: 'NONE', memberEpoch: 1, told: [0, 1, 2, 3] })
    site.machine.disk.crash()
    site = await openSite({ machine: site.machine })
    expect(await beat({ memberId: 'one', memberEpoch: 1 })).toMatchObject({ error: 'NONE', memberEpoch: 1 })
  })

  test('are written anew when the log rolls', async () => {
    const config = { segmentBytes: 8 * 1024 }
    await site[Symbol.asyncDispose]()
    site = await openSite({ machine: site.machine, config })
    await join('one', { instanceId: 'i', subscribedTopicRegex: 't.*' })
    const log = site.broker.partition('__consumer_offsets', 0)
    for (let n = 0; log === null || log.startOffset === 0; n += 1) {
      await join(`guest-${n}`, { groupId: 'other' })
      await beat({ memberId: `guest-${n}`, memberEpoch: -1, groupId: 'other' })
      if (n > 500) throw new Error('the log never rolled')
    }
    const before = await site.ask('ConsumerGroupDescribe', { groupIds: ['g', 'other'] })
    site.machine.disk.crash()
    site = await openSite({ machine: site.machine, config })
    expect(await site.ask('ConsumerGroupDescribe', { groupIds: ['g', 'other'] })).toEqual(before)
  })
})

describe('offsets', () => {
  test('are committed and fetched with the epoch of the member', async () => {
    await join('one')
    expect(await commitAs('one', 1)).toBe('NONE')
    expect(await commitAs('one', 2)).toBe('STALE_MEMBER_EPOCH')
    expect(await commitAs('one', 2, 8)).toBe('UNSUPPORTED_VERSION')
    expect(await commitAs('nobody', 1)).toBe('UNKNOWN_MEMBER_ID')
    expect(await commitAs('', -1)).toBe('UNKNOWN_MEMBER_ID')
    expect(await fetchAs('one', 1)).toBe(7)
    expect(await fetchAs(null, -1)).toBe(7)
    expect(await fetchAs('one', 0)).toBe('STALE_MEMBER_EPOCH')
    expect(await fetchAs('nobody', 1)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('are anybody\u2019s when the group is empty, and stay when its type changes', async () => {
    await join('one')
    await commitAs('one', 1)
    expect((await site.ask('JoinGroup', classic, { version: 2 })).errorCode).toBe(
      kafkaErrors.INCONSISTENT_GROUP_PROTOCOL,
    )
    await beat({ memberId: 'one', memberEpoch: -1 })
    expect(await commitAs('', -1)).toBe('NONE')
    const member = await site.ask('JoinGroup', classic, { version: 2 })
    expect(member.errorCode).toBe(0)
    expect((await join('two')).error).toBe('GROUP_ID_NOT_FOUND')
    await site.ask('LeaveGroup', { groupId: 'g', memberId: member.memberId }, { version: 2 })
    expect((await join('two')).error).toBe('NONE')
    expect(await fetchAs(null, -1)).toBe(7)
    site.machine.disk.crash()
    site = await openSite({ machine: site.machine })
    expect((await beat({ memberId: 'two', memberEpoch: 1 })).error).toBe('NONE')
  })

  test('of topics that a member reads are not deleted', async () => {
    await join('one')
    await commitAs('one', 1)
    const asked = { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] }
    const [topic] = (await site.ask('OffsetDelete', asked)).topics
    expect(topic?.partitions[0]?.errorCode).toBe(kafkaErrors.GROUP_SUBSCRIBED_TO_TOPIC)
  })
})

describe('an operator', () => {
  test('lists groups by type and state', async () => {
    await join('one')
    const list = async (body: object) => (await site.ask('ListGroups', body)).groups
    const shown = { groupId: 'g', groupType: 'Consumer', groupState: 'Stable', protocolType: 'consumer' }
    expect(await list({ typesFilter: ['consumer'] })).toEqual([shown])
    expect(await list({ typesFilter: ['classic'] })).toEqual([])
    expect(await list({ statesFilter: ['reconciling'] })).toEqual([])
  })

  test('describes a group by the API of its protocol', async () => {
    await join('one')
    await join('two', { subscribedTopicRegex: 't.*' })
    const { groups } = await site.ask('ConsumerGroupDescribe', { groupIds: ['g', 'other'] })
    const topicId = site.broker.findTopic('t')?.id
    const partitions = (...numbers: number[]) => ({
      topicPartitions: [{ topicId, topicName: 't', partitions: numbers }],
    })
    expect(groups).toMatchObject([
      {
        ...{ groupId: 'g', groupState: 'Reconciling', groupEpoch: 2, assignmentEpoch: 2 },
        assignorName: 'uniform',
        members: [
          { memberId: 'one', memberEpoch: 1, assignment: partitions(0, 1, 2, 3), memberType: 1 },
          { memberId: 'two', subscribedTopicRegex: 't.*', targetAssignment: partitions(2, 3) },
        ],
      },
      { groupId: 'other', errorCode: kafkaErrors.GROUP_ID_NOT_FOUND },
    ])
    const older = await site.ask('DescribeGroups', { groups: ['g'] })
    expect(older.groups).toMatchObject([{ groupState: 'Dead', errorCode: 0 }])
  })

  test('deletes a group once it is empty, for good', async () => {
    const remove = async () => (await site.ask('DeleteGroups', { groupsNames: ['g'] })).results[0]?.errorCode
    await join('one')
    await commitAs('one', 1)
    expect(await remove()).toBe(kafkaErrors.NON_EMPTY_GROUP)
    await beat({ memberId: 'one', memberEpoch: -1 })
    expect(await remove()).toBe(0)
    site.machine.disk.crash()
    site = await openSite({ machine: site.machine })
    expect((await site.ask('ListGroups', {})).groups).toEqual([])
  })

  test('is told that the cluster has the feature; of features from 0 only what can read them', async () => {
    const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
    const features = async (version: number) => {
      const answer = await site.ask('ApiVersions', software, { version })
      return { supported: answer.supportedFeatures, agreed: answer.finalizedFeatures }
    }
    const agreed = [{ name: 'group.version', maxVersionLevel: 1, minVersionLevel: 1 }]
    expect(await features(3)).toEqual({ agreed, supported: [] })
    const supported = [{ name: 'group.version', minVersion: 0, maxVersion: 1 }]
    expect(await features(4)).toEqual({ agreed, supported })
  })
})
