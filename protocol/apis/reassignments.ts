// Partitions that move between brokers: AlterPartitionReassignments, ListPartitionReassignments. One broker has none.

import { api, array, field, int32, string, struct } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

const alterPartition = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  replicas: field(array(int32), '0+', 'The brokers that shall keep it, or null to stay where it is.', {
    nullable: '0+',
    default: null,
  }),
})

const alterTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(alterPartition), '0+', 'Its partitions.'),
})

const alteredPartition = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
})

const alteredTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(alteredPartition), '0+', 'Its partitions.'),
})

export const AlterPartitionReassignments = api({
  key: 45,
  name: 'AlterPartitionReassignments',
  about: 'Moves partitions between brokers.',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    timeoutMs: field(int32, '0+', 'How long to wait for it.', { default: 60_000 }),
    topics: field(array(alterTopic), '0+', 'What moves.'),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    errorMessage: errorMessage('0+'),
    responses: field(array(alteredTopic), '0+', 'The outcome for each partition.'),
  }),
})

const listTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitionIndexes: field(array(int32), '0+', 'The partitions asked for.'),
})

const movingPartition = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  replicas: field(array(int32), '0+', 'The brokers that keep it now.'),
  addingReplicas: field(array(int32), '0+', 'The brokers that will.'),
  removingReplicas: field(array(int32), '0+', 'The brokers that will not any more.'),
})

const movingTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(movingPartition), '0+', 'Its partitions.'),
})

export const ListPartitionReassignments = api({
  key: 46,
  name: 'ListPartitionReassignments',
  about: 'Lists the partitions that are on the move.',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    timeoutMs: field(int32, '0+', 'How long to wait for the answer.', { default: 60_000 }),
    topics: field(array(listTopic), '0+', 'The partitions asked for, or null for all.', {
      nullable: '0+',
      default: null,
    }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    errorMessage: errorMessage('0+'),
    topics: field(array(movingTopic), '0+', 'The partitions.'),
  }),
})
