// How @platformatic/kafka is asked to write each request: its arguments, made from our body.

import type { ApiName, RequestOf } from '../../protocol/apis/index.ts'

type Arguments = {
  readonly [Name in ApiName]: (body: RequestOf<Name>, version: number) => readonly unknown[]
}

/** The arguments of their createRequest. A first request of theirs may say nothing but what is here. */
export const argumentsOf: Omit<Arguments, 'Produce' | 'ElectLeaders'> = {
  Fetch: (body) => [
    body.maxWaitMs,
    body.minBytes,
    body.maxBytes,
    body.isolationLevel,
    body.sessionId,
    body.sessionEpoch,
    body.topics.map((topic) => ({
      // Before version 13 they write it as a string.
      topicId: topic.topic ?? topic.topicId,
      partitions: topic.partitions.map((partition) => ({
        ...partition,
        fetchOffset: BigInt(partition.fetchOffset),
      })),
    })),
    body.forgottenTopicsData ?? [],
    body.rackId,
  ],
  ListOffsets: (body) => [
    body.replicaId,
    body.isolationLevel,
    body.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((partition) => ({
        ...partition,
        timestamp: BigInt(partition.timestamp),
      })),
    })),
  ],
  Metadata: (body, version) => [
    body.topics,
    body.allowAutoTopicCreation,
    body.includeTopicAuthorizedOperations,
    ...(version >= 8 && version <= 10 ? [body.includeClusterAuthorizedOperations] : []),
  ],
  OffsetCommit: (body) => [
    body.groupId,
    body.generationIdOrMemberEpoch,
    body.memberId,
    body.groupInstanceId,
    bigOffsets(body.topics),
  ],
  OffsetFetch: (body, version) => [version < 8 ? [body] : body.groups, body.requireStable],
  FindCoordinator: (body, version) => [body.keyType, version < 4 ? [body.key] : body.coordinatorKeys],
  JoinGroup: (body) => [
    body.groupId,
    body.sessionTimeoutMs,
    body.rebalanceTimeoutMs,
    body.memberId,
    body.groupInstanceId,
    body.protocolType,
    body.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
    body.reason,
  ],
  Heartbeat: (body) => [body.groupId, body.generationId, body.memberId, body.groupInstanceId],
  LeaveGroup: (body, version) => [body.groupId, version < 3 ? [{ memberId: body.memberId }] : body.members],
  SyncGroup: (body) => [
    body.groupId,
    body.generationId,
    body.memberId,
    body.groupInstanceId,
    body.protocolType,
    body.protocolName,
    body.assignments.map(({ memberId, assignment }) => ({ memberId, assignment: Buffer.from(assignment) })),
  ],
  DescribeGroups: (body) => [body.groups, body.includeAuthorizedOperations],
  ListGroups: (body) => [body.statesFilter, body.typesFilter?.map(() => 'classic')],
  SaslHandshake: (body) => [body.mechanism],
  ApiVersions: (body) => [body.clientSoftwareName, body.clientSoftwareVersion],
  CreateTopics: (body) => [body.topics, body.timeoutMs, body.validateOnly],
  DeleteTopics: (body, version) => [
    version < 6 ? body.topicNames.map((name) => ({ name })) : body.topics,
    body.timeoutMs,
  ],
  DeleteRecords: (body) => [
    body.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map(({ partitionIndex, offset }) => ({
        partitionIndex,
        offset: BigInt(offset),
      })),
    })),
    body.timeoutMs,
  ],
  InitProducerId: (body) => [
    body.transactionalId,
    body.transactionTimeoutMs,
    BigInt(body.producerId ?? -1),
    body.producerEpoch,
  ],
  OffsetForLeaderEpoch: (body) => [
    body.replicaId,
    body.topics.map(({ topic, partitions }) => ({
      name: topic,
      partitions: partitions.map((item) => ({ ...item, partitionIndex: item.partition })),
    })),
  ],
  AddPartitionsToTxn: (body) => [
    [
      {
        transactionalId: body.v3AndBelowTransactionalId,
        producerId: BigInt(body.v3AndBelowProducerId),
        producerEpoch: body.v3AndBelowProducerEpoch,
        topics: body.v3AndBelowTopics,
      },
    ],
  ],
  AddOffsetsToTxn: (body) => [
    body.transactionalId,
    BigInt(body.producerId),
    body.producerEpoch,
    body.groupId,
  ],
  EndTxn: (body) => [body.transactionalId, BigInt(body.producerId), body.producerEpoch, body.committed],
  TxnOffsetCommit: (body) => [
    body.transactionalId,
    body.groupId,
    BigInt(body.producerId),
    body.producerEpoch,
    body.generationId,
    body.memberId,
    body.groupInstanceId,
    bigOffsets(body.topics),
  ],
  DescribeAcls: (body) => [filterOf(body)],
  CreateAcls: (body) => [body.creations],
  DeleteAcls: (body) => [body.filters.map(filterOf)],
  DescribeConfigs: (body) => [body.resources, body.includeSynonyms, body.includeDocumentation],
  AlterConfigs: (body) => [body.resources, body.validateOnly],
  DescribeLogDirs: (body) => [body.topics?.map(({ topic: name, partitions }) => ({ name, partitions }))],
  SaslAuthenticate: (body) => [Buffer.from(body.authBytes)],
  CreatePartitions: (body) => [body.topics, body.timeoutMs, body.validateOnly],
  DeleteGroups: (body) => [body.groupsNames],
  IncrementalAlterConfigs: (body) => [body.resources, body.validateOnly],
  AlterPartitionReassignments: (body) => [body.timeoutMs, true, body.topics],
  ListPartitionReassignments: (body) => [body.timeoutMs, body.topics],
  OffsetDelete: (body) => [body.groupId, body.topics],
  DescribeClientQuotas: (body) => [body.components, body.strict],
  AlterClientQuotas: (body) => [
    body.entries.map(({ entity, ops }) => ({ entities: entity, ops })),
    body.validateOnly,
  ],
  DescribeUserScramCredentials: (body) => [body.users],
  AlterUserScramCredentials: (body) => [
    body.deletions,
    body.upsertions.map((user) => ({
      ...user,
      salt: Buffer.from(user.salt),
      saltedPassword: Buffer.from(user.saltedPassword),
    })),
  ],
  DescribeCluster: (body) => [body.includeClusterAuthorizedOperations, body.endpointType],
  DescribeProducers: (body) => [body.topics],
  DescribeTransactions: (body) => [body.transactionalIds],
  ListTransactions: (body) => [
    body.stateFilters,
    body.producerIdFilters.map(BigInt),
    BigInt(body.durationFilter ?? -1),
  ],
  ConsumerGroupHeartbeat: (body) => [
    body.groupId,
    body.memberId,
    body.memberEpoch,
    body.instanceId,
    body.rackId,
    body.rebalanceTimeoutMs,
    body.subscribedTopicNames,
    body.subscribedTopicRegex,
    body.serverAssignor,
    body.topicPartitions,
  ],
  ConsumerGroupDescribe: (body) => [body.groupIds, body.includeAuthorizedOperations],
}

interface CommitTopic {
  readonly name: string
  readonly partitions: readonly { readonly committedOffset: number }[]
}

function bigOffsets(topics: readonly CommitTopic[]): unknown {
  return topics.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map((partition) => ({
      ...partition,
      committedOffset: BigInt(partition.committedOffset),
    })),
  }))
}

function filterOf(filter: RequestOf<'DescribeAcls'>): unknown {
  return {
    resourceType: filter.resourceTypeFilter,
    resourceName: filter.resourceNameFilter,
    resourcePatternType: filter.patternTypeFilter,
    principal: filter.principalFilter,
    host: filter.hostFilter,
    operation: filter.operation,
    permissionType: filter.permissionType,
  }
}
