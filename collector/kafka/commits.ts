// Offsets of consumer groups: OffsetCommit, TxnOffsetCommit, OffsetFetch, OffsetDelete.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { kafkaErrors } from '../../protocol/errors.ts'
import type { CommitPartition, FetchedOffset, PartitionError } from '../broker/groups/group-types.ts'
import type { AclOperation } from '../broker/security/acls.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { troubleOf } from './trouble.ts'

type CommitTopics = RequestOf<'OffsetCommit'>['topics']
type CommitAnswer = ResponseInput<'OffsetCommit'>['topics']
type FetchTopics = RequestOf<'OffsetFetch'>['topics']
type FetchAnswer = NonNullable<ResponseInput<'OffsetFetch'>['topics']>

/** From this version on a client knows epochs of members. */
const memberEpochVersion = 9
/** From this version on a client knows that its transaction can be aborted by us. */
const abortableVersion = 4

export const commitHandlers = {
  async OffsetCommit(request, context) {
    const { groupId: group, memberId, groupInstanceId: instanceId, topics } = request
    const generationId = request.generationIdOrMemberEpoch
    if (!context.authorize('READ', 'GROUP', group)) return refusedCommit(topics)
    const identity = { group, memberId, instanceId, generationId }
    return await commit(topics, context, async (partitions) => {
      const outcomes = await context.broker.groupsCoordinator.commitOffsets({ ...identity, partitions })
      return context.apiVersion < memberEpochVersion ? outcomes.map(withoutEpochs) : outcomes
    })
  },

  async TxnOffsetCommit(request, context) {
    const { groupId: group, memberId, groupInstanceId: instanceId, generationId, topics } = request
    const { producerId, producerEpoch, transactionalId } = request
    if (!context.authorize('WRITE', 'TRANSACTIONAL_ID', transactionalId)) {
      return refusedCommit(topics, kafkaErrors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    }
    if (!context.authorize('READ', 'GROUP', group)) return refusedCommit(topics)
    const knowsAbortable = context.apiVersion >= abortableVersion
    const identity = { group, memberId, instanceId, generationId, producerId, producerEpoch, knowsAbortable }
    return await commit(topics, context, (partitions) =>
      context.broker.groupsCoordinator.txnCommitOffsets({ ...identity, partitions }),
    )
  },

  OffsetFetch(request, context) {
    const { groupId, topics, groups, requireStable } = request
    if (context.apiVersion >= 8) {
      return {
        groups: groups.map((one) => ({
          groupId: one.groupId,
          ...fetchOfMember(one, requireStable, context),
        })),
      }
    }
    return fetchGroup(groupId, topics, requireStable, context)
  },

  async OffsetDelete({ groupId, topics }, context) {
    if (!context.authorize('DELETE', 'GROUP', groupId)) {
      return { errorCode: kafkaErrors.GROUP_AUTHORIZATION_FAILED, topics: [] }
    }
    const named = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        topic: name,
        partition: partitionIndex,
      })),
    }))
    try {
      const outcome = await eachAllowed(named, 'READ', context, (partitions) =>
        context.broker.groupsCoordinator.deleteOffsets(groupId, partitions),
      )
      return { errorCode: kafkaErrors.NONE, topics: outcome }
    } catch (error) {
      return { errorCode: troubleOf(error, context).errorCode, topics: [] }
    }
  },
} satisfies Partial<Handlers>

/** A topic of a request, its partitions with what the broker is asked of each. */
interface Named<Asked> {
  readonly name: string
  readonly partitions: readonly (Asked & { readonly partitionIndex: number })[]
}

async function commit(
  topics: CommitTopics,
  context: RequestContext,
  keep: (partitions: readonly CommitPartition[]) => Promise<readonly PartitionError[]>,
): Promise<{ readonly topics: CommitAnswer }> {
  const named = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((one) => ({
      partitionIndex: one.partitionIndex,
      topic: name,
      partition: one.partitionIndex,
      offset: one.committedOffset,
      leaderEpoch: one.committedLeaderEpoch,
      metadata: one.committedMetadata ?? '',
    })),
  }))
  return { topics: await eachAllowed(named, 'READ', context, keep) }
}

