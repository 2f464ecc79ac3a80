// The cluster of one node: nobody has to be elected, nothing can move, and clients that ask are told so.
import { expect, test } from 'vitest'
import { openSite, type Site } from './asking.ts'

async function siteWithTopic(): Promise<Site> {
  const site = await openSite()
  await site.broker.createTopic('orders', { partitions: 2 })
  return site
}

test('an election is not needed where there is a partition, in each version and of each type', async () => {
  await using site = await siteWithTopic()
  const topicPartitions = [
    { topic: 'orders', partitions: [0, 1, 2] },
    { topic: 'nothing', partitions: [0] },
  ]
  for (const version of [0, 1, 2]) {
    for (const electionType of version === 0 ? [0] : [0, 1]) {
      const { errorCode, replicaElectionResults } = await site.ask(
        'ElectLeaders',
        { electionType, topicPartitions },
        { version },
      )
      expect(errorCode).toBe(0)
      const codes = replicaElectionResults.map(({ topic, partitionResult }) => [
        topic,
        ...partitionResult.map((each) => each.errorCode),
      ])
      expect(codes).toEqual([
        ['orders', 84, 84, 3],
        ['nothing', 3],
      ])
    }
  }
})

test('who has all partitions elected is told of no change', async () => {
  await using site = await siteWithTopic()
  const answer = await site.ask('ElectLeaders', { topicPartitions: null })
  expect(answer).toMatchObject({ errorCode: 0, replicaElectionResults: [] })
})

test('an election of no known type is refused', async () => {
  await using site = await siteWithTopic()
  const answer = await site.ask('ElectLeaders', { electionType: 2, topicPartitions: null })
  expect(answer).toMatchObject({ errorCode: 42, replicaElectionResults: [] })
})

test('a partition moves to where it is and nowhere else', async () => {
  await using site = await siteWithTopic()
  const partitions = [[0], [1], [0, 1], [], null].map((replicas) => ({ partitionIndex: 0, replicas }))
  const { responses } = await site.ask('AlterPartitionReassignments', {
    topics: [
      { name: 'orders', partitions: [...partitions, { partitionIndex: 2, replicas: [0] }] },
      { name: 'nothing', partitions: [{ partitionIndex: 0, replicas: [0] }] },
    ],
  })
  expect(responses.map((topic) => topic.partitions.map((each) => each.errorCode))).toEqual([
    [0, 39, 39, 39, 85, 3],
    [3],
  ])
  expect((await site.ask('ListPartitionReassignments', { topics: null })).topics).toEqual([])
})
