// ListOffsets and OffsetForLeaderEpoch: where a partition begins and ends, by time, and by leader epoch.
import type { ResponseInput } from '../../protocol/apis/index.ts'
import { KafkaError, kafkaErrors } from '../../protocol/errors.ts'
import { listOffset } from '../broker/partitions/list-offset.ts'
import type { Partition } from '../broker/partitions/partition.ts'
import type { AclOperation } from '../broker/security/acls.ts'
import type { RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { checkLeaderEpoch } from './leader-epoch.ts'
import { troubleOf } from './trouble.ts'

type ListedPartition = ResponseInput<'ListOffsets'>['topics'][number]['partitions'][number]
type EpochEnd = ResponseInput<'OffsetForLeaderEpoch'>['topics'][number]['partitions'][number]

/** What the timestamps below zero ask for, and the version that brought it. */
const specialVersionMin: ReadonlyMap<number, number> = new Map([
  [-1, 1],
  [-2, 1],
  [-3, 7],
  [-4, 8],
])
/** Kafka's words for "no such epoch" and "no such offset". */
const undefinedEpoch = -1
const undefinedOffset = -1

export const offsetHandlers = {
  async ListOffsets({ isolationLevel, topics }, context) {
    const isolation = isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
    const list = async (
      topic: string,
      asked: (typeof topics)[number]['partitions'][number],
    ): Promise<ListedPartition> => {
      const { partitionIndex, timestamp, currentLeaderEpoch } = asked
      try {
        const partition = partitionFor(topic, partitionIndex, 'DESCRIBE', context)
        checkLeaderEpoch(currentLeaderEpoch, partition)
        checkTimestamp(timestamp, context.apiVersion)
        const found = await listOffset(partition, timestamp, isolation)
        return { partitionIndex, errorCode: kafkaErrors.NONE, ...found }
      } catch (error) {
        return { partitionIndex, errorCode: troubleOf(error, context).errorCode }
      }
    }
    return {
      topics: await Promise.all(
        topics.map(async ({ name, partitions }) => ({
          name,
          partitions: await Promise.all(partitions.map((asked) => list(name, asked))),
        })),
      ),
    }
  },

  OffsetForLeaderEpoch({ topics }, context) {
    return {
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map((asked): EpochEnd => {
          try {
            const partition = partitionFor(topic, asked.partition, 'DESCRIBE', context)
            checkLeaderEpoch(asked.currentLeaderEpoch, partition)
            return {
              partition: asked.partition,
              errorCode: kafkaErrors.NONE,
              ...endOf(asked.leaderEpoch, partition),
            }
          } catch (error) {
            const { errorCode } = troubleOf(error, context)
            return {
              partition: asked.partition,
              errorCode,
              leaderEpoch: undefinedEpoch,
              endOffset: undefinedOffset,
            }
          }
        }),
      })),
    }
  },
} satisfies Partial<Handlers>

function partitionFor(
  topic: string,
  index: number,
  operation: AclOperation,
  context: RequestContext,
): Partition {
  if (!context.authorize(operation, 'TOPIC', topic))
    throw new KafkaError('TOPIC_AUTHORIZATION_FAILED', `topic ${topic}: not allowed`)
  const partition = context.broker.partition(topic, index)
  if (partition !== null) return partition
  throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${index} of topic ${topic}`)
}

function checkTimestamp(timestamp: number, version: number): void {
  if (timestamp >= 0 || version >= (specialVersionMin.get(timestamp) ?? Number.POSITIVE_INFINITY)) return
  throw new KafkaError('UNSUPPORTED_VERSION', `version ${version} knows no timestamp ${timestamp}`)
}

/** One node has one leader for ever: its epoch ends where the log does, and others were never there. */
function endOf(
  epoch: number,
  partition: Partition,
): { readonly leaderEpoch: number; readonly endOffset: number } {
  if (epoch !== partition.leaderEpoch) return { leaderEpoch: undefinedEpoch, endOffset: undefinedOffset }
  return { leaderEpoch: epoch, endOffset: partition.highWatermark }
}
