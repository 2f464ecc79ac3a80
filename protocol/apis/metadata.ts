// Metadata: brokers, topics and the leaders of partitions.

import { ZERO_UUID } from '../bytes.ts'
import { api, array, bool, field, int32, string, struct, uuid } from '../schema.ts'
import { errorCode, throttleTimeMs } from './common.ts'

const requestTopic = struct({
  topicId: field(uuid, '10+', 'The id of the topic, all zeros when it is asked for by name.', {
    default: ZERO_UUID,
  }),
  name: field(string, '0+', 'The name of the topic, or null when it is asked for by id.', {
    nullable: '10+',
  }),
})

const broker = struct({
  nodeId: field(int32, '0+', 'The id of the broker.'),
  host: field(string, '0+', 'Its host name.'),
  port: field(int32, '0+', 'Its port.'),
  rack: field(string, '1+', 'Its rack, or null.', { nullable: '1+', default: null }),
})

const responsePartition = struct({
  errorCode: errorCode('0+'),
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  leaderId: field(int32, '0+', 'The id of its leader, -1 for none.'),
  leaderEpoch: field(int32, '7+', 'The leader epoch, -1 when unknown.', { default: -1 }),
  replicaNodes: field(array(int32), '0+', 'The brokers that keep it.'),
  isrNodes: field(array(int32), '0+', 'Those of them that are in sync.'),
  offlineReplicas: field(array(int32), '5+', 'Those of them that are offline.', { default: [] }),
})

const responseTopic = struct({
  errorCode: errorCode('0+'),
  name: field(string, '0+', 'The name of the topic, or null when an id is unknown.', { nullable: '12+' }),
  topicId: field(uuid, '10+', 'The id of the topic.', { default: ZERO_UUID }),
  isInternal: field(bool, '1+', 'Whether the topic belongs to the broker itself.', { default: false }),
  partitions: field(array(responsePartition), '0+', 'Its partitions.'),
  topicAuthorizedOperations: field(
    int32,
    '8+',
    'What the client may do with it, as bits; -2^31: not asked for.',
    {
      default: -2147483648,
    },
  ),
})

export const Metadata = api({
  key: 3,
  name: 'Metadata',
  about: 'Says which brokers and topics there are, and who leads each partition.',
  versions: [0, 12],
  flexible: 9,
  request: struct({
    topics: field(
      array(requestTopic),
      '0+',
      'The topics asked for; null (an empty list in version 0): all.',
      {
        nullable: '1+',
      },
    ),
    allowAutoTopicCreation: field(bool, '4+', 'Whether a missing topic may be created.', { default: true }),
    includeClusterAuthorizedOperations: field(bool, '8-10', 'Whether to say what the client may do.', {
      default: false,
    }),
    includeTopicAuthorizedOperations: field(bool, '8+', 'Whether to say it for each topic.', {
      default: false,
    }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('3+'),
    brokers: field(array(broker), '0+', 'The brokers that are alive.'),
    clusterId: field(string, '2+', 'The id of the cluster, or null.', { nullable: '2+', default: null }),
    controllerId: field(int32, '1+', 'The id of the controller, -1 for none.', { default: -1 }),
    topics: field(array(responseTopic), '0+', 'The topics asked for.'),
    clusterAuthorizedOperations: field(
      int32,
      '8-10',
      'What the client may do, as bits; -2^31: not asked for.',
      {
        default: -2147483648,
      },
    ),
  }),
})
