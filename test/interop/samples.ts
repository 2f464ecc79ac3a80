// Records for the cases: every shape that Kafka allows, and plain lines for clients that ship lines.
import { isUtf8 } from 'node:buffer'
import type { ConsumedRecord, JobRecord } from './job.ts'

/** What records a client can be given: anything, lines of text in partitions of its own choice, or these without keys. */
export type Shapes = 'any' | 'text' | 'lines'

export function base64(text: string | Uint8Array): string {
  return Buffer.from(text as Uint8Array).toString('base64')
}

/** Values of all shapes for each of some partitions: every byte, empty, null, 100 KB, other alphabets. */
export function mixedRecords(label: string, partitions: number, shapes: Shapes): JobRecord[] {
  if (shapes === 'lines') return lineRecords(label, 40)
  const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index)
  const values = [
    ...Array.from({ length: 8 }, (_, index) => base64(`${label} ${index}`)),
    base64(everyByte),
    base64(''),
    base64('日志 журнал 🪵'),
    base64(`${label} `.repeat(100_000 / (label.length + 1))),
    null,
    base64(`${label} last`),
  ]
  if (shapes === 'text') return values.filter(isText).map((value) => ({ key: base64('k'), value }))
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  return all.flatMap((partition) => values.map((value) => ({ partition, key: base64('k'), value })))
}

/** Whether a value survives a client that takes it for text. */
export function isText(value: string | null): boolean {
  return value === null || isUtf8(Buffer.from(value, 'base64'))
}

/** Lines of text, without keys, headers or a partition of their own. */
export function lineRecords(label: string, count: number): JobRecord[] {
  return Array.from({ length: count }, (_, index) => ({ key: null, value: base64(`${label} ${index}`) }))
}

/** Records that compress well, all for partition 0. */
export function compressibleRecords(label: string, shapes: Shapes): JobRecord[] {
  if (shapes === 'lines') return lineRecords(`${label} ${'compress me '.repeat(30)}`, 100)
  return Array.from({ length: 100 }, (_, index) => ({
    partition: 0,
    key: base64('k'),
    value: base64(`${label} ${index} ${'compress me '.repeat(30)}`),
  }))
}

/** What both sides agree on for a record, as one comparable text; null and empty differ. */
export function essence(record: JobRecord): string {
  return JSON.stringify([record.key, record.value, record.headers ?? []])
}

/** What was sent to each partition, in order. */
export function byPartition(records: readonly JobRecord[]): Map<number, string[]> {
  const found = new Map<number, string[]>()
  for (const record of records) {
    const partition = record.partition ?? 0
    const list = found.get(partition) ?? []
    list.push(essence(record))
    found.set(partition, list)
  }
  return found
}

/** Consumed records in the order of their offsets, each offset once; throws when an offset shows two records. */
export function inOrder(records: readonly ConsumedRecord[]): ConsumedRecord[] {
  const seen = new Map<string, ConsumedRecord>()
  for (const record of records) {
    const place = `${record.partition}@${record.offset}`
    const before = seen.get(place)
    if (before !== undefined && essence(before) !== essence(record)) {
      throw new Error(`offset ${place} shows two records: ${essence(before)} and ${essence(record)}`)
    }
    seen.set(place, record)
  }
  return [...seen.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}
