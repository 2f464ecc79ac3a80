// CreateTopics, DeleteTopics, CreatePartitions, DeleteRecords: the admin calls that make topics, larger and smaller.
import { isCode } from '../../core/errors.ts'
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { ZERO_UUID } from '../../protocol/bytes.ts'
import { KafkaError, kafkaErrors } from '../../protocol/errors.ts'
import { deleteRecords } from '../broker/partitions/delete-records.ts'
import { checkTopicName, partitionsMax } from '../broker/topics/topic-files.ts'
import { isInternal } from '../broker/topics/topics.ts'
import { createdConfig } from './configs.ts'
import { nodeId, type RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { clusterResource } from './security.ts'
import { noTrouble, repeated, troubleOf } from './trouble.ts'

type NewTopic = RequestOf<'CreateTopics'>['topics'][number]
type CreatedTopic = ResponseInput<'CreateTopics'>['topics'][number]
type DeletedTopic = ResponseInput<'DeleteTopics'>['responses'][number]
type MorePartitions = RequestOf<'CreatePartitions'>['topics'][number]

export const topicHandlers = {
  async CreateTopics({ topics, validateOnly }, context) {
    const twice = repeated(topics.map((topic) => topic.name))
    const created: CreatedTopic[] = []
    for (const topic of topics) {
      try {
        created.push(await createTopic(topic, { validateOnly, isTwice: twice.has(topic.name) }, context))
      } catch (error) {
        created.push({ name: topic.name, ...troubleOf(error, context) })
      }
    }
    return { topics: created }
  },

  async DeleteTopics({ topics, topicNames }, context) {
    const asked = context.apiVersion >= 6 ? topics : topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
    const twice = repeated(asked.map(({ name, topicId }) => name ?? topicId))
    const responses: DeletedTopic[] = []
    for (const { name, topicId } of asked) {
      const isTwice = twice.has(name ?? topicId)
      responses.push(await deleteTopic({ name, topicId, isTwice }, context))
    }
    return { responses }
  },

  async CreatePartitions({ topics, validateOnly }, context) {
    const twice = repeated(topics.map((topic) => topic.name))
    const results = []
    for (const topic of topics) {
      const { name } = topic
      try {
        if (!context.authorize('ALTER', 'TOPIC', name)) throw notAllowed('ALTER')
        if (twice.has(name)) throw namedTwice()
        await createPartitions(topic, validateOnly, context)
        results.push({ name, ...noTrouble })
      } catch (error) {
        results.push({ name, ...troubleOf(error, context) })
      }
    }
    return { results }
  },

  async DeleteRecords({ topics }, context) {
    const results = []
    for (const { name, partitions } of topics) {
      const mayDelete = context.authorize('DELETE', 'TOPIC', name)
      const answers = []
      for (const { partitionIndex, offset } of partitions) {
        try {
          if (!mayDelete) throw notAllowed('DELETE')
          const lowWatermark = await deleteRecordsOf(name, partitionIndex, offset, context)
          answers.push({ partitionIndex, lowWatermark, errorCode: kafkaErrors.NONE })
        } catch (error) {
          const { errorCode } = troubleOf(error, context)
          answers.push({ partitionIndex, lowWatermark: -1, errorCode })
        }
      }
      results.push({ name, partitions: answers })
    }
    return { topics: results }
  },
} satisfies Partial<Handlers>

async function createTopic(
  topic: NewTopic,
  options: { readonly validateOnly: boolean; readonly isTwice: boolean },
  context: RequestContext,
): Promise<CreatedTopic> {
  const { name } = topic
  const { broker } = context
  if (!context.authorize('CREATE', 'CLUSTER', clusterResource) && !context.authorize('CREATE', 'TOPIC', name))
    throw notAllowed('CREATE')
  if (options.isTwice) throw namedTwice()
  checkTopicName(name)
  if (isInternal(name))
    throw new KafkaError('INVALID_TOPIC_EXCEPTION', 'names that begin with "__" are the broker\'s own')
  if (broker.findTopic(name) !== null)
    throw new KafkaError('TOPIC_ALREADY_EXISTS', `topic ${name} exists already`)
  const partitions = partitionsOfNew(topic) ?? broker.configs.broker.partitions
  const configs = configsOfNew(topic)
  const described = broker.configs.describeNew(configs)
  const made = options.validateOnly ? null : await broker.createTopic(name, { configs, partitions })
  const isShown = context.authorize('DESCRIBE_CONFIGS', 'TOPIC', name)
  return {
    name,
    topicId: made?.id ?? ZERO_UUID,
    ...noTrouble,
    topicConfigErrorCode: isShown ? kafkaErrors.NONE : kafkaErrors.TOPIC_AUTHORIZATION_FAILED,
    numPartitions: isShown ? partitions : -1,
    replicationFactor: isShown ? 1 : -1,
    configs: isShown ? described.map(createdConfig) : null,
  }
}

/** Null: as many as the broker gives by itself. */
function partitionsOfNew(topic: NewTopic): number | null {
  const { numPartitions, replicationFactor, assignments } = topic
  if (assignments.length > 0) {
    if (numPartitions !== -1 || replicationFactor !== -1)
      throw new KafkaError('INVALID_REQUEST', 'with assignments, partitions and replication factor are -1')
    checkAssignments(assignments)
    return assignments.length
  }
  if (replicationFactor !== -1 && replicationFactor !== 1)
    throw new KafkaError(
      'INVALID_REPLICATION_FACTOR',
      `there is one node, so 1 copy, not ${replicationFactor}`,
    )
  if (numPartitions === -1) return null
  if (numPartitions >= 1 && numPartitions <= partitionsMax) return numPartitions
  throw new KafkaError(
    'INVALID_PARTITIONS',
    `a topic has 1 to ${partitionsMax} partitions, not ${numPartitions}`,
  )
}

function checkAssignments(assignments: NewTopic['assignments']): void {
  if (assignments.length > partitionsMax)
    throw new KafkaError('INVALID_PARTITIONS', `a topic has at most ${partitionsMax} partitions`)
  const indexes = new Set(assignments.map((one) => one.partitionIndex))
  const isWhole = assignments.every((_, index) => indexes.has(index))
  if (!isWhole)
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', 'partitions are numbered from 0, each of them once')
  for (const { brokerIds } of assignments) checkReplicas(brokerIds)
}

function checkReplicas(brokerIds: readonly number[]): void {
  if (brokerIds.length === 1 && brokerIds[0] === nodeId) return
  throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `each partition has one copy, on node ${nodeId}`)
}

