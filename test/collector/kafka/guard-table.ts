// Which right each Kafka API needs, as data: one row for each right, with a request that needs it.
import type { AclOperation, AclResourceType } from '../../../collector/broker/security/acls.ts'
import type { ApiName, RequestInput } from '../../../protocol/apis/index.ts'
import type { KafkaErrorName } from '../../../protocol/errors.ts'
import { encodeValues } from '../../kafka-client/records.ts'

/** An operation on a type of resource. */
export type Right = readonly [AclOperation, AclResourceType]

/** One request of an API, and the right it needs. */
export interface Guard<Name extends ApiName> {
  readonly request: (names: Names) => RequestInput<Name>
  readonly version?: number
  /** Any one of them is enough. */
  readonly needs: readonly Right[]
  /** Others that are needed as well, but are not what this row is about. */
  readonly also?: readonly Right[]
  readonly error: KafkaErrorName
}

/** What is asked for: things that are there, or things that are not. */
export interface Names {
  readonly topic: string
  readonly group: string
  readonly id: string
}

const txn: Right = ['WRITE', 'TRANSACTIONAL_ID']
const groupRead: Right = ['READ', 'GROUP']
const groupDescribe: Right = ['DESCRIBE', 'GROUP']
const groupDelete: Right = ['DELETE', 'GROUP']
const topicRead: Right = ['READ', 'TOPIC']
const topicWrite: Right = ['WRITE', 'TOPIC']
const topicDescribe: Right = ['DESCRIBE', 'TOPIC']
const clusterDescribe: Right = ['DESCRIBE', 'CLUSTER']
const clusterAlter: Right = ['ALTER', 'CLUSTER']

const topicError = 'TOPIC_AUTHORIZATION_FAILED'
const groupError = 'GROUP_AUTHORIZATION_FAILED'
const clusterError = 'CLUSTER_AUTHORIZATION_FAILED'
const idError = 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'

const origin = { producerId: 1, producerEpoch: 0, baseSequence: 0 }
const batch = (isTransactional: boolean) =>
  encodeValues(['a'], {
    ...(isTransactional ? origin : { producerId: -1, producerEpoch: -1, baseSequence: -1 }),
    isTransactional,
    codec: 'none',
    timestampMs: 1_763_690_000_000,
  })
const produce = (topic: string, id: string | null): RequestInput<'Produce'> => ({
  transactionalId: id,
  acks: -1,
  timeoutMs: 1000,
  topicData: [{ name: topic, partitionData: [{ index: 0, records: batch(id !== null) }] }],
})
const member = { generationId: 1, memberId: 'm' }
const joiner = { memberId: 'm', memberEpoch: 0, rebalanceTimeoutMs: 1, topicPartitions: [] }
const beat = ({ topic, group }: Names) => ({ ...joiner, groupId: group, subscribedTopicNames: [topic] })
const commit = { partitionIndex: 0, committedOffset: 1, committedMetadata: '' }
const inTxn = { producerId: 1, producerEpoch: 0 }
/** A filter of ACLs that means all. */
export const anyAcl = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

