// Every API that the broker speaks, by name and by key.

import type { Api, Decoded, Input } from '../schema.ts'
import { CreateAcls, DeleteAcls, DescribeAcls } from './acls.ts'
import { DescribeCluster, DescribeLogDirs } from './cluster.ts'
import { OffsetCommit, OffsetDelete, OffsetFetch } from './commits.ts'
import { AlterConfigs, DescribeConfigs, IncrementalAlterConfigs } from './configs.ts'
import { ConsumerGroupDescribe, ConsumerGroupHeartbeat } from './consumer-groups.ts'
import { ElectLeaders } from './elections.ts'
import { Fetch } from './fetch.ts'
import { DeleteGroups, DescribeGroups, ListGroups } from './group-admin.ts'
import { FindCoordinator, Heartbeat, JoinGroup, LeaveGroup, SyncGroup } from './groups.ts'
import { Metadata } from './metadata.ts'
import { DeleteRecords, ListOffsets, OffsetForLeaderEpoch } from './offsets.ts'
import { Produce } from './produce.ts'
import { DescribeProducers, InitProducerId } from './producers.ts'
import { AlterClientQuotas, DescribeClientQuotas } from './quotas.ts'
import { AlterPartitionReassignments, ListPartitionReassignments } from './reassignments.ts'
import { SaslAuthenticate, SaslHandshake } from './sasl.ts'
import { CreatePartitions, CreateTopics, DeleteTopics } from './topics.ts'
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  DescribeTransactions,
  EndTxn,
  ListTransactions,
  TxnOffsetCommit,
} from './transactions.ts'
import { AlterUserScramCredentials, DescribeUserScramCredentials } from './users.ts'
import { ApiVersions } from './versions.ts'

/** All of them, in the order of their keys. */
export const apis = {
  Produce,
  Fetch,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  FindCoordinator,
  JoinGroup,
  Heartbeat,
  LeaveGroup,
  SyncGroup,
  DescribeGroups,
  ListGroups,
  SaslHandshake,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  DeleteRecords,
  InitProducerId,
  OffsetForLeaderEpoch,
  AddPartitionsToTxn,
  AddOffsetsToTxn,
  EndTxn,
  TxnOffsetCommit,
  DescribeAcls,
  CreateAcls,
  DeleteAcls,
  DescribeConfigs,
  AlterConfigs,
  DescribeLogDirs,
  SaslAuthenticate,
  CreatePartitions,
  DeleteGroups,
  ElectLeaders,
  IncrementalAlterConfigs,
  AlterPartitionReassignments,
  ListPartitionReassignments,
  OffsetDelete,
  DescribeClientQuotas,
  AlterClientQuotas,
  DescribeUserScramCredentials,
  AlterUserScramCredentials,
  DescribeCluster,
  DescribeProducers,
  DescribeTransactions,
  ListTransactions,
  ConsumerGroupHeartbeat,
  ConsumerGroupDescribe,
} as const

/** The name of an API. */
export type ApiName = keyof typeof apis
/** A request as decoded: every field is there, those its version lacks with their default. */
export type RequestOf<Name extends ApiName> = Decoded<(typeof apis)[Name]['request']>
/** A request as a client writes it: fields with a default may be left out. */
export type RequestInput<Name extends ApiName> = Input<(typeof apis)[Name]['request']>
/** A response as decoded. */
export type ResponseOf<Name extends ApiName> = Decoded<(typeof apis)[Name]['response']>
/** A response as a handler returns it: fields with a default may be left out. */
export type ResponseInput<Name extends ApiName> = Input<(typeof apis)[Name]['response']>

/** The API of a key in a request header, or null for one that the broker does not speak. */
export function apiOf(key: number): (Api & { readonly name: ApiName }) | null {
  return byKey.get(key) ?? null
}

const byKey: ReadonlyMap<number, Api & { readonly name: ApiName }> = new Map(
  Object.values(apis).map((api) => [api.key, api]),
)
