// The cluster and its disks: DescribeCluster, DescribeLogDirs.

import { api, array, bool, field, int8, int16, int32, int64, string, struct } from '../schema.ts'
import { errorCode, errorMessage, throttleTimeMs } from './common.ts'

const describedBroker = struct({
  brokerId: field(int32, '0+', 'The id of the broker.'),
  host: field(string, '0+', 'Its host name.'),
  port: field(int32, '0+', 'Its port.'),
  rack: field(string, '0+', 'Its rack, or null.', { nullable: '0+', default: null }),
})

export const DescribeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  about: 'Tells the brokers and the controller of the cluster.',
  versions: [0, 1],
  flexible: 0,
  request: struct({
    includeClusterAuthorizedOperations: field(bool, '0+', 'Whether to say what the client may do.'),
    endpointType: field(int8, '1+', 'Whose addresses: 1 brokers, 2 controllers.', { default: 1 }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: errorCode('0+'),
    errorMessage: errorMessage('0+'),
    endpointType: field(int8, '1+', 'Whose addresses these are: 1 brokers, 2 controllers.', { default: 1 }),
    clusterId: field(string, '0+', 'The id of the cluster.'),
    controllerId: field(int32, '0+', 'The id of the controller, -1 for none.', { default: -1 }),
    brokers: field(array(describedBroker), '0+', 'The brokers.'),
    clusterAuthorizedOperations: field(
      int32,
      '0+',
      'What the client may do, as bits; -2^31: not asked for.',
      {
        default: -2147483648,
      },
    ),
  }),
})

const describeTopic = struct({
  topic: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(int32), '0+', 'Its partitions.'),
})

const logDirPartition = struct({
  partitionIndex: field(int32, '0+', 'The number of the partition.'),
  partitionSize: field(int64, '0+', 'Bytes of its segments.'),
  offsetLag: field(int64, '0+', 'How far this copy is behind; 0 for the one in use.'),
  isFutureKey: field(bool, '0+', 'Whether this copy is to replace the one in use.'),
})

const logDirTopic = struct({
  name: field(string, '0+', 'The name of the topic.'),
  partitions: field(array(logDirPartition), '0+', 'Its partitions.'),
})

const logDir = struct({
  errorCode: errorCode('0+'),
  logDir: field(string, '0+', 'The path of the folder.'),
  topics: field(array(logDirTopic), '0+', 'What it keeps.'),
  totalBytes: field(int64, '4+', 'Bytes of its disk, -1 when unknown.', { default: -1 }),
  usableBytes: field(int64, '4+', 'Bytes that are free there, -1 when unknown.', { default: -1 }),
})

export const DescribeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  about: 'Tells what the folders of the broker keep, and how large it is.',
  versions: [1, 4],
  flexible: 2,
  request: struct({
    topics: field(array(describeTopic), '0+', 'The partitions asked for, or null for all.', {
      nullable: '0+',
    }),
  }),
  response: struct({
    throttleTimeMs: throttleTimeMs('0+'),
    errorCode: field(int16, '3+', 'The error of the whole request, 0 for none.', { default: 0 }),
    results: field(array(logDir), '0+', 'The folders.'),
  }),
})