/** Every API but those that anybody may use; the compiler misses any that is forgotten. */
export const guards: { readonly [Name in Exclude<ApiName, Free>]: readonly Guard<Name>[] } = {
  Produce: [
    { request: ({ topic }) => produce(topic, null), needs: [topicWrite], error: topicError },
    { request: ({ topic, id }) => produce(topic, id), needs: [txn], also: [topicWrite], error: idError },
  ],
  Fetch: [
    {
      version: 12,
      request: ({ topic }) => ({
        maxWaitMs: 0,
        minBytes: 0,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
      }),
      needs: [topicRead],
      error: topicError,
    },
  ],
  ListOffsets: [
    {
      request: ({ topic }) => ({
        replicaId: -1,
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      }),
      needs: [topicDescribe],
      error: topicError,
    },
  ],
  Metadata: [
    {
      request: ({ topic }) => ({ topics: [{ name: topic }], allowAutoTopicCreation: false }),
      needs: [topicDescribe],
      error: topicError,
    },
  ],
  OffsetCommit: [
    { request: commitAlone, needs: [groupRead], also: [topicRead], error: groupError },
    { request: commitAlone, needs: [topicRead], also: [groupRead], error: topicError },
  ],
  OffsetFetch: [
    { request: committed, needs: [groupDescribe], also: [topicDescribe], error: groupError },
    { request: committed, needs: [topicDescribe], also: [groupDescribe], error: topicError },
  ],
  FindCoordinator: [
    {
      request: ({ group }) => ({ keyType: 0, coordinatorKeys: [group] }),
      needs: [groupDescribe],
      error: groupError,
    },
    {
      request: ({ id }) => ({ keyType: 1, coordinatorKeys: [id] }),
      needs: [['DESCRIBE', 'TRANSACTIONAL_ID']],
      error: idError,
    },
  ],
  JoinGroup: [
    {
      request: ({ group }) => ({
        groupId: group,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId: '',
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: new Uint8Array(0) }],
      }),
      needs: [groupRead],
      error: groupError,
    },
  ],
  Heartbeat: [
    { request: ({ group }) => ({ groupId: group, ...member }), needs: [groupRead], error: groupError },
  ],
  LeaveGroup: [
    {
      request: ({ group }) => ({ groupId: group, members: [{ memberId: 'm', groupInstanceId: null }] }),
      needs: [groupRead],
      error: groupError,
    },
  ],
  SyncGroup: [
    {
      request: ({ group }) => ({ groupId: group, ...member, assignments: [] }),
      needs: [groupRead],
      error: groupError,
    },
  ],
  DescribeGroups: [
    { request: ({ group }) => ({ groups: [group] }), needs: [groupDescribe], error: groupError },
  ],
  ConsumerGroupHeartbeat: [
    { request: beat, needs: [groupRead], also: [topicDescribe], error: groupError },
    { request: beat, needs: [topicDescribe], also: [groupRead], error: topicError },
  ],
  ConsumerGroupDescribe: [
    { request: ({ group }) => ({ groupIds: [group] }), needs: [groupDescribe], error: groupError },
  ],
  ListGroups: [],
  CreateTopics: [
    {
      request: () => ({
        topics: [{ name: 'new', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 1000,
        validateOnly: true,
      }),
      needs: [
        ['CREATE', 'CLUSTER'],
        ['CREATE', 'TOPIC'],
      ],
      also: [['DESCRIBE_CONFIGS', 'TOPIC']],
      error: topicError,
    },
  ],
  DeleteTopics: [
    {
      request: ({ topic }) => ({ topics: [{ name: topic }], timeoutMs: 1000 }),
      needs: [['DELETE', 'TOPIC']],
      error: topicError,
    },
  ],
  DeleteRecords: [
    {
      request: ({ topic }) => ({
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: -1 }] }],
        timeoutMs: 1000,
      }),
      needs: [['DELETE', 'TOPIC']],
      error: topicError,
    },
  ],
  InitProducerId: [
    {
      request: () => ({ transactionalId: null, transactionTimeoutMs: 1000 }),
      needs: [['IDEMPOTENT_WRITE', 'CLUSTER'], topicWrite],
      error: clusterError,
    },
    {
      request: ({ id }) => ({ transactionalId: id, transactionTimeoutMs: 1000 }),
      needs: [txn],
      error: idError,
    },
  ],
  OffsetForLeaderEpoch: [
    {
      request: ({ topic }) => ({ topics: [{ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] }] }),
      needs: [topicDescribe],
      error: topicError,
    },
  ],
  AddPartitionsToTxn: [
    { request: enter, needs: [txn], also: [topicWrite], error: idError },
    { request: enter, needs: [topicWrite], also: [txn], error: topicError },
  ],
  AddOffsetsToTxn: [
    { request: enterGroup, needs: [txn], also: [groupRead], error: idError },
    { request: enterGroup, needs: [groupRead], also: [txn], error: groupError },
  ],
  EndTxn: [
    {
      request: ({ id }) => ({ transactionalId: id, ...inTxn, committed: true }),
      needs: [txn],
      error: idError,
    },
  ],
  TxnOffsetCommit: [
    { request: commitInTxn, needs: [txn], also: [groupRead, topicRead], error: idError },
    { request: commitInTxn, needs: [groupRead], also: [txn, topicRead], error: groupError },
    { request: commitInTxn, needs: [topicRead], also: [txn, groupRead], error: topicError },
  ],
  DescribeAcls: [{ request: () => anyAcl, needs: [clusterDescribe], error: clusterError }],
  CreateAcls: [
    {
      request: ({ topic }) => ({
        creations: [
          {
            resourceType: 2,
            resourceName: topic,
            resourcePatternType: 3,
            principal: 'User:mallory',
            host: '*',
            operation: 2,
            permissionType: 3,
          },
        ],
      }),
      needs: [clusterAlter],
      error: clusterError,
    },
  ],
  DeleteAcls: [{ request: () => ({ filters: [anyAcl] }), needs: [clusterAlter], error: clusterError }],
  DescribeConfigs: [
    {
      request: ({ topic }) => ({
        resources: [{ resourceType: 2, resourceName: topic, configurationKeys: null }],
      }),
      needs: [['DESCRIBE_CONFIGS', 'TOPIC']],
      error: topicError,
    },
    {
      request: () => ({ resources: [{ resourceType: 4, resourceName: '0', configurationKeys: null }] }),
      needs: [['DESCRIBE_CONFIGS', 'CLUSTER']],
      error: clusterError,
    },
  ],
  AlterConfigs: [
    { request: alterTopic, needs: [['ALTER_CONFIGS', 'TOPIC']], error: topicError },
    { request: alterBroker, needs: [['ALTER_CONFIGS', 'CLUSTER']], error: clusterError },
  ],
  IncrementalAlterConfigs: [
    { request: alterTopic, needs: [['ALTER_CONFIGS', 'TOPIC']], error: topicError },
    { request: alterBroker, needs: [['ALTER_CONFIGS', 'CLUSTER']], error: clusterError },
  ],
  DescribeLogDirs: [{ request: () => ({ topics: null }), needs: [clusterDescribe], error: clusterError }],
  CreatePartitions: [
    {
      request: ({ topic }) => ({
        topics: [{ name: topic, count: 9, assignments: null }],
        timeoutMs: 1000,
        validateOnly: true,
      }),
      needs: [['ALTER', 'TOPIC']],
      error: topicError,
    },
  ],
  DeleteGroups: [
    { request: ({ group }) => ({ groupsNames: [group] }), needs: [groupDelete], error: groupError },
  ],
  ElectLeaders: [
    {
      request: ({ topic }) => ({ topicPartitions: [{ topic, partitions: [0] }] }),
      needs: [clusterAlter],
      error: clusterError,
    },
  ],
  AlterPartitionReassignments: [
    { request: () => ({ topics: [] }), needs: [clusterAlter], error: clusterError },
  ],
  ListPartitionReassignments: [
    { request: () => ({ topics: null }), needs: [clusterDescribe], error: clusterError },
  ],
  OffsetDelete: [
    { request: forget, needs: [groupDelete], also: [topicRead], error: groupError },
    { request: forget, needs: [topicRead], also: [groupDelete], error: topicError },
  ],
  DescribeClientQuotas: [
    {
      request: () => ({ components: [], strict: false }),
      needs: [['DESCRIBE_CONFIGS', 'CLUSTER']],
      error: clusterError,
    },
  ],
  AlterClientQuotas: [
    {
      request: () => ({
        entries: [{ entity: [{ entityType: 'user', entityName: 'alice' }], ops: [] }],
        validateOnly: true,
      }),
      needs: [['ALTER_CONFIGS', 'CLUSTER']],
      error: clusterError,
    },
  ],
  DescribeUserScramCredentials: [
    { request: () => ({ users: null }), needs: [clusterDescribe], error: clusterError },
  ],
  AlterUserScramCredentials: [
    {
      request: () => ({ deletions: [{ name: 'alice', mechanism: 1 }], upsertions: [] }),
      needs: [clusterAlter],
      error: clusterError,
    },
  ],
  DescribeProducers: [
    {
      request: ({ topic }) => ({ topics: [{ name: topic, partitionIndexes: [0] }] }),
      needs: [topicRead],
      error: topicError,
    },
  ],
  DescribeTransactions: [
    {
      request: ({ id }) => ({ transactionalIds: [id] }),
      needs: [['DESCRIBE', 'TRANSACTIONAL_ID']],
      error: idError,
    },
  ],
  ListTransactions: [],
}

