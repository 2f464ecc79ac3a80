// Opening the transaction coordinator: reads its log, finds what no transaction stands for any more.
import type { Clock, Logger, Storage } from '../../../core/runtime.ts'
import type { BrokerConfig } from '../config.ts'
import type { Topics } from '../topics/topics.ts'
import { openProducerIds } from './producer-ids.ts'
import type { TransactionGate } from './transaction-gate.ts'
import { readTransactions, TransactionLog, transactionsTopic } from './transaction-log.ts'
import { TransactionMarkers } from './transaction-markers.ts'
import { TransactionCoordinator } from './transactions.ts'

interface OpenParts {
  readonly folder: string
  readonly topics: Topics
  readonly storage: Storage
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly gate: TransactionGate
}

/** Opens the coordinator; transactional appends are taken from then on. It is not started: see its `start`. */
export async function openTransactions(parts: OpenParts): Promise<TransactionCoordinator> {
  const { folder, topics, storage, config, clock, logger, gate } = parts
  const [partition] = (await topics.make(transactionsTopic, {})).open
  if (partition === undefined) throw new Error('an internal topic has a partition')
  const known = await readTransactions(partition, logger)
  const partitions = topics.list().flatMap((topic) => topic.open)
  let floor = 0
  for (const { producerId } of known.values()) floor = Math.max(floor, producerId + 1)
  for (const { producers } of partitions) floor = Math.max(floor, producers.idMax + 1)
  const ids = await openProducerIds(folder, floor, storage)
  const markers = new TransactionMarkers(
    (place) => topics.find(place.topic)?.open[place.partition] ?? null,
    logger,
  )
  const coordinator = new TransactionCoordinator(known, (all) => new TransactionLog(partition, logger, all), {
    ids,
    markers,
    config,
    clock,
    logger,
  })
  gate.open(coordinator)
  for (const each of partitions) await coordinator.endHanging(each)
  return coordinator
}
