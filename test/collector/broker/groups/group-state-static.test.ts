// One consumer group, rule by rule: static members, and who may commit.
import { describe, expect, test } from 'vitest'
import { encodeSubscription } from '../../../../collector/broker/groups/group-protocol.ts'
import { GroupScript, rebalanceMs } from './group-script.ts'

describe('a static member (KIP-345)', () => {
  const request = { instanceId: 'one', protocols: [{ name: 'range', metadata: encodeSubscription(['t']) }] }

  test('that comes back without its id takes over without a round; its old self is fenced', () => {
    const script = new GroupScript()
    const [leader = ''] = script.stable(1, { protocols: request.protocols })
    const joined = script.join(request)
    script.join({ memberId: leader, protocols: request.protocols })
    const old = script.joined(joined).memberId
    const assignments = [{ memberId: old, assignment: Buffer.from('mine') }]
    script.sync({ memberId: leader, generationId: 2, assignments })
    script.sync({ memberId: old, generationId: 2, instanceId: 'one' })
    script.autoStore = false
    const back = script.join(request)
    expect(script.joins.has(back)).toBe(false)
    script.durable()
    const { memberId, generationId } = script.joined(back)
    expect({ generationId, leader: script.joined(back).leader }).toEqual({ generationId: 2, leader })
    expect(script.group.phase).toBe('Stable')
    expect(script.synced(script.sync({ memberId, generationId, instanceId: 'one' }))).toBe('mine')
    expect(script.heartbeat(old, 2, 'one')).toBe('FENCED_INSTANCE_ID')
    expect(script.heartbeat(old, 2)).toBe('UNKNOWN_MEMBER_ID')
    expect(script.joined(script.join({ ...request, memberId: old })).error).toBe('FENCED_INSTANCE_ID')
    expect(script.synced(script.sync({ memberId: old, generationId, instanceId: 'one' }))).toBe(
      'FENCED_INSTANCE_ID',
    )
    const commit = { memberId: old, generationId, instanceId: 'one' }
    expect(script.group.checkCommit(commit, false, script.now)).toBe('FENCED_INSTANCE_ID')
  })

  test('that leads and comes back is kept from assigning anew: by the flag, or by the name of its old self', () => {
    const script = new GroupScript()
    const [old = ''] = script.stable(1, request)
    const flagged = script.joined(script.join({ ...request, knowsSkipAssignment: true }))
    expect(flagged).toMatchObject({ skipAssignment: true, leader: flagged.memberId })
    expect(flagged.members).toHaveLength(1)
    const plain = script.joined(script.join(request))
    expect(plain).toMatchObject({ skipAssignment: false, leader: flagged.memberId, members: [] })
    expect(plain.memberId).not.toBe(flagged.memberId)
    expect(script.heartbeat(old, 1, 'one')).toBe('FENCED_INSTANCE_ID')
  })

  test('with another subscription begins a round; what it owned last does not count', () => {
    const script = new GroupScript()
    script.stable(1, request)
    const owned = Buffer.concat([encodeSubscription(['t']), Buffer.from('and what it owned')])
    script.join({ ...request, protocols: [{ name: 'range', metadata: owned }] })
    expect(script.group.phase).toBe('Stable')
    const other = [{ name: 'range', metadata: encodeSubscription(['t', 'u']) }]
    expect(script.joined(script.join({ ...request, protocols: other })).generationId).toBe(2)
  })

  test('keeps its place in a round it misses, until its session ends', () => {
    const script = new GroupScript()
    const sessionTimeoutMs = 100_000
    script.stable(1, { ...request, sessionTimeoutMs })
    const other = script.join({ protocols: request.protocols })
    script.advance(rebalanceMs)
    const answer = script.joined(other)
    expect(answer.members.map((member) => member.instanceId)).toEqual(['one', null])
    expect(answer.leader).toBe(answer.memberId)
    for (let passed = 0; passed < 40_000; passed += 5000) {
      script.heartbeat(answer.memberId, 2)
      script.advance(5000)
    }
    expect(script.group.members.size).toBe(1)
  })

  test('leaves by its instance id alone; another member id is fenced', () => {
    const script = new GroupScript()
    script.stable(1, request)
    const leave = (memberId: string, instanceId: string) =>
      script.group.leave([{ memberId, instanceId }], script.now)
    expect(leave('x', 'one')).toEqual(['FENCED_INSTANCE_ID'])
    expect(leave('', 'two')).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(leave('', 'one')).toEqual(['NONE'])
    expect(script.group.phase).toBe('Empty')
  })

  test('that comes back while its join still waits takes its place', () => {
    const script = new GroupScript({ initialDelayMs: 3000 })
    const first = script.join(request)
    const second = script.join(request)
    expect(script.joined(first).error).toBe('FENCED_INSTANCE_ID')
    script.advance(6000)
    expect(script.joined(second)).toMatchObject({ error: 'NONE', memberId: 'm2', leader: 'm2' })
  })
})

describe('commits', () => {
  test('come from members of this generation, or from nobody while there are no members', () => {
    const script = new GroupScript()
    const nobody = { memberId: '', generationId: -1, instanceId: null }
    expect(script.group.checkCommit(nobody, false, script.now)).toBe('NONE')
    const [memberId = ''] = script.stable(1)
    const check = (request: object, isTransactional = false) =>
      script.group.checkCommit(
        { memberId, generationId: 1, instanceId: null, ...request },
        isTransactional,
        script.now,
      )
    expect(check({})).toBe('NONE')
    expect(check({ generationId: 0 })).toBe('ILLEGAL_GENERATION')
    expect(check({ memberId: 'x' })).toBe('UNKNOWN_MEMBER_ID')
    expect(check(nobody)).toBe('UNKNOWN_MEMBER_ID')
    expect(check(nobody, true)).toBe('NONE')
    script.join()
    expect(check({})).toBe('NONE')
    script.join({ memberId })
    expect(check({ generationId: 2 })).toBe('REBALANCE_IN_PROGRESS')
    expect(check({ generationId: 2 }, true)).toBe('NONE')
  })
})
