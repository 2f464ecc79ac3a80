// The log of one partition as the history shows it: who wrote each value, where it stands, who read it.
import type { History, Operation } from './history.ts'

/** What is known of one value. */
export interface Value {
  readonly value: number
  /** Index of the operation that sent it; null when nobody did. */
  writer: number | null
  /** Where it was seen; more than one is a duplicate. */
  readonly offsets: Set<number>
  /** Operations with outcome ok that read it. */
  readonly readers: number[]
  /** Dense places of its lowest and highest offset; -1 when it was never seen. */
  first: number
  last: number
}

export interface PartitionLog {
  readonly key: string
  readonly values: Map<number, Value>
  /** Values seen at each offset; more than one is an inconsistency. */
  readonly offsets: Map<number, Set<number>>
  /** Offsets in order: an offset's index here is its dense place. Holes (markers, aborted records) have none. */
  places: Map<number, number>
}

/** The logs of all partitions, and which operations surely took effect. */
export interface Logs {
  readonly partitions: ReadonlyMap<string, PartitionLog>
  /** By operation: ok, or unknown with a value that somebody read. */
  readonly committed: readonly boolean[]
}

/** Three passes over the history: who wrote what, who read what, what stands where. */
export function buildLogs(history: History): Logs {
  const partitions = new Map<string, PartitionLog>()
  for (const [index, each] of history.entries()) noteWrites(partitions, each, index)
  for (const [index, each] of history.entries()) if (each.outcome === 'ok') noteReads(partitions, each, index)
  const committed = history.map((each) => isCommitted(partitions, each))
  for (const [index, each] of history.entries()) notePlaces(partitions, each, committed[index] === true)
  for (const partition of partitions.values()) rank(partition)
  return { partitions, committed }
}

/** The dense place of an offset in its partition; -1 when nothing certain is known to be there. */
export function placeOf(logs: Logs, key: string, offset: number | null): number {
  return offset === null ? -1 : (logs.partitions.get(key)?.places.get(offset) ?? -1)
}

function noteWrites(partitions: Map<string, PartitionLog>, each: Operation, index: number): void {
  for (const step of each.steps) {
    if (step.kind === 'send') entryOf(partitions, step.key, step.value).writer = index
  }
}

function noteReads(partitions: Map<string, PartitionLog>, each: Operation, index: number): void {
  for (const step of each.steps) {
    if (step.kind !== 'poll') continue
    for (const read of step.reads) {
      const { readers } = entryOf(partitions, step.key, read.value)
      if (readers.at(-1) !== index) readers.push(index)
    }
  }
}

function isCommitted(partitions: ReadonlyMap<string, PartitionLog>, each: Operation): boolean {
  if (each.outcome !== 'info') return each.outcome === 'ok'
  return each.steps.some((step) => {
    if (step.kind !== 'send') return false
    const readers = partitions.get(step.key)?.values.get(step.value)?.readers ?? []
    return readers.length > 0
  })
}

/** All polls count, also those of operations that failed: what a client is given must be safe. */
function notePlaces(partitions: Map<string, PartitionLog>, each: Operation, committed: boolean): void {
  for (const step of each.steps) {
    if (step.kind === 'poll') {
      for (const read of step.reads) place(partitions, step.key, read.value, read.offset)
    } else if (committed && step.offset !== null) place(partitions, step.key, step.value, step.offset)
  }
}

function place(partitions: Map<string, PartitionLog>, key: string, value: number, offset: number): void {
  entryOf(partitions, key, value).offsets.add(offset)
  const { offsets } = partitionOf(partitions, key)
  const there = offsets.get(offset)
  if (there === undefined) offsets.set(offset, new Set([value]))
  else there.add(value)
}

function rank(partition: PartitionLog): void {
  const sorted = Float64Array.from(partition.offsets.keys()).sort()
  partition.places = new Map()
  for (const [index, offset] of sorted.entries()) partition.places.set(offset, index)
  for (const value of partition.values.values()) {
    for (const offset of value.offsets) {
      const at = partition.places.get(offset) ?? -1
      value.first = value.first === -1 ? at : Math.min(value.first, at)
      value.last = Math.max(value.last, at)
    }
  }
}

function entryOf(partitions: Map<string, PartitionLog>, key: string, value: number): Value {
  const { values } = partitionOf(partitions, key)
  let known = values.get(value)
  if (known === undefined) {
    known = { value, writer: null, offsets: new Set(), readers: [], first: -1, last: -1 }
    values.set(value, known)
  }
  return known
}

function partitionOf(partitions: Map<string, PartitionLog>, key: string): PartitionLog {
  let partition = partitions.get(key)
  if (partition === undefined) {
    partition = { key, values: new Map(), offsets: new Map(), places: new Map() }
    partitions.set(key, partition)
  }
  return partition
}
