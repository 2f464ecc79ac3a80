// Consumer groups: FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, and ListGroups, DescribeGroups, DeleteGroups.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { type KafkaErrorName, kafkaErrors } from '../../protocol/errors.ts'
import type { DescribedGroup } from '../broker/groups/group-coordinator.ts'
import type { JoinAnswer, JoinRequest } from '../broker/groups/group-types.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { authorizedOperations } from './operations.ts'
import { clusterResource } from './security.ts'
import { troubleOf } from './trouble.ts'

type Coordinator = NonNullable<ResponseInput<'FindCoordinator'>['coordinators']>[number]
type GroupAnswer = ResponseInput<'DescribeGroups'>['groups'][number]

/** `CoordinatorType`. */
const keyTypes = { group: 0, transaction: 1 } as const
/** From these versions on a client knows what the state machine may tell it. */
const memberIdRequiredVersion = 4
const skipAssignmentVersion = 9
/** Kafka's word for "not asked for" in the bits of operations. */
const operationsUnasked = -2147483648
const refusedJoin = { generationId: -1, leader: '', members: [] } as const
const refusedSync = { assignment: new Uint8Array(0) } as const

export const groupHandlers = {
  FindCoordinator({ key, keyType, coordinatorKeys }, context) {
    if (context.apiVersion >= 4) {
      return { coordinators: coordinatorKeys.map((one) => findCoordinator(one, keyType, context)) }
    }
    return findCoordinator(key, keyType, context)
  },

  async JoinGroup(request, context) {
    const { broker, signal } = context
    const { groupId, memberId } = request
    if (!context.authorize('READ', 'GROUP', groupId)) {
      const errorCode = kafkaErrors.GROUP_AUTHORIZATION_FAILED
      return { ...refusedJoin, errorCode, memberId, protocolName: nameFor(null, context) }
    }
    const join = joinOf(request, context)
    return joinAnswer(await broker.groupsCoordinator.joinGroup(groupId, join, signal), context)
  },

  async SyncGroup(request, context) {
    const { groupId, groupInstanceId: instanceId, assignments, ...rest } = request
    if (!context.authorize('READ', 'GROUP', groupId)) {
      return { ...refusedSync, errorCode: kafkaErrors.GROUP_AUTHORIZATION_FAILED }
    }
    const { broker, signal } = context
    const { error, ...answer } = await broker.groupsCoordinator.syncGroup(
      groupId,
      { ...rest, instanceId, assignments: assignments.map(ownCopy) },
      signal,
    )
    return { ...answer, errorCode: kafkaErrors[error] }
  },

  Heartbeat({ groupId, generationId, memberId, groupInstanceId: instanceId }, context) {
    if (!context.authorize('READ', 'GROUP', groupId)) {
      return { errorCode: kafkaErrors.GROUP_AUTHORIZATION_FAILED }
    }
    const error = context.broker.groupsCoordinator.heartbeat(groupId, { generationId, memberId, instanceId })
    return { errorCode: kafkaErrors[error] }
  },

  LeaveGroup({ groupId, memberId, members }, context) {
    const isBatch = context.apiVersion >= 3
    if (!context.authorize('READ', 'GROUP', groupId)) {
      return { errorCode: kafkaErrors.GROUP_AUTHORIZATION_FAILED }
    }
    const leaving = isBatch
      ? members.map((one) => ({ memberId: one.memberId, instanceId: one.groupInstanceId }))
      : [{ memberId, instanceId: null }]
    const errors = context.broker.groupsCoordinator.leaveGroup(groupId, leaving)
    if (!isBatch) return { errorCode: kafkaErrors[errors[0] ?? 'NONE'] }
    return {
      errorCode: kafkaErrors.NONE,
      members: leaving.map((one, index) => ({
        memberId: one.memberId,
        groupInstanceId: one.instanceId,
        errorCode: kafkaErrors[errors[index] ?? 'NONE'],
      })),
    }
  },

  ListGroups({ statesFilter, typesFilter }, context) {
    const states = new Set(statesFilter.map((state) => state.toLowerCase()))
    const types = new Set(typesFilter.map((type) => type.toLowerCase()))
    const seesAll = context.authorize('DESCRIBE', 'CLUSTER', clusterResource)
    return {
      errorCode: kafkaErrors.NONE,
      groups: context.broker.groupsCoordinator
        .listGroups()
        .filter(({ type }) => types.size === 0 || types.has(type))
        .filter(({ phase }) => states.size === 0 || states.has(phase.toLowerCase()))
        .filter(({ group }) => seesAll || context.authorize('DESCRIBE', 'GROUP', group))
        .map(({ group, type, phase, protocolType }) => ({
          groupId: group,
          protocolType,
          groupState: phase,
          groupType: type === 'classic' ? 'Classic' : 'Consumer',
        })),
    }
  },

  DescribeGroups({ groups, includeAuthorizedOperations }, context) {
    return {
      groups: groups.map((groupId) => {
        const answer = describe(groupId, context)
        const isAsked = includeAuthorizedOperations && answer.errorCode === kafkaErrors.NONE
        const operations = isAsked
          ? authorizedOperations(context.session, 'GROUP', groupId)
          : operationsUnasked
        return { ...answer, authorizedOperations: operations }
      }),
    }
  },

  async DeleteGroups({ groupsNames }, context) {
    const remove = async (groupId: string) => {
      if (!context.authorize('DELETE', 'GROUP', groupId)) {
        return { groupId, errorCode: kafkaErrors.GROUP_AUTHORIZATION_FAILED }
      }
      try {
        await context.broker.groupsCoordinator.deleteGroup(groupId)
        return { groupId, errorCode: kafkaErrors.NONE }
      } catch (error) {
        return { groupId, errorCode: troubleOf(error, context).errorCode }
      }
    }
    return { results: await Promise.all(groupsNames.map(remove)) }
  },
} satisfies Partial<Handlers>

