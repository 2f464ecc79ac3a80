// ElectLeaders: asks for the preferred leader of partitions. One broker leads them all.

import { api, array, field, int8, int16, int32, string, struct } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

const electTopic = struct({
  topic: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(int32), '0+', 'Its partitions.'),
})

const electedPartition = struct({
  partitionId: field(int32, '0+', 'The number of the partition.'),
  errorCode: errorCode('0+'),
  errorMessage: errorMessage('0+'),
})

const electedTopic = struct({
  topic: field(string, '0+', 'The name of the topic.'),
  partitionResult: field(array(electedPartition), '0+', 'The outcome for each partition.'),
})

export const ElectLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  about: 'Makes the preferred copy of partitions their leader.',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    electionType: field(int8, '1+', '0: the preferred leader; 1: any copy that is there.', { default: 0 }),
    topicPartitions: field(array(electTopic), '0+', 'The partitions, or null for all.', { nullable: '0+' }),
    timeoutMs: field(int32, '0+', 'How long to wait for it.', { default: 60_000 }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: field(int16, '1+', 'The error of the whole request, 0 for none.', { default: 0 }),
    replicaElectionResults: field(array(electedTopic), '0+', 'The outcome for each partition asked for.'),
  }),
})
