// DescribeLogDirs: where the topics lie on disk, and how much of it they take.
import { kafkaErrors } from '../../protocol/errors.ts'
import type { Handlers } from './dispatch.ts'
import { clusterResource } from './security.ts'

export const logDirHandlers = {
  DescribeLogDirs({ topics }, { broker, session }) {
    if (!session.authorize('DESCRIBE', 'CLUSTER', clusterResource))
      return { errorCode: kafkaErrors.CLUSTER_AUTHORIZATION_FAILED, results: [] }
    const { failed, topics: all } = broker.status()
    const asked = topics === null ? null : new Map(topics.map((one) => [one.topic, new Set(one.partitions)]))
    const described = all.flatMap(({ name, partitions }) => {
      const wanted = asked?.get(name)
      if (asked !== null && wanted === undefined) return []
      const shown = partitions.filter((one) => wanted?.has(one.partition) !== false)
      const sizes = shown.map(({ partition, bytes }) => {
        return { partitionIndex: partition, partitionSize: bytes, offsetLag: 0, isFutureKey: false }
      })
      return [{ name, partitions: sizes }]
    })
    const errorCode = failed === null ? kafkaErrors.NONE : kafkaErrors.KAFKA_STORAGE_ERROR
    return { errorCode: kafkaErrors.NONE, results: [{ errorCode, logDir: broker.folder, topics: described }] }
  },
} satisfies Partial<Handlers>
