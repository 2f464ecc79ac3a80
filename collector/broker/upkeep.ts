// Upkeep: what a broker does by itself now and then: retention, checkpoints, expiry, and late syncs where asked for.
import type { Clock, Logger } from '../../core/runtime.ts'
import type { Scope } from '../../core/scope.ts'
import type { BrokerConfig } from './config.ts'
import type { DiskShare } from './disk-share.ts'
import type { Topics } from './topics.ts'

interface UpkeepParts {
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly share: DiskShare
  readonly topics: Topics
}

/** Starts the tasks; they end with the scope, or when the disk failed. */
export function startUpkeep(parts: UpkeepParts, scope: Scope): void {
  const { config, clock, share } = parts
  scope.spawn(async (signal) => {
    for (;;) {
      await clock.sleep(config.upkeepMs, signal)
      if (signal.aborted || share.failure !== null) return
      await upkeepOnce(parts, signal)
    }
  })
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

async function upkeepOnce(parts: UpkeepParts, signal: AbortSignal): Promise<void> {
  for (const topic of parts.topics.list()) {
    for (const partition of topic.open) {
      if (signal.aborted) return
      const fields = { topic: topic.name, partition: partition.index }
      try {
        const segments = await partition.upkeep()
        if (segments > 0) parts.logger.info({ ...fields, segments }, 'retention removed segments')
      } catch (error) {
        // A failed disk has told the broker; a full one gets another try next time.
        parts.logger.warn({ ...fields, err: error }, 'upkeep failed; will retry')
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