function configsOfNew({ configs }: NewTopic): Readonly<Record<string, string>> {
  const values = new Map<string, string>()
  for (const { name, value } of configs) {
    if (values.has(name)) throw new KafkaError('INVALID_REQUEST', `config ${name} is named twice`)
    if (value === null) throw new KafkaError('INVALID_CONFIG', `config ${name} has no value`)
    values.set(name, value)
  }
  return Object.fromEntries(values)
}

interface DoomedTopic {
  readonly name: string | null
  readonly topicId: string
  readonly isTwice: boolean
}

async function deleteTopic(doomed: DoomedTopic, context: RequestContext): Promise<DeletedTopic> {
  const { topicId } = doomed
  const found = doomed.name ?? context.broker.topicById(topicId)?.name ?? null
  // Who may not know of a topic is told the same as when it was not there.
  const mayKnow = doomed.name !== null || (found !== null && context.authorize('DESCRIBE', 'TOPIC', found))
  const name = mayKnow ? found : null
  const answer = { name, topicId }
  try {
    if (doomed.isTwice) throw namedTwice()
    if (name === null) throw new KafkaError('UNKNOWN_TOPIC_ID', 'there is no topic of that id')
    if (!context.authorize('DELETE', 'TOPIC', name)) throw notAllowed('DELETE')
    const id = context.broker.findTopic(name)?.id ?? topicId
    await context.broker.deleteTopic(name)
    return { ...answer, topicId: id, ...noTrouble }
  } catch (error) {
    // A feed of ours reads it.
    if (isCode(error, 'REQUEST_INVALID'))
      return { ...answer, errorCode: kafkaErrors.TOPIC_DELETION_DISABLED, errorMessage: error.message }
    return { ...answer, ...troubleOf(error, context) }
  }
}

async function createPartitions(
  { name, count, assignments }: MorePartitions,
  validateOnly: boolean,
  { broker }: RequestContext,
): Promise<void> {
  const now = broker.findTopic(name)?.partitions ?? 0
  if (now === 0) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
  if (count <= now)
    throw new KafkaError('INVALID_PARTITIONS', `topic ${name} has ${now} partitions; their number only grows`)
  if (count > partitionsMax)
    throw new KafkaError(
      'INVALID_PARTITIONS',
      `a topic has at most ${partitionsMax} partitions, not ${count}`,
    )
  if (assignments !== null) {
    if (assignments.length !== count - now)
      throw new KafkaError(
        'INVALID_REPLICA_ASSIGNMENT',
        `${count - now} new partitions, so as many assignments`,
      )
    for (const { brokerIds } of assignments) checkReplicas(brokerIds)
  }
  if (!validateOnly) await broker.alterTopic(name, { partitions: count })
}

async function deleteRecordsOf(
  name: string,
  index: number,
  offset: number,
  { broker }: RequestContext,
): Promise<number> {
  const partition = broker.partition(name, index)
  if (partition === null) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'there is no such partition')
  return await deleteRecords(partition, offset)
}

function notAllowed(operation: string): KafkaError {
  return new KafkaError('TOPIC_AUTHORIZATION_FAILED', `${operation} is not allowed`)
}

function namedTwice(): KafkaError {
  return new KafkaError('INVALID_REQUEST', 'the topic is named twice')
}