/** Asks for the partitions of the topics that the client may touch; the answers in the shape of the request. */
async function eachAllowed<Asked>(
  topics: readonly Named<Asked>[],
  operation: AclOperation,
  context: RequestContext,
  ask: (partitions: readonly Asked[]) => Promise<readonly PartitionError[]>,
): Promise<CommitAnswer> {
  const allowed = new Set(topics.filter(({ name }) => context.authorize(operation, 'TOPIC', name)))
  const outcomes = await ask([...allowed].flatMap(({ partitions }) => partitions))
  let next = 0
  return topics.map((topic) => ({
    name: topic.name,
    partitions: topic.partitions.map(({ partitionIndex }) => {
      if (!allowed.has(topic)) return { partitionIndex, errorCode: kafkaErrors.TOPIC_AUTHORIZATION_FAILED }
      const outcome = outcomes[next]
      next += 1
      return { partitionIndex, errorCode: kafkaErrors[outcome?.error ?? 'UNKNOWN_SERVER_ERROR'] }
    }),
  }))
}

function refusedCommit(
  topics: CommitTopics,
  errorCode: number = kafkaErrors.GROUP_AUTHORIZATION_FAILED,
): { readonly topics: CommitAnswer } {
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }
}

/** An old client is told of a wrong epoch that it should be newer. */
function withoutEpochs(outcome: PartitionError): PartitionError {
  return outcome.error === 'STALE_MEMBER_EPOCH' ? { ...outcome, error: 'UNSUPPORTED_VERSION' } : outcome
}

/** One group's offsets, for a member with its epoch since version 9. */
function fetchOfMember(
  { groupId, memberId, memberEpoch, topics }: RequestOf<'OffsetFetch'>['groups'][number],
  requireStable: boolean,
  context: RequestContext,
): { readonly topics: FetchAnswer; readonly errorCode: number } {
  const answer = fetchGroup(groupId, topics, requireStable, context)
  if (answer.errorCode !== kafkaErrors.NONE) return answer
  const error = context.broker.groupsCoordinator.checkFetch(groupId, memberId, memberEpoch)
  return error === 'NONE' ? answer : { topics: [], errorCode: kafkaErrors[error] }
}

/** One group's offsets. Null topics ask for all. */
function fetchGroup(
  group: string,
  topics: FetchTopics,
  requireStable: boolean,
  context: RequestContext,
): { readonly topics: FetchAnswer; readonly errorCode: number } {
  const { broker, apiVersion } = context
  if (!context.authorize('DESCRIBE', 'GROUP', group)) {
    const errorCode = kafkaErrors.GROUP_AUTHORIZATION_FAILED
    // Version 1 has no other place for it.
    return { topics: apiVersion < 2 ? none(topics ?? [], errorCode) : [], errorCode }
  }
  const isAllowed = (name: string) => context.authorize('DESCRIBE', 'TOPIC', name)
  const asked = topics
    ?.filter(({ name }) => isAllowed(name))
    .flatMap(({ name, partitionIndexes }) =>
      partitionIndexes.map((partition) => ({ topic: name, partition })),
    )
  const fetched = broker.groupsCoordinator.fetchOffsets(group, asked ?? null, requireStable)
  const byTopic = Map.groupBy(fetched, ({ topic }) => topic)
  const shown = [...byTopic].filter(([name]) => isAllowed(name))
  const found = shown.map(([name, list]) => ({ name, partitions: list.map(fetchedPartition) }))
  const hidden = topics?.filter(({ name }) => !isAllowed(name)) ?? []
  return {
    topics: [...found, ...none(hidden, kafkaErrors.TOPIC_AUTHORIZATION_FAILED)],
    errorCode: kafkaErrors.NONE,
  }
}

function fetchedPartition(fetched: FetchedOffset): FetchAnswer[number]['partitions'][number] {
  return {
    partitionIndex: fetched.partition,
    committedOffset: fetched.offset,
    committedLeaderEpoch: fetched.leaderEpoch,
    metadata: fetched.metadata,
    errorCode: kafkaErrors[fetched.error],
  }
}

function none(topics: NonNullable<FetchTopics>, errorCode: number): FetchAnswer {
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1,
      metadata: '',
      errorCode,
    })),
  }))
}