/** Who they are for: everybody. */
type Free = 'ApiVersions' | 'SaslHandshake' | 'SaslAuthenticate' | 'DescribeCluster'

function enter({ topic, id }: Names): RequestInput<'AddPartitionsToTxn'> {
  return {
    v3AndBelowTransactionalId: id,
    v3AndBelowProducerId: 1,
    v3AndBelowProducerEpoch: 0,
    v3AndBelowTopics: [{ name: topic, partitions: [0] }],
  }
}

function commitInTxn({ topic, group, id }: Names): RequestInput<'TxnOffsetCommit'> {
  const topics = [{ name: topic, partitions: [commit] }]
  return { transactionalId: id, groupId: group, ...inTxn, topics }
}

function enterGroup({ id, group }: Names): RequestInput<'AddOffsetsToTxn'> {
  return { transactionalId: id, ...inTxn, groupId: group }
}

function commitAlone({ topic, group }: Names): RequestInput<'OffsetCommit'> {
  return { groupId: group, topics: [{ name: topic, partitions: [commit] }] }
}

function committed({ topic, group }: Names): RequestInput<'OffsetFetch'> {
  return { groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }] }
}

function forget({ topic, group }: Names): RequestInput<'OffsetDelete'> {
  return { groupId: group, topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }] }
}

function alterTopic({ topic }: Names) {
  return { resources: [{ resourceType: 2, resourceName: topic, configs: [] }], validateOnly: true }
}

function alterBroker() {
  return { resources: [{ resourceType: 4, resourceName: '0', configs: [] }], validateOnly: true }
}
