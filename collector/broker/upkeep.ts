// Upkeep: what a broker does by itself now and then: retention, checkpoints, expiry, and late syncs where asked for.
import type { Clock, Logger } from '../../core/runtime.ts'
import type { Scope } from '../../core/scope.ts'
import { AgeClock } from './age-clock.ts'
import { compactPartition } from './compaction/compaction.ts'
import type { BrokerConfig } from './config.ts'
import type { DiskShare } from './disk-share.ts'
import type { Topics } from './topics/topics.ts'

interface UpkeepParts {
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly share: DiskShare
  readonly topics: Topics
}

/** Starts the tasks; they end with the scope, or when the disk failed. */
export function startUpkeep(parts: UpkeepParts, scope: Scope): void {
  const { config, clock, share, logger } = parts
  const ages = new AgeClock(clock, (jumpMs) => {
    logger.warn({ jumpMs }, 'the clock jumped ahead; nothing grows old by it unless it stays')
  })
  const everyUpkeep = (work: (now: number, signal: AbortSignal) => Promise<void>) =>
    scope.spawn(async (signal) => {
      for (;;) {
        await clock.sleep(config.upkeepMs, signal)
        if (signal.aborted || share.failure !== null) return
        await work(ages.now(), signal)
      }
    })
  everyUpkeep((now, signal) => upkeepOnce(parts, now, signal))
  // On its own: a large partition takes its time, and retention should not wait for it.
  everyUpkeep((now, signal) => compactOnce(parts, now, signal))
  if (typeof config.flush !== 'object') return
  const { intervalMs } = config.flush
  scope.spawn(async (signal) => {
    for (;;) {
      await clock.sleep(intervalMs, signal)
      if (signal.aborted || share.failure !== null) return
      await syncAll(parts)
    }
  })
}

/** After a start with thousands of partitions their checkpoints are written some at a time, not all at once. */
const recoveredNotesMax = 50

async function upkeepOnce(parts: UpkeepParts, now: number, signal: AbortSignal): Promise<void> {
  let recovered = 0
  for (const topic of parts.topics.list()) {
    for (const partition of topic.open) {
      if (signal.aborted) return
      const fields = { topic: topic.name, partition: partition.index }
      if (partition.log.isAsRecovered) recovered += 1
      try {
        const segments = await partition.upkeep(now, recovered <= recoveredNotesMax)
        if (segments > 0) parts.logger.info({ ...fields, segments }, 'retention removed segments')
      } catch (error) {
        // A failed disk has told the broker; a full one gets another try next time.
        parts.logger.warn({ ...fields, err: error }, 'upkeep failed; will retry')
      }
    }
  }
}

/** Cleans what is due, one partition at a time. */
async function compactOnce(parts: UpkeepParts, now: number, signal: AbortSignal): Promise<void> {
  const { config, topics, logger } = parts
  for (const topic of topics.list()) {
    for (const partition of topic.settings.isCompacted ? topic.open : []) {
      if (signal.aborted) return
      const fields = { topic: topic.name, partition: partition.index }
      try {
        const compacted = await compactPartition(
          partition,
          { now, keysMax: config.compactionKeysMax },
          signal,
        )
        if (compacted !== null) logger.info({ ...fields, ...compacted }, 'a partition was compacted')
      } catch (error) {
        if (!signal.aborted) logger.warn({ ...fields, err: error }, 'compaction failed; will retry')
      }
    }
  }
}

async function syncAll(parts: UpkeepParts): Promise<void> {
  const partitions = parts.topics.list().flatMap((topic) => topic.open)
  const results = await Promise.allSettled(partitions.map((partition) => partition.sync()))
  for (const result of results) {
    if (result.status === 'rejected') parts.logger.error({ err: result.reason }, 'a late sync failed')
  }
}
