// One consumer group, rule by rule: who may join, when a round is over, who leads, who is told what.
import { describe, expect, test } from 'vitest'
import { GroupScript, protocol, rebalanceMs, sessionMs } from './group-script.ts'

describe('joining', () => {
  test('KIP-394: a client that knows it is told an id first, and comes with it', () => {
    const script = new GroupScript()
    const told = script.joined(script.join({ knowsMemberIdRequired: true }))
    expect(told).toMatchObject({ error: 'MEMBER_ID_REQUIRED', memberId: 'm1', generationId: -1 })
    expect(script.group.phase).toBe('Empty')
    const joined = script.joined(script.join({ knowsMemberIdRequired: true, memberId: told.memberId }))
    expect(joined).toMatchObject({ error: 'NONE', memberId: 'm1', leader: 'm1', generationId: 1 })
  })

  test('an id that was told and not used is forgotten after the session timeout', () => {
    const script = new GroupScript()
    const { memberId } = script.joined(script.join({ knowsMemberIdRequired: true }))
    expect(script.group.isVacant).toBe(false)
    script.advance(sessionMs)
    expect(script.group.isVacant).toBe(true)
    expect(script.joined(script.join({ memberId })).error).toBe('UNKNOWN_MEMBER_ID')
  })

  test('old clients and static members are let in at once', () => {
    expect(new GroupScript().stable(1)).toEqual(['m1'])
    const script = new GroupScript()
    const joined = script.joined(script.join({ knowsMemberIdRequired: true, instanceId: 'i' }))
    expect(joined).toMatchObject({ error: 'NONE', memberId: 'm1' })
  })

  test('the first members of an empty group wait for others, longer while they come', () => {
    const script = new GroupScript({ initialDelayMs: 3000 })
    const first = script.join()
    script.advance(2000)
    const second = script.join()
    script.advance(1000)
    expect(script.joins.has(first)).toBe(false)
    script.advance(3000)
    expect(script.joined(first)).toMatchObject({ generationId: 1, leader: 'm1' })
    expect(script.joined(first).members.map((member) => member.memberId)).toEqual(['m1', 'm2'])
    expect(script.joined(second)).toMatchObject({ generationId: 1, leader: 'm1', members: [] })
  })

  test('newcomers cannot draw the first round out for longer than the rebalance timeout', () => {
    const script = new GroupScript({ initialDelayMs: 3000 })
    const first = script.join({ rebalanceTimeoutMs: 8000 })
    for (let i = 0; i < 7; i += 1) {
      script.advance(1000)
      script.join({ rebalanceTimeoutMs: 8000 })
    }
    script.advance(1000)
    expect(script.joined(first).generationId).toBe(1)
  })

  test('another protocol type, or no protocol that all know, is refused', () => {
    const script = new GroupScript()
    script.stable(1, { protocols: [protocol('range'), protocol('roundrobin')] })
    const errorOf = (request: object) => script.joined(script.join(request)).error
    expect(errorOf({ protocolType: 'connect' })).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(errorOf({ protocols: [protocol('sticky')] })).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(errorOf({ protocols: [] })).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(errorOf({ protocolType: '' })).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(script.group.phase).toBe('Stable')
  })

  test('the protocol most members like best among those that all know is chosen', () => {
    const script = new GroupScript()
    const [a, b, c, d] = ['sticky', 'range', 'roundrobin', 'only-one'].map((name) => protocol(name))
    if (a === undefined || b === undefined || c === undefined || d === undefined) return
    const first = script.joined(script.join({ protocols: [d, a, b, c] })).memberId
    script.join({ protocols: [b, a, c] })
    script.join({ protocols: [b, c, a] })
    const answer = script.joined(script.join({ memberId: first, protocols: [d, a, b, c] }))
    expect(answer.protocolName).toBe('range')
    expect(answer.members.map(({ metadata }) => new TextDecoder().decode(metadata))).toEqual([
      'range',
      'range',
      'range',
    ])
  })

  test('a full group takes nobody more; its members come back', () => {
    const script = new GroupScript({ membersMax: 2 })
    const [first = '', second = ''] = script.stable(2)
    expect(script.joined(script.join()).error).toBe('GROUP_MAX_SIZE_REACHED')
    const back = script.join({ memberId: first })
    script.join({ memberId: second })
    expect(script.joined(back).error).toBe('NONE')
  })

  test('ids that were told hold a place, so that nobody fills the memory with them', () => {
    const script = new GroupScript({ membersMax: 3 })
    const errors = [1, 2, 3, 4].map(() => script.joined(script.join({ knowsMemberIdRequired: true })).error)
    expect(errors).toEqual([
      'MEMBER_ID_REQUIRED',
      'MEMBER_ID_REQUIRED',
      'MEMBER_ID_REQUIRED',
      'GROUP_MAX_SIZE_REACHED',
    ])
  })
})

