// The checker: finds Jepsen's kafka anomalies in a history, in a few passes over it.
import type { Anomaly } from './anomalies.ts'
import { cycleAnomalies } from './cycles.ts'
import type { History } from './history.ts'
import { orderAnomalies } from './order.ts'
import { buildLogs, type Logs, type PartitionLog } from './partition-log.ts'

export interface CheckOptions {
  /** The history ends with everything read from the beginning after all was healed: acknowledged and unread is an anomaly. */
  readonly readToEnd: boolean
  /** Producers are idempotent: a value at two offsets is forbidden. */
  readonly idempotent: boolean
}

/** Every anomaly of the history; `forbidden` keeps those that break a promise. */
export function check(history: History, options: CheckOptions): readonly Anomaly[] {
  const logs = buildLogs(history)
  const found: Anomaly[] = []
  for (const partition of logs.partitions.values()) {
    checkOffsets(partition, options, found)
    checkReads(partition, history, found)
    checkLost(partition, logs, history, found)
    if (options.readToEnd) checkUnseen(partition, history, found)
  }
  found.push(...orderAnomalies(history, logs), ...cycleAnomalies(history, logs))
  return found
}

/** What must not be. */
export function forbidden(anomalies: readonly Anomaly[]): readonly Anomaly[] {
  return anomalies.filter((anomaly) => !anomaly.allowed)
}

function checkOffsets(partition: PartitionLog, options: CheckOptions, found: Anomaly[]): void {
  for (const [offset, values] of partition.offsets) {
    if (values.size === 1) continue
    const what = `${partition.key}@${offset} held ${[...values].join(' and ')}`
    found.push({ name: 'inconsistent-offsets', allowed: false, what })
  }
  for (const { value, offsets } of partition.values.values()) {
    if (offsets.size < 2) continue
    const what = `${value} stands in ${partition.key} at ${[...offsets].join(' and ')}`
    found.push({ name: 'duplicate', allowed: !options.idempotent, what })
  }
}

function checkReads(partition: PartitionLog, history: History, found: Anomaly[]): void {
  for (const { value, writer, readers } of partition.values.values()) {
    const [reader] = readers
    if (reader === undefined) continue
    const what = `${history[reader]?.process} read ${value} of ${partition.key}`
    if (writer === null) found.push({ name: 'phantom', allowed: false, what })
    else if (history[writer]?.outcome === 'fail') found.push({ name: 'G1a', allowed: false, what })
    if (writer !== null && history[writer]?.verb === 'txn' && readers.includes(writer)) {
      found.push({ name: 'precommitted-read', allowed: false, what })
    }
  }
}

/** Somebody read beyond it, nobody read it. */
function checkLost(partition: PartitionLog, logs: Logs, history: History, found: Anomaly[]): void {
  let bound = -1
  for (const value of partition.values.values()) {
    if (value.readers.length > 0) bound = Math.max(bound, value.first)
  }
  for (const { value, writer, readers, last } of partition.values.values()) {
    if (readers.length > 0 || last === -1 || last > bound) continue
    if (writer === null || logs.committed[writer] !== true) continue
    const what = `${value} of ${partition.key}, sent by ${history[writer]?.process}`
    found.push({ name: 'lost-write', allowed: false, what })
  }
}

function checkUnseen(partition: PartitionLog, history: History, found: Anomaly[]): void {
  for (const { value, writer, readers } of partition.values.values()) {
    if (readers.length > 0 || writer === null || history[writer]?.outcome !== 'ok') continue
    const what = `${value} of ${partition.key}, sent by ${history[writer]?.process}`
    found.push({ name: 'unseen', allowed: false, what })
  }
}
