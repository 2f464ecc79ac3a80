// PartitionState: where a partition stands with its sources and producers, rebuilt from snapshots and the log behind.
import type { Clock, Logger, Storage } from '../../../core/runtime.ts'
import { readHeader } from '../../../protocol/batch-header.ts'
import { decodeMarker } from '../../../protocol/control-batch.ts'
import type { Log } from '../../log/log.ts'
import { decodeMark } from '../../log/write-mark.ts'
import type { BrokerConfig } from '../config.ts'
import { ProducerState, readProducerSnapshot, writeProducerSnapshot } from './producer-state.ts'
import {
  emptySources,
  readSourceSnapshot,
  rebuildSources,
  type SourceState,
  savedSources,
  writeSourceSnapshot,
} from './source-state.ts'

const readBytes = 4 * 1024 * 1024

export interface PartitionState {
  readonly sources: SourceState
  readonly producers: ProducerState
}

interface Parts {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
  readonly config: BrokerConfig
}

/** Reads the snapshots and then the batches behind them. `offset` is where the older one ended. */
export async function loadPartitionState(
  directory: string,
  log: Log,
  parts: Parts,
): Promise<{ readonly state: PartitionState; readonly offset: number }> {
  const { config, clock, logger } = parts
  const sourceLimits = { sourcesMax: config.sourcesMax, expiryMs: config.sourceExpiryMs }
  const producerLimits = { producersMax: config.producersMax, expiryMs: config.producerExpiryMs }
  const sources = await readSourceSnapshot(directory, sourceLimits, parts)
  const producers = await readProducerSnapshot(directory, log, producerLimits, parts)
  const sourcesFrom = sources?.offset ?? 0
  const producersFrom = producers?.offset ?? 0
  const state = {
    sources: sources?.state ?? emptySources(sourceLimits),
    producers: producers?.state ?? new ProducerState(producerLimits),
  }
  const now = clock.now()
  const offset = Math.min(log.endOffset, Math.max(log.startOffset, Math.min(sourcesFrom, producersFrom)))
  for (let next = offset; next < log.endOffset; ) {
    const { bytes, nextOffset } = await log.read(next, log.endOffset, readBytes)
    for (let at = 0; at < bytes.length; ) {
      const header = readHeader(bytes, at)
      const { baseOffset, producerId } = header
      if (producerId >= 0 && baseOffset >= producersFrom) {
        state.producers.apply(header, baseOffset, header.isControl ? decodeMarker(bytes, at) : null, now)
      }
      // A Kafka client may have copied records with our headers in them (a mirror): its batches say nothing of sources.
      const isOurs = !decodeMark(header.leaderEpoch).isForeign && header.count > 0
      if (isOurs && baseOffset >= sourcesFrom) rebuildSources(bytes, at, state.sources, { now, logger })
      at += header.length
    }
    next = nextOffset
  }
  return { state, offset }
}

/** Saves the state as it is now; everything below `offset` must be durable. Returns how to write it to the disk. */
export function savePartitionState(
  directory: string,
  state: PartitionState,
  offset: number,
  storage: Storage,
): () => Promise<void> {
  const producers = state.producers.save(offset)
  const sources = savedSources(state.sources, offset)
  return async () => {
    await writeProducerSnapshot(directory, producers, storage)
    await writeSourceSnapshot(directory, sources, storage)
  }
}