describe('a round', () => {
  test('is over when all have come back, without those that left meanwhile', () => {
    const script = new GroupScript()
    const [first = '', second = '', third = ''] = script.stable(3)
    const newcomer = script.join()
    expect(script.heartbeat(second)).toBe('REBALANCE_IN_PROGRESS')
    script.join({ memberId: first })
    script.join({ memberId: second })
    expect(script.joins.has(newcomer)).toBe(false)
    script.leave(third)
    expect(script.joined(newcomer).generationId).toBe(script.group.generation)
    expect(script.group.members.size).toBe(3)
  })

  test('leaves out who does not come in time', () => {
    const script = new GroupScript()
    const [first = '', second = ''] = script.stable(2)
    const newcomer = script.join()
    const back = script.join({ memberId: second })
    for (let passed = 0; passed < rebalanceMs; passed += 5000) {
      script.heartbeat(first, 2)
      script.advance(5000)
    }
    expect(script.joined(newcomer)).toMatchObject({ error: 'NONE', generationId: 3, leader: second })
    expect(script.joined(back).members.map((member) => member.memberId)).toEqual([
      second,
      script.joined(newcomer).memberId,
    ])
    expect(script.heartbeat(first, 2)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('waits for the longest rebalance timeout among the members', () => {
    const script = new GroupScript()
    const [first = ''] = script.stable(1, { sessionTimeoutMs: 1_000_000, rebalanceTimeoutMs: 90_000 })
    const newcomer = script.join()
    script.advance(89_999)
    expect(script.joins.has(newcomer)).toBe(false)
    script.advance(1)
    expect(script.joined(newcomer).leader).toBe('m2')
    expect(script.heartbeat(first, 1)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('begins when a member falls silent; a member that waits never does', () => {
    const script = new GroupScript()
    const [first = '', second = ''] = script.stable(2)
    script.advance(sessionMs - 1)
    script.heartbeat(second)
    script.advance(1)
    expect(script.heartbeat(second)).toBe('REBALANCE_IN_PROGRESS')
    const back = script.join({ memberId: second })
    expect(script.joined(back)).toMatchObject({ generationId: 3, leader: second })
    expect(script.heartbeat(first, 2)).toBe('UNKNOWN_MEMBER_ID')
    script.join()
    script.join({ memberId: second })
    script.advance(sessionMs * 2)
    expect(script.group.members.size).toBe(0)
  })

  test('an answer that was lost is given again; a leader of a stable group assigns anew', () => {
    const script = new GroupScript()
    const [leader = '', follower = ''] = script.stable(2)
    expect(script.joined(script.join({ memberId: follower }))).toMatchObject({ generationId: 2, leader })
    expect(script.group.phase).toBe('Stable')
    const again = script.join({ memberId: leader })
    expect(script.group.phase).toBe('PreparingRebalance')
    script.join({ memberId: follower })
    expect(script.joined(again).generationId).toBe(3)
    expect(script.joined(script.join({ memberId: leader })).members).toHaveLength(2)
    expect(script.group.phase).toBe('CompletingRebalance')
  })

  test('begins when a member subscribes to something else', () => {
    const script = new GroupScript()
    const [, follower = ''] = script.stable(2)
    script.join({ memberId: follower, protocols: [protocol('range', 'other')] })
    expect(script.group.phase).toBe('PreparingRebalance')
  })

  test('a join that is asked again takes the place of the first, which hears of it', () => {
    const script = new GroupScript()
    const [leader = '', follower = ''] = script.stable(2)
    script.join()
    const first = script.join({ memberId: follower })
    const second = script.join({ memberId: follower })
    expect(script.joined(first)).toMatchObject({ error: 'REBALANCE_IN_PROGRESS', memberId: follower })
    script.join({ memberId: leader })
    expect(script.joined(second).error).toBe('NONE')
  })

  test('a member whose connection is gone does not hold it up beyond its session', () => {
    const script = new GroupScript()
    const [leader = '', follower = ''] = script.stable(2)
    const newcomer = script.join()
    script.group.drop(script.join({ memberId: follower }), script.now)
    script.join({ memberId: leader })
    expect(script.joins.has(newcomer)).toBe(false)
    script.advance(sessionMs)
    expect(script.joined(newcomer).error).toBe('NONE')
    expect(script.group.members.size).toBe(2)
  })

  test('a member without an id whose connection is gone is gone too', () => {
    const script = new GroupScript()
    const [leader = ''] = script.stable(1)
    const ghost = script.join()
    const back = script.join({ memberId: leader })
    // Both joined: the next round is over at once. A ghost that waits alone:
    expect(script.joined(back).generationId).toBe(2)
    expect(script.joined(ghost).memberId).toBe('m2')
    const other = script.join()
    script.group.drop(other, script.now)
    script.settle()
    expect(script.group.members.size).toBe(2)
  })

  test('everybody who leaves at once makes the group empty, and that is kept', () => {
    const script = new GroupScript()
    const ids = script.stable(3)
    script.autoStore = false
    expect(script.leave(...ids, 'nobody')).toEqual(['NONE', 'NONE', 'NONE', 'UNKNOWN_MEMBER_ID'])
    expect(script.group.phase).toBe('Empty')
    expect(script.stores[0]?.record).toMatchObject({ protocolType: 'consumer', generation: 4, members: [] })
  })
})

describe('assignments', () => {
  test('are handed out once they are durable', () => {
    const script = new GroupScript()
    script.autoStore = false
    const leader = script.joined(script.join()).memberId
    const assignments = [{ memberId: leader, assignment: Buffer.from('all') }]
    const sync = script.sync({ memberId: leader, generationId: 1, assignments })
    expect(script.synced(sync)).toBe('waits')
    expect(script.stores[0]?.record).toMatchObject({ generation: 1, leader, protocol: 'range' })
    script.durable()
    expect(script.synced(sync)).toBe('all')
    expect(script.group.phase).toBe('Stable')
  })

  test('a disk that fails is no assignment: everybody joins again', () => {
    const script = new GroupScript()
    script.autoStore = false
    const leader = script.joined(script.join()).memberId
    const sync = script.sync({ memberId: leader, generationId: 1 })
    script.durable(false)
    expect(script.synced(sync)).toBe('COORDINATOR_NOT_AVAILABLE')
    expect(script.heartbeat(leader, 1)).toBe('REBALANCE_IN_PROGRESS')
  })

  test('followers wait for the leader; who comes late gets the same', () => {
    const script = new GroupScript()
    const ids = script.stable(3)
    const back = ids.map((memberId) => script.join({ memberId, protocols: [protocol('range', 'new')] }))
    const { generationId, leader } = script.joined(back[0] ?? 0)
    const follower = ids[1] ?? ''
    const early = script.sync({ memberId: follower, generationId })
    expect(script.synced(early)).toBe('waits')
    const assignments = ids.map((memberId) => ({ memberId, assignment: Buffer.from(`for ${memberId}`) }))
    script.sync({ memberId: leader, generationId, assignments })
    expect(script.synced(early)).toBe(`for ${follower}`)
    expect(script.synced(script.sync({ memberId: ids[2] ?? '', generationId }))).toBe(`for ${ids[2]}`)
    expect(script.synced(script.sync({ memberId: follower, generationId }))).toBe(`for ${follower}`)
  })

  test('who waits for one hears of a new round', () => {
    const script = new GroupScript()
    const [leader = '', follower = ''] = script.stable(2)
    script.join({ memberId: leader })
    script.join({ memberId: follower })
    const sync = script.sync({ memberId: follower, generationId: 3 })
    script.join()
    expect(script.synced(sync)).toBe('REBALANCE_IN_PROGRESS')
    expect(script.synced(script.sync({ memberId: follower, generationId: 3 }))).toBe('REBALANCE_IN_PROGRESS')
  })

  test('a wrong generation, member or protocol gets none', () => {
    const script = new GroupScript()
    const [memberId = ''] = script.stable(1)
    const errorOf = (request: object) => script.synced(script.sync({ memberId, generationId: 1, ...request }))
    expect(errorOf({ generationId: 0 })).toBe('ILLEGAL_GENERATION')
    expect(errorOf({ memberId: 'x' })).toBe('UNKNOWN_MEMBER_ID')
    expect(errorOf({ protocolName: 'sticky' })).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(errorOf({ protocolType: 'connect' })).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(errorOf({ protocolType: 'consumer', protocolName: 'range' })).toBe(memberId)
  })

  test('who never asks for its own is taken out after the rebalance timeout', () => {
    const script = new GroupScript()
    const [leader = '', follower = ''] = script.stable(2)
    script.join({ memberId: leader })
    script.join({ memberId: follower })
    script.sync({ memberId: leader, generationId: 3 })
    expect(script.group.phase).toBe('Stable')
    for (let passed = 0; passed < rebalanceMs; passed += 5000) {
      for (const memberId of [leader, follower]) script.heartbeat(memberId, 3)
      script.advance(5000)
    }
    expect(script.heartbeat(follower, 3)).toBe('UNKNOWN_MEMBER_ID')
    expect(script.heartbeat(leader, 3)).toBe('REBALANCE_IN_PROGRESS')
  })

  test('a leader that never assigns is taken out, and another leads', () => {
    const script = new GroupScript()
    const [leader = '', follower = ''] = script.stable(2)
    script.join({ memberId: leader })
    script.join({ memberId: follower })
    const sync = script.sync({ memberId: follower, generationId: 3 })
    for (let passed = 0; passed < rebalanceMs; passed += 5000) {
      script.heartbeat(leader, 3)
      script.advance(5000)
    }
    expect(script.synced(sync)).toBe('REBALANCE_IN_PROGRESS')
    expect(script.joined(script.join({ memberId: follower }))).toMatchObject({ leader: follower })
  })
})
