// Consumer groups of the newer protocol (KIP-848): ConsumerGroupHeartbeat, ConsumerGroupDescribe.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { kafkaErrors } from '../../protocol/errors.ts'
import type { ConsumerHeartbeat } from '../broker/groups/consumer-groups/consumer-types.ts'
import type {
  DescribedConsumerGroup,
  DescribedConsumerMember,
  NamedPartitions,
} from '../broker/groups/consumer-groups/describe.ts'
import { partitionSet, topicPartitions } from '../broker/groups/consumer-groups/partition-set.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { authorizedOperations } from './operations.ts'

type GroupAnswer = ResponseInput<'ConsumerGroupDescribe'>['groups'][number]
type MemberAnswer = NonNullable<GroupAnswer['members']>[number]

/** From this version on a member makes its id itself. */
const ownIdVersion = 1
/** `MemberType`: of the newer protocol; others are not let in. */
const memberType = 1

export const consumerGroupHandlers = {
  async ConsumerGroupHeartbeat(request, context) {
    const { broker } = context
    const { groupId, subscribedTopicNames } = request
    if (!context.authorize('READ', 'GROUP', groupId)) {
      return { errorCode: kafkaErrors.GROUP_AUTHORIZATION_FAILED }
    }
    if (subscribedTopicNames?.some((name) => !context.authorize('DESCRIBE', 'TOPIC', name)) === true) {
      return { errorCode: kafkaErrors.TOPIC_AUTHORIZATION_FAILED }
    }
    const answer = await broker.groupsCoordinator.consumerHeartbeat(groupId, heartbeatOf(request, context))
    const { memberId, memberEpoch, assigned } = answer
    return {
      errorCode: kafkaErrors.NONE,
      memberId,
      memberEpoch,
      heartbeatIntervalMs: broker.configs.broker.consumerHeartbeatMs,
      assignment: assigned && { topicPartitions: topicPartitions(assigned) },
    }
  },

  ConsumerGroupDescribe({ groupIds, includeAuthorizedOperations }, context) {
    return {
      groups: groupIds.map((groupId) => {
        const answer = describe(groupId, context)
        const isAsked = includeAuthorizedOperations && answer.errorCode === kafkaErrors.NONE
        if (!isAsked) return answer
        return { ...answer, authorizedOperations: authorizedOperations(context.session, 'GROUP', groupId) }
      }),
    }
  },
} satisfies Partial<Handlers>

function heartbeatOf(
  request: RequestOf<'ConsumerGroupHeartbeat'>,
  context: RequestContext,
): ConsumerHeartbeat {
  const { apiVersion, clientId, connection, random } = context
  const { memberId, memberEpoch, rebalanceTimeoutMs, topicPartitions: owned } = request
  const needsId = memberId === '' && memberEpoch === 0 && apiVersion < ownIdVersion
  return {
    memberId: needsId ? random.uuid() : memberId,
    memberEpoch,
    instanceId: request.instanceId,
    rackId: request.rackId,
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? null : rebalanceTimeoutMs,
    topicNames: request.subscribedTopicNames,
    topicRegex: request.subscribedTopicRegex,
    assignor: request.serverAssignor,
    owned: owned && partitionSet(owned),
    clientId: clientId ?? '',
    clientHost: `/${connection.peer}`,
    isVisible: (topic) => context.authorize('DESCRIBE', 'TOPIC', topic),
  }
}

function describe(groupId: string, context: RequestContext): GroupAnswer {
  const refused = (errorCode: number, errorMessage: string) => ({ groupId, errorCode, errorMessage })
  if (!context.authorize('DESCRIBE', 'GROUP', groupId)) {
    return refused(kafkaErrors.GROUP_AUTHORIZATION_FAILED, 'DESCRIBE of the group is not allowed')
  }
  const found = context.broker.groupsCoordinator.describeConsumerGroup(groupId)
  if (found === null) {
    return refused(kafkaErrors.GROUP_ID_NOT_FOUND, `there is no group ${groupId} of the newer protocol`)
  }
  const names = new Set(found.members.flatMap(({ assigned, target }) => [...assigned, ...target].map(nameOf)))
  for (const name of names) {
    if (context.authorize('DESCRIBE', 'TOPIC', name)) continue
    return refused(kafkaErrors.TOPIC_AUTHORIZATION_FAILED, 'DESCRIBE of a topic of the group is not allowed')
  }
  return { groupId, errorCode: kafkaErrors.NONE, ...shown(found) }
}

function nameOf({ topicName }: NamedPartitions): string {
  return topicName
}

function shown(found: DescribedConsumerGroup): Omit<GroupAnswer, 'errorCode' | 'groupId'> {
  return {
    groupState: found.phase,
    groupEpoch: found.epoch,
    assignmentEpoch: found.targetEpoch,
    assignorName: found.assignor,
    members: found.members.map(shownMember),
  }
}

function shownMember(member: DescribedConsumerMember): MemberAnswer {
  const { memberId, instanceId, rackId, clientId, clientHost, topicNames, topicRegex } = member
  return {
    ...{ memberId, instanceId, rackId, clientId, clientHost, memberType },
    memberEpoch: member.epoch,
    subscribedTopicNames: topicNames,
    subscribedTopicRegex: topicRegex === '' ? null : topicRegex,
    assignment: { topicPartitions: member.assigned },
    targetAssignment: { topicPartitions: member.target },
  }
}
