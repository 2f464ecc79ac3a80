// DescribeCluster, AlterPartitionReassignments, ListPartitionReassignments: a cluster of one node, where nothing moves.
import { type KafkaErrorName, kafkaErrors } from '../../protocol/errors.ts'
import { nodeId } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { authorizedOperations } from './operations.ts'
import { clusterResource } from './security.ts'
import { noTrouble, type Trouble } from './trouble.ts'

/** Kafka's word for "not asked for" in the bits of operations. */
const operationsUnasked = -2147483648
/** `EndpointType`. */
const endpoints = { brokers: 1, controllers: 2 } as const

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

  AlterPartitionReassignments({ topics }, { session }) {
    if (!session.authorize('ALTER', 'CLUSTER', clusterResource))
      return { ...notAllowed('ALTER'), responses: [] }
    const responses = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, replicas }) => ({
        partitionIndex,
        ...(replicas === null ? nothingToCancel : reassigned(replicas)),
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

/** A partition may only be sent to where it is. */
function reassigned(replicas: readonly number[]): Trouble {
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