/** One broker coordinates everything. */
function findCoordinator(key: string, keyType: number, context: RequestContext): Coordinator {
  const refused = (error: KafkaErrorName, errorMessage: string) => {
    return { key, nodeId: -1, host: '', port: -1, errorCode: kafkaErrors[error], errorMessage }
  }
  if (keyType !== keyTypes.group && keyType !== keyTypes.transaction) {
    return refused('INVALID_REQUEST', `there are no coordinators of type ${keyType}`)
  }
  const isGroup = keyType === keyTypes.group
  if (!context.authorize('DESCRIBE', isGroup ? 'GROUP' : 'TRANSACTIONAL_ID', key)) {
    return isGroup
      ? refused('GROUP_AUTHORIZATION_FAILED', 'DESCRIBE of the group is not allowed')
      : refused('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'DESCRIBE of the transactional id is not allowed')
  }
  const broker = context.cluster.brokers[0]
  if (broker === undefined) return refused('COORDINATOR_NOT_AVAILABLE', 'there is no broker')
  const { nodeId, host, port } = broker
  return { key, nodeId, host, port, errorCode: kafkaErrors.NONE, errorMessage: null }
}

function joinOf(request: RequestOf<'JoinGroup'>, context: RequestContext): JoinRequest {
  const { apiVersion, clientId, connection } = context
  const { memberId, sessionTimeoutMs, protocolType, protocols } = request
  // Version 0 has one timeout for both.
  const rebalanceTimeoutMs = apiVersion === 0 ? sessionTimeoutMs : Math.max(0, request.rebalanceTimeoutMs)
  return {
    memberId,
    instanceId: request.groupInstanceId,
    clientId: clientId ?? '',
    clientHost: `/${connection.peer}`,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocolType,
    protocols: protocols.map(({ name, metadata }) => ({ name, metadata: Uint8Array.from(metadata) })),
    knowsMemberIdRequired: apiVersion >= memberIdRequiredVersion,
    knowsSkipAssignment: apiVersion >= skipAssignmentVersion,
  }
}

/** What was decoded are views of a frame that is used again; assignments stay longer than it. */
function ownCopy(one: RequestOf<'SyncGroup'>['assignments'][number]): typeof one {
  return { memberId: one.memberId, assignment: Uint8Array.from(one.assignment) }
}

function joinAnswer(answer: JoinAnswer, context: RequestContext): ResponseInput<'JoinGroup'> {
  const { error, protocolName, members, ...rest } = answer
  return {
    ...rest,
    errorCode: kafkaErrors[error],
    protocolName: nameFor(protocolName, context),
    members: members.map(({ memberId, instanceId, metadata }) => ({
      memberId,
      groupInstanceId: instanceId,
      metadata,
    })),
  }
}

/** The name of a protocol may be null since version 7. */
function nameFor(name: string | null, { apiVersion }: RequestContext): string | null {
  return apiVersion >= 7 ? name : (name ?? '')
}

function describe(groupId: string, context: RequestContext): GroupAnswer {
  const nobody = { groupId, groupState: '', protocolType: '', protocolData: '', members: [] }
  if (!context.authorize('DESCRIBE', 'GROUP', groupId)) {
    return { ...nobody, errorCode: kafkaErrors.GROUP_AUTHORIZATION_FAILED }
  }
  const found = context.broker.groupsCoordinator.describeGroup(groupId)
  // As in Kafka: who knows the newer protocol asks with ConsumerGroupDescribe.
  if (found === null || found.type === 'consumer') {
    return { ...nobody, groupState: 'Dead', errorCode: kafkaErrors.NONE }
  }
  return { errorCode: kafkaErrors.NONE, groupId, ...shown(found) }
}

function shown(found: DescribedGroup): Omit<GroupAnswer, 'errorCode' | 'groupId'> {
  return {
    groupState: found.phase,
    protocolType: found.protocolType,
    protocolData: found.protocol,
    members: found.members.map(({ instanceId, metadata, assignment, ...member }) => ({
      ...member,
      groupInstanceId: instanceId,
      memberMetadata: metadata,
      memberAssignment: assignment,
    })),
  }
}
