// What a group of the newer protocol takes in memory: its members, what they read, and what their expressions matched.
import { expect, test } from 'vitest'
import type { ConsumerGroup } from '../../../../../collector/broker/groups/consumer-groups/consumer-group.ts'
import { partitionSet } from '../../../../../collector/broker/groups/consumer-groups/partition-set.ts'
import { groupOf, ModelTopics } from './consumer-model.ts'

const topics = new ModelTopics()
for (let topic = 0; topic < 200; topic += 1) topics.set(`t${topic}`, 3)

/** What the group takes more once the member has asked. */
function grownBy(group: ConsumerGroup, memberId: string, memberEpoch: number, topicRegex: string): number {
  const before = group.memoryBytes
  const facts = { instanceId: null, rackId: null, clientId: 'c', clientHost: '/127.0.0.1' }
  const said = { topicNames: null, topicRegex, assignor: null, owned: partitionSet([]) }
  const asks = { memberId, memberEpoch, rebalanceTimeoutMs: 60_000, isVisible: () => true }
  group.heartbeat({ ...facts, ...said, ...asks }, topics, 0)
  return group.memoryBytes - before
}

test('it grows by partitions and by topics that an expression matched, and is nothing once all have left', () => {
  const group = groupOf('g')
  const one = grownBy(group, 'one', 0, 't.*')
  expect(one).toBeGreaterThan(600 * 150)
  // All is taken: it only has its expression.
  const two = grownBy(group, 'two', 0, 't.*|u')
  expect(two).toBeGreaterThan(200 * 30)
  expect(two).toBeLessThan(one / 3)
  // The same expression is matched once.
  expect(grownBy(group, 'three', 0, 't.*')).toBeLessThan(two / 2)
  for (const member of ['one', 'two', 'three']) grownBy(group, member, -1, '')
  expect(group.memoryBytes).toBe(0)
})
