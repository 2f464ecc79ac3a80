// The same cuts on a simulated disk, for machines without loop mounts: broker in process, hostile crashes.
import { openBroker } from '../../../collector/broker/broker.ts'
import type { Runtime, Storage } from '../../../core/runtime.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { createLogger } from '../../../runtime/logger.ts'
import { SeededRandom } from '../../sim/random.ts'
import { SimulatedDisk } from '../../sim/storage.ts'
import { SourceBatches } from './batches.ts'
import { check, type Entry, type Findings, recordText } from './ledger.ts'

const folder = '/data/log'
const config = { partitions: 2, segmentBytes: 64 * 1024, upkeepMs: 20, retentionMs: null }

/**
 * One life of a broker on a fresh disk, cut at a random call of the disk, and what its successor finds. With `isMutant`
 * the sync of a segment does nothing.
 */
export async function cutSimulated(seed: number, isMutant: boolean): Promise<Findings> {
  const random = new SeededRandom(seed, 'power-cut')
  const disk = new SimulatedDisk({
    random: new SeededRandom(seed, 'disk'),
    mode: 'hostile',
    // Latency makes calls overlap, as they do on a disk.
    wait: () => new Promise((resolve) => setImmediate(resolve)),
  })
  const ledger: Entry[] = []
  const over = new AbortController()
  const broker = await openBroker({ folder, config }, runtimeOf(disk, isMutant, random, over.signal))
  const crashAt = disk.calls + 100 + random.below(1500)
  let noted: readonly Entry[] = []
  disk.intercept = (call) => {
    if (call.number < crashAt || noted.length > 0) return 'go'
    noted = [...ledger]
    return 'crash'
  }
  const publishers = Array.from({ length: 4 }, (_, index) =>
    publish(broker, `r${index}`, ledger, random, over.signal),
  )
  const senders = Array.from({ length: 3 }, (_, index) =>
    append(broker, `src-${index}`, ledger, random, over.signal),
  )
  await Promise.race([disk.whenCrashed(), ...publishers, ...senders])
  // Whatever the dead still wait for never comes.
  over.abort()
  disk.intercept = null
  const later = new AbortController()
  try {
    await using again = await openBroker({ folder, config }, runtimeOf(disk, isMutant, random, later.signal))
    return await check(again, noted, later.signal)
  } finally {
    later.abort()
  }
}

type OpenBroker = Awaited<ReturnType<typeof openBroker>>

async function publish(
  broker: OpenBroker,
  writer: string,
  ledger: Entry[],
  random: SeededRandom,
  signal: AbortSignal,
): Promise<void> {
  for (let first = 0; !signal.aborted; ) {
    const count = 1 + random.below(5)
    const records = Array.from({ length: count }, (_, index) => ({
      key: Buffer.from(`${writer}/${index}`),
      value: Buffer.from(recordText(writer, first + index)),
      timestamp: 1_763_700_000_000 + first,
      headers: [],
      source: null,
    }))
    const topic = `records_${random.below(3)}`
    const published = await broker.publish(topic, records, signal)
    const places = published.map(({ partition, offset }) => [partition, offset ?? -1] as const)
    ledger.push({ kind: 'records', topic, writer, first, places })
    first += count
  }
}

async function append(
  broker: OpenBroker,
  writer: string,
  ledger: Entry[],
  random: SeededRandom,
  signal: AbortSignal,
): Promise<void> {
  const batches = new SourceBatches(writer)
  while (!signal.aborted) {
    const { range, first, count, bytes } = batches.next(1 + random.below(8))
    const { epoch, to } = range
    const answer = await broker.append({ topic: 'lines', bytes: bytes(), range }, signal)
    if (answer.outcome !== 'appended') throw new Error(`a batch that follows was answered ${answer.outcome}`)
    const { partition } = answer
    ledger.push({ kind: 'batch', topic: 'lines', writer, partition, epoch, to, first, count })
  }
}

/** The disk, real time that stops with the signal, no diagnostics. */
function runtimeOf(
  disk: SimulatedDisk,
  isMutant: boolean,
  random: SeededRandom,
  over: AbortSignal,
): Pick<Runtime, 'storage' | 'clock' | 'random' | 'logger'> {
  const storage = disk.storage()
  return {
    storage: isMutant ? withoutSegmentSync(storage) : storage,
    clock: {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms, AbortSignal.any([signal, over])),
    },
    random,
    logger: createLogger('silent'),
  }
}

/** Says yes to the sync of a segment and does nothing. All else is synced: without, nothing would even open again. */
function withoutSegmentSync(storage: Storage): Storage {
  return {
    ...storage,
    async open(path, mode) {
      const file = await storage.open(path, mode)
      if (!path.endsWith('.log')) return file
      return {
        get size() {
          return file.size
        },
        read: (position, target) => file.read(position, target),
        write: (position, pieces) => file.write(position, pieces),
        truncate: (size) => file.truncate(size),
        sync: async () => undefined,
        [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
      }
    },
  }
}
