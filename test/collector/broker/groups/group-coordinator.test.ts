// Members of groups on a simulated machine: requests that wait, time, disconnects, restarts.
import { beforeEach, describe, expect, test } from 'vitest'
import type { JoinRequest } from '../../../../collector/broker/groups/group-types.ts'
import { bytes, type CoordinatorScript, offset, openCoordinator } from './group-coordinator-script.ts'

let on: CoordinatorScript

beforeEach(async () => {
  on = await openCoordinator()
})

describe('membership', () => {
  test('a join that begins the first generation is answered after the delay, by the timer', async () => {
    on = await openCoordinator({ groupInitialDelayMs: 3000 })
    let answered = 0
    const joins = [on.join(), on.join()].map(async (answer) => {
      const { error } = await answer
      answered += 1
      return error
    })
    await on.world.clock.advance(2999)
    expect(answered).toBe(0)
    await on.world.clock.advance(6000)
    expect(await Promise.all(joins)).toEqual(['NONE', 'NONE'])
  })

  test('a member that falls silent is taken out by the timer', async () => {
    const first = await on.member()
    const waiting = on.join()
    await on.world.clock.advance(10_000)
    const second = await waiting
    expect(second).toMatchObject({ error: 'NONE', leader: second.memberId })
    expect(on.heartbeat(first)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('heartbeats keep a member, and set no timer anew', async () => {
    const joined = await on.member()
    for (let i = 0; i < 20; i += 1) {
      await on.world.clock.advance(3000)
      expect(on.heartbeat(joined)).toBe('NONE')
    }
    expect(on.coordinator.listGroups()).toEqual([
      expect.objectContaining({ group: 'g', phase: 'Stable', protocolType: 'consumer' }),
    ])
  })

  test('session timeouts out of bounds, bad group names and large metadata are refused', async () => {
    const errorOf = async (request: Partial<JoinRequest>, group = 'g') =>
      (await on.join(request, group)).error
    expect(await errorOf({ sessionTimeoutMs: 5999 })).toBe('INVALID_SESSION_TIMEOUT')
    expect(await errorOf({ sessionTimeoutMs: 1_800_001 })).toBe('INVALID_SESSION_TIMEOUT')
    expect(await errorOf({}, '')).toBe('INVALID_GROUP_ID')
    expect(await errorOf({}, 'x'.repeat(256))).toBe('INVALID_GROUP_ID')
    expect(await errorOf({ memberId: 'x' })).toBe('UNKNOWN_MEMBER_ID')
    const large = { name: 'range', metadata: new Uint8Array(9 * 1024 * 1024) }
    expect(await errorOf({ protocols: [large] })).toBe('GROUP_MAX_SIZE_REACHED')
    expect(await errorOf({ instanceId: 'x'.repeat(256) })).toBe('INVALID_REQUEST')
    expect(on.coordinator.listGroups()).toEqual([])
  })

  test('a client that goes away while its join waits, and knows no id, is gone', async () => {
    const first = await on.member()
    const gone = new AbortController()
    const ghost = on.join({}, 'g', gone.signal)
    gone.abort()
    expect((await ghost).error).toBe('UNKNOWN_MEMBER_ID')
    expect((await on.join({ memberId: first.memberId })).members).toHaveLength(1)
  })

  test('more members than there is memory for are refused, whatever group they are in', async () => {
    on = await openCoordinator({ groupBytesAllMax: 5000 })
    const errors: string[] = []
    for (let group = 0; group < 8; group += 1) errors.push((await on.join({}, `g${group}`)).error)
    expect(errors.filter((error) => error === 'NONE')).toHaveLength(4)
    expect(errors.at(-1)).toBe('GROUP_MAX_SIZE_REACHED')
  })

  test('who was told an id to come with takes memory as a member does, until its time is over', async () => {
    on = await openCoordinator({ groupBytesAllMax: 2500 })
    const ask = async (memberId = '') =>
      await on.join({ memberId, instanceId: null, knowsMemberIdRequired: true, sessionTimeoutMs: 6_000 })
    const invited = await ask()
    expect(invited.error).toBe('MEMBER_ID_REQUIRED')
    expect((await ask()).error).toBe('MEMBER_ID_REQUIRED')
    expect((await ask()).error).toBe('GROUP_MAX_SIZE_REACHED')
    await on.world.clock.advance(6_000)
    expect((await ask()).error).toBe('MEMBER_ID_REQUIRED')
    expect((await ask(invited.memberId)).error).toBe('UNKNOWN_MEMBER_ID')
  })

  test('what members were assigned takes memory too, also after a restart, until their group has other members', async () => {
    on = await openCoordinator({ groupBytesAllMax: 5_000 })
    const errors: string[] = []
    const sync = async (group: string, length: number) => {
      const joined = await on.join({}, group)
      errors.push((await on.sync(joined, group, new Uint8Array(length))).error)
      return joined
    }
    const member = await sync('one', 2_000)
    on.leave(await sync('two', 2_000), 'two')
    await sync('three', 500)
    expect(errors).toEqual(['NONE', 'UNKNOWN_SERVER_ERROR', 'NONE'])
    await on.restart()
    expect((await on.join({}, 'four')).error).toBe('GROUP_MAX_SIZE_REACHED')
    on.leave(member, 'one')
    await expect.poll(async () => (await on.join({}, 'four')).error).toBe('NONE')
  })

  test('who reads much takes the room of those who come later', async () => {
    on = await openCoordinator({ groupBytesAllMax: 30_000 })
    await on.broker.createTopic('wide', { partitions: 100 })
    await on.tell('one', 0, ['wide'])
    await on.tell('two', 0, ['wide'])
    await expect(on.tell('three', 0, ['wide'])).rejects.toMatchObject({ error: 'GROUP_MAX_SIZE_REACHED' })
    await on.tell('one', -1, ['wide'])
    expect(await on.tell('three', 0, ['wide'])).toMatchObject({ memberEpoch: 1 })
  })

  test('a member that joins again needs no more room than it has', async () => {
    on = await openCoordinator({ groupBytesMax: 1_500, groupBytesAllMax: 2_600 })
    const large = (length: number) => [{ name: 'range', metadata: new Uint8Array(length) }]
    const one = await on.member({ protocols: large(1_000) })
    const { memberId } = one
    const join = (length: number) => on.join({ memberId, protocols: large(length) })
    expect((await join(1_000)).error).toBe('NONE')
    expect((await join(1_500)).error).toBe('NONE')
    expect((await join(1_501)).error).toBe('GROUP_MAX_SIZE_REACHED')
    expect((await on.join({ memberId: '' }, 'other')).error).toBe('GROUP_MAX_SIZE_REACHED')
  })

  test('members of both protocols share the memory, who says more later takes more, who leaves makes room', async () => {
    on = await openCoordinator({ groupBytesAllMax: 8400 })
    const full = { error: 'GROUP_MAX_SIZE_REACHED' }
    await on.tell('one', 0, ['t'])
    await on.tell('two', 0, ['t'])
    await expect(on.tell('three', 0, ['t'])).rejects.toMatchObject(full)
    await expect(on.tell('two', 1, ['x'.repeat(2000)])).rejects.toMatchObject(full)
    expect(await on.tell('two', 1, ['t'])).toMatchObject({ memberEpoch: 1 })
    const errors: string[] = []
    for (let group = 0; group < 4; group += 1) errors.push((await on.join({}, `g${group}`)).error)
    expect(errors).toEqual(['NONE', ...new Array(3).fill('GROUP_MAX_SIZE_REACHED')])
    await on.tell('one', -1, [])
    expect((await on.join({}, 'after')).error).toBe('NONE')
  })

  test('a member whose connection broke while it waited expires after its session', async () => {
    const first = await on.member()
    const gone = new AbortController()
    const waiting = on.join({ knowsMemberIdRequired: true })
    const { memberId } = await waiting
    const lost = on.join({ memberId, knowsMemberIdRequired: true }, 'g', gone.signal)
    gone.abort()
    expect((await lost).error).toBe('UNKNOWN_MEMBER_ID')
    const back = on.join({ memberId: first.memberId })
    await on.world.clock.advance(10_000)
    expect((await back).members).toHaveLength(1)
  })

  test('after a restart members go on: their generation, their assignment, their static ids', async () => {
    const joined = await on.member({ instanceId: 'i' })
    await on.restart()
    const identity = { memberId: joined.memberId, generationId: 1, instanceId: 'i' }
    expect(on.coordinator.heartbeat('g', identity)).toBe('NONE')
    const [described] = [on.coordinator.describeGroup('g')]
    expect(described).toMatchObject({ phase: 'Stable', protocol: 'range', protocolType: 'consumer' })
    expect(described?.members[0]).toMatchObject({
      instanceId: 'i',
      clientId: 'client',
      clientHost: '/127.0.0.1',
    })
    expect(described?.members[0]?.assignment).toEqual(bytes('everything'))
    expect(await on.commit([offset('t', 0, 5)], identity)).toEqual(['NONE'])
    await on.world.clock.advance(10_000)
    expect(on.coordinator.describeGroup('g')?.phase).toBe('Empty')
    expect((await on.join()).generationId).toBe(3)
  })

  test('a generation whose assignments were not durable before a crash is not owned by anybody', async () => {
    const joined = await on.member()
    const again = await on.join({ memberId: joined.memberId })
    expect(again.generationId).toBe(2)
    await on.restart()
    expect(on.heartbeat(again)).toBe('ILLEGAL_GENERATION')
    expect(on.heartbeat(joined)).toBe('NONE')
  })

  test('shutting down answers everybody who waits', async () => {
    await on.member()
    const waiting = on.join()
    await on.broker[Symbol.asyncDispose]()
    expect((await waiting).error).toBe('COORDINATOR_NOT_AVAILABLE')
  })
})

test('200 groups of 20 members: one timer a group', async () => {
  for (let group = 0; group < 200; group += 1) {
    const ids: string[] = []
    for (let i = 0; i < 20; i += 1) {
      const { memberId } = await on.join({ knowsMemberIdRequired: true }, `g${group}`)
      ids.push(memberId)
    }
    const joins = ids.map((memberId) => on.join({ memberId, knowsMemberIdRequired: true }, `g${group}`))
    await Promise.all(joins)
  }
  expect(on.world.clock.sleeping).toBeLessThan(220)
})
