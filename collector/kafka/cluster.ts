// DescribeCluster, ElectLeaders, AlterPartitionReassignments, ListPartitionReassignments: one node, where nothing moves.
import { type KafkaErrorName, kafkaErrors } from '../../protocol/errors.ts'
import type { Broker } from '../broker/broker.ts'
import { nodeId } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { authorizedOperations } from './operations.ts'
import { clusterResource, type SecuritySession } from './security.ts'
import { noTrouble, type Trouble } from './trouble.ts'

/** Kafka's word for "not asked for" in the bits of operations. */
const operationsUnasked = -2147483648
/** `EndpointType`. */
const endpoints = { brokers: 1, controllers: 2 } as const
/** `ElectionType`. */
const elections = { preferred: 0, unclean: 1 } as const

export const clusterHandlers = {
  DescribeCluster({ endpointType, includeClusterAuthorizedOperations }, { cluster, session }) {
    const error = endpointError(endpointType)
    const { clusterId, controllerId, brokers } = cluster
    const isFine = error === 'NONE'
    return {
      errorCode: kafkaErrors[error],
      errorMessage: isFine ? null : 'this is an endpoint of brokers',
      endpointType: endpoints.brokers,
      clusterId: isFine ? clusterId : '',
      controllerId: isFine ? controllerId : -1,
      brokers: isFine ? brokers.map(({ nodeId, ...rest }) => ({ brokerId: nodeId, ...rest })) : [],
      clusterAuthorizedOperations:
        isFine &&
        includeClusterAuthorizedOperations &&
        session.authorize('DESCRIBE', 'CLUSTER', clusterResource)
          ? authorizedOperations(session, 'CLUSTER')
          : operationsUnasked,
    }
  },

  ElectLeaders({ electionType, topicPartitions }, { broker, session }) {
    const refusal = electionRefusal(electionType, session)
    // Who asks for all is told of those that changed only, as by Kafka.
    const replicaElectionResults = (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({
        partitionId,
        ...(refusal ?? (isThere(broker, topic, partitionId) ? electionNotNeeded : unknownPartition)),
      })),
    }))
    return { errorCode: refusal?.errorCode ?? kafkaErrors.NONE, replicaElectionResults }
  },

  AlterPartitionReassignments({ topics }, { broker, session }) {
    if (!session.authorize('ALTER', 'CLUSTER', clusterResource))
      return { ...notAllowed('ALTER'), responses: [] }
    const responses = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, replicas }) => ({
        partitionIndex,
        ...(isThere(broker, name, partitionIndex) ? reassigned(replicas) : unknownPartition),
      })),
    }))
    return { ...noTrouble, responses }
  },

  ListPartitionReassignments(_request, { session }) {
    if (!session.authorize('DESCRIBE', 'CLUSTER', clusterResource))
      return { ...notAllowed('DESCRIBE'), topics: [] }
    return { ...noTrouble, topics: [] }
  },
} satisfies Partial<Handlers>

const nothingToCancel: Trouble = {
  errorCode: kafkaErrors.NO_REASSIGNMENT_IN_PROGRESS,
  errorMessage: 'no partition is on the move',
}

function electionRefusal(electionType: number, session: SecuritySession): Trouble | null {
  if (!session.authorize('ALTER', 'CLUSTER', clusterResource)) return notAllowed('ALTER')
  if (electionType === elections.preferred || electionType === elections.unclean) return null
  const errorMessage = `there is no election of type ${electionType}`
  return { errorCode: kafkaErrors.INVALID_REQUEST, errorMessage }
}

const electionNotNeeded: Trouble = {
  errorCode: kafkaErrors.ELECTION_NOT_NEEDED,
  errorMessage: `node ${nodeId} leads it, and is its preferred leader`,
}

const unknownPartition: Trouble = {
  errorCode: kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION,
  errorMessage: 'there is no such partition',
}

function isThere(broker: Broker, topic: string, partition: number): boolean {
  return broker.findTopic(topic)?.open[partition] !== undefined
}

/** A partition may only be sent to where it is; null: it is to stay. */
function reassigned(replicas: readonly number[] | null): Trouble {
  if (replicas === null) return nothingToCancel
  if (replicas.length === 1 && replicas[0] === nodeId) return noTrouble
  const errorMessage = `each partition has one copy, on node ${nodeId}`
  return { errorCode: kafkaErrors.INVALID_REPLICA_ASSIGNMENT, errorMessage }
}

function notAllowed(operation: string): Trouble {
  return { errorCode: kafkaErrors.CLUSTER_AUTHORIZATION_FAILED, errorMessage: `${operation} is not allowed` }
}

function endpointError(endpointType: number): KafkaErrorName {
  if (endpointType === endpoints.brokers) return 'NONE'
  return endpointType === endpoints.controllers ? 'MISMATCHED_ENDPOINT_TYPE' : 'UNSUPPORTED_ENDPOINT_TYPE'
}
