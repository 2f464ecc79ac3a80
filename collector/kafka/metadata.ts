// Metadata: the one broker, and the topics a client may know of, made on the way where that is allowed.
import type { Topic } from '../../core/event-log.ts'
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { ZERO_UUID } from '../../protocol/bytes.ts'
import { type KafkaErrorName, kafkaErrorOf, kafkaErrors } from '../../protocol/errors.ts'
import { nodeId, type RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { authorizedOperations } from './operations.ts'
import { clusterResource } from './security.ts'

type MetadataRequest = RequestOf<'Metadata'>
type AskedTopic = NonNullable<MetadataRequest['topics']>[number]
type TopicAnswer = ResponseInput<'Metadata'>['topics'][number]

const replicas = [nodeId]
/** "Not asked for" in both fields of authorized operations. */
const noOperations = -(2 ** 31)

export const metadataHandlers = {
  async Metadata(request, context) {
    const { clusterId, controllerId, brokers } = context.cluster
    const topics: TopicAnswer[] = []
    if (asksForAll(request, context.apiVersion)) {
      for (const topic of context.broker.topics()) {
        if (context.authorize('DESCRIBE', 'TOPIC', topic.name)) topics.push(found(topic, request, context))
      }
    } else {
      for (const asked of request.topics ?? []) topics.push(await answerTopic(asked, request, context))
    }
    return {
      brokers,
      clusterId,
      controllerId,
      topics,
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
        ? authorizedOperations(context.session, 'CLUSTER')
        : noOperations,
    }
  },
} satisfies Partial<Handlers>

/** Null is all; version 0 knew no null and said it with an empty list. */
function asksForAll({ topics }: MetadataRequest, apiVersion: number): boolean {
  return topics === null || (apiVersion === 0 && topics.length === 0)
}

async function answerTopic(
  asked: AskedTopic,
  request: MetadataRequest,
  context: RequestContext,
): Promise<TopicAnswer> {
  if (asked.topicId !== ZERO_UUID) return answerById(asked.topicId, request, context)
  const name = asked.name ?? ''
  if (!context.authorize('DESCRIBE', 'TOPIC', name)) return missing('TOPIC_AUTHORIZATION_FAILED', name)
  const known = context.broker.findTopic(name)
  if (known !== null) return found(known, request, context)
  if (!request.allowAutoTopicCreation) return missing('UNKNOWN_TOPIC_OR_PARTITION', name)
  try {
    // Where the topic may not be made, its name is still checked: a wrong one is no reason to ask again.
    const mayCreate =
      context.authorize('CREATE', 'CLUSTER', clusterResource) || context.authorize('CREATE', 'TOPIC', name)
    if (!mayCreate) return missing('TOPIC_AUTHORIZATION_FAILED', name)
    return found(await context.broker.topic(name), request, context)
  } catch (error) {
    return missing(kafkaErrorOf(error), name)
  }
}

function answerById(id: string, request: MetadataRequest, context: RequestContext): TopicAnswer {
  const topic = context.broker.topicById(id)
  // Who may not know of it is told the same as when it was not there.
  if (topic === null || !context.authorize('DESCRIBE', 'TOPIC', topic.name)) {
    const name = context.apiVersion >= 12 ? null : ''
    return { ...missing('UNKNOWN_TOPIC_ID', ''), name, topicId: id }
  }
  return found(topic, request, context)
}

function found(topic: Topic, request: MetadataRequest, context: RequestContext): TopicAnswer {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.name.startsWith('__'),
    partitions: Array.from({ length: topic.partitions }, (_, partitionIndex) => ({
      errorCode: 0,
      partitionIndex,
      leaderId: nodeId,
      leaderEpoch: context.broker.partition(topic.name, partitionIndex)?.leaderEpoch ?? 0,
      replicaNodes: replicas,
      isrNodes: replicas,
    })),
    topicAuthorizedOperations: request.includeTopicAuthorizedOperations
      ? authorizedOperations(context.session, 'TOPIC', topic.name)
      : noOperations,
  }
}

function missing(error: KafkaErrorName, name: string): TopicAnswer {
  return { errorCode: kafkaErrors[error], name, isInternal: false, partitions: [] }
}
