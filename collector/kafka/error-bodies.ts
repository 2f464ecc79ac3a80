// The error answer of every API, built from its request: each topic, partition or group asked for, with the error beside it.

import type { ApiName, RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import type { Trouble } from './trouble.ts'

/** For each API what it answers when the whole request failed. Fields of other versions do no harm: they are left out. */
export const errorBodies: {
  readonly [Name in ApiName]: (request: RequestOf<Name>, trouble: Trouble) => ResponseInput<Name>
} = {
  Produce: ({ topicData }, trouble) => ({
    responses: topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index }) => ({ index, baseOffset: -1, ...trouble })),
    })),
  }),
  Fetch: ({ topics }, { errorCode }) => ({
    errorCode,
    responses: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition: partitionIndex }) => ({
        partitionIndex,
        errorCode,
        highWatermark: -1,
        records: null,
      })),
    })),
  }),
  ListOffsets: ({ topics }, { errorCode }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
  Metadata: ({ topics }, { errorCode }) => ({
    brokers: [],
    // Only versions 12 and up may answer an unknown id with a null name.
    topics: (topics ?? []).map(({ name, topicId }) => ({
      errorCode,
      name: name ?? '',
      topicId,
      partitions: [],
    })),
  }),
  OffsetCommit: (request, trouble) => ({ topics: partitionErrors(request.topics, trouble) }),
  OffsetFetch: ({ topics, groups }, { errorCode }) => ({
    errorCode,
    topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: -1,
        metadata: '',
        errorCode,
      })),
    })),
    groups: groups.map(({ groupId }) => ({ groupId, topics: [], errorCode })),
  }),
  FindCoordinator: ({ coordinatorKeys }, trouble) => ({
    ...trouble,
    coordinators: coordinatorKeys.map((key) => ({ key, nodeId: -1, host: '', port: -1, ...trouble })),
  }),
  JoinGroup: ({ memberId }, { errorCode }) => ({
    errorCode,
    protocolName: '',
    leader: '',
    memberId,
    members: [],
  }),
  Heartbeat: (_request, { errorCode }) => ({ errorCode }),
  LeaveGroup: (_request, { errorCode }) => ({ errorCode }),
  SyncGroup: (_request, { errorCode }) => ({ errorCode, assignment: noBytes }),
  DescribeGroups: ({ groups }, { errorCode }) => ({
    groups: groups.map((groupId) => ({
      errorCode,
      groupId,
      groupState: '',
      protocolType: '',
      protocolData: '',
      members: [],
    })),
  }),
  ListGroups: (_request, { errorCode }) => ({ errorCode, groups: [] }),
  SaslHandshake: (_request, { errorCode }) => ({ errorCode, mechanisms: [] }),
  ApiVersions: (_request, { errorCode }) => ({ errorCode, apiKeys: [] }),
  CreateTopics: ({ topics }, trouble) => ({ topics: topics.map(({ name }) => ({ name, ...trouble })) }),
  DeleteTopics: ({ topics, topicNames }, trouble) => ({
    responses: [
      ...topics.map(({ name, topicId }) => ({ name, topicId, ...trouble })),
      ...topicNames.map((name) => ({ name, ...trouble })),
    ],
  }),
  DeleteRecords: ({ topics }, { errorCode }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  }),
  InitProducerId: (_request, { errorCode }) => ({ errorCode, producerEpoch: -1 }),
  OffsetForLeaderEpoch: ({ topics }, { errorCode }) => ({
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ errorCode, partition })),
    })),
  }),
  AddPartitionsToTxn: ({ v3AndBelowTopics }, { errorCode }) => ({
    resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({
        partitionIndex,
        partitionErrorCode: errorCode,
      })),
    })),
  }),
  AddOffsetsToTxn: (_request, { errorCode }) => ({ errorCode }),
  EndTxn: (_request, { errorCode }) => ({ errorCode }),
  TxnOffsetCommit: (request, trouble) => ({ topics: partitionErrors(request.topics, trouble) }),
  DescribeAcls: (_request, trouble) => ({ ...trouble, resources: [] }),
  CreateAcls: ({ creations }, trouble) => ({ results: creations.map(() => trouble) }),
  DeleteAcls: ({ filters }, trouble) => ({
    filterResults: filters.map(() => ({ ...trouble, matchingAcls: [] })),
  }),
  DescribeConfigs: ({ resources }, trouble) => ({
    results: resources.map((resource) => ({ ...resourceOf(resource), ...trouble, configs: [] })),
  }),
  AlterConfigs: ({ resources }, trouble) => ({
    responses: resources.map((resource) => ({ ...resourceOf(resource), ...trouble })),
  }),
  DescribeLogDirs: (_request, { errorCode }) => ({
    errorCode,
    // Before version 3 only a folder can say what is wrong.
    results: [{ errorCode, logDir: '', topics: [] }],
  }),
  SaslAuthenticate: (_request, trouble) => ({ ...trouble, authBytes: noBytes }),
  CreatePartitions: ({ topics }, trouble) => ({ results: topics.map(({ name }) => ({ name, ...trouble })) }),
  DeleteGroups: ({ groupsNames }, { errorCode }) => ({
    results: groupsNames.map((groupId) => ({ groupId, errorCode })),
  }),
  ElectLeaders: ({ topicPartitions }, trouble) => ({
    errorCode: trouble.errorCode,
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, ...trouble })),
    })),
  }),
  IncrementalAlterConfigs: ({ resources }, trouble) => ({
    responses: resources.map((resource) => ({ ...resourceOf(resource), ...trouble })),
  }),
  AlterPartitionReassignments: (_request, trouble) => ({ ...trouble, responses: [] }),
  ListPartitionReassignments: (_request, trouble) => ({ ...trouble, topics: [] }),
  OffsetDelete: (_request, { errorCode }) => ({ errorCode, topics: [] }),
  DescribeClientQuotas: (_request, trouble) => ({ ...trouble, entries: null }),
  AlterClientQuotas: ({ entries }, trouble) => ({
    entries: entries.map(({ entity }) => ({ entity, ...trouble })),
  }),
  DescribeUserScramCredentials: (_request, trouble) => ({ ...trouble, results: [] }),
  AlterUserScramCredentials: ({ deletions, upsertions }, trouble) => ({
    results: [...deletions, ...upsertions].map(({ name: user }) => ({ user, ...trouble })),
  }),
  DescribeCluster: (_request, trouble) => ({ ...trouble, clusterId: '', brokers: [] }),
  DescribeProducers: ({ topics }, trouble) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        ...trouble,
        activeProducers: [],
      })),
    })),
  }),
  DescribeTransactions: ({ transactionalIds }, { errorCode }) => ({
    transactionStates: transactionalIds.map((transactionalId) => ({
      errorCode,
      transactionalId,
      transactionState: '',
      transactionTimeoutMs: 0,
      transactionStartTimeMs: -1,
      producerId: -1,
      producerEpoch: -1,
      topics: [],
    })),
  }),
  ListTransactions: (_request, { errorCode }) => ({ errorCode, transactionStates: [] }),
  ConsumerGroupHeartbeat: (_request, trouble) => trouble,
  ConsumerGroupDescribe: ({ groupIds }, trouble) => ({
    groups: groupIds.map((groupId) => ({ groupId, ...trouble })),
  }),
}

const noBytes = new Uint8Array(0)

interface CommittedTopic {
  readonly name: string
  readonly partitions: readonly { readonly partitionIndex: number }[]
}

function partitionErrors(topics: readonly CommittedTopic[], { errorCode }: Trouble) {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }))
}

function resourceOf(resource: { readonly resourceType: number; readonly resourceName: string }) {
  const { resourceType, resourceName } = resource
  return { resourceType, resourceName }
}
