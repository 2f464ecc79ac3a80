// The ledger: what the collector acknowledged, kept outside of the disk that loses its power, and how it is checked.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Broker } from '../../../collector/broker/broker.ts'
import { headerKeys, type RecordHeader } from '../../../core/records.ts'

/** Records `first`, `first + 1`, ... of a writer were answered with these places. */
export interface RecordsEntry {
  readonly kind: 'records'
  readonly topic: string
  readonly writer: string
  readonly first: number
  /** [partition, offset] of each. */
  readonly places: readonly (readonly [number, number])[]
}

/** A batch of a source was answered with this kept position; it holds records `first` to `first + count - 1`. */
export interface BatchEntry {
  readonly kind: 'batch'
  readonly topic: string
  /** The source, which is also the writer. */
  readonly writer: string
  readonly partition: number
  readonly epoch: number
  readonly to: number
  readonly first: number
  readonly count: number
}

export type Entry = RecordsEntry | BatchEntry

/** Record `n` of a writer: its bytes follow from its name, so that what is read back needs no second copy. */
export function recordText(writer: string, n: number): string {
  const mixed = Math.imul(n + 1, 2_654_435_761) >>> 0
  const padding = mixed % 97 === 0 ? 6_000 + (mixed % 4_000) : mixed % 300
  return `{"w":"${writer}","n":${n},"x":"${String.fromCharCode(97 + (mixed % 26)).repeat(padding)}"}`
}

/** Reads a ledger that grows; a last line without its newline is still being written and does not count. */
export class LedgerReader implements Disposable {
  readonly #file: number
  readonly #entries: Entry[] = []
  #bytes = 0

  constructor(path: string) {
    this.#file = openSync(path, 'r')
  }

  /** Bytes that were not read yet: how much was acknowledged since. */
  get waitingBytes(): number {
    return fstatSync(this.#file).size - this.#bytes
  }

  /** Everything acknowledged so far. */
  read(): readonly Entry[] {
    const bytes = Buffer.alloc(this.waitingBytes)
    const count = readSync(this.#file, bytes, 0, bytes.length, this.#bytes)
    const whole = bytes.subarray(0, bytes.subarray(0, count).lastIndexOf(10) + 1)
    this.#bytes += whole.length
    for (const line of whole.toString('utf8').split('\n'))
      if (line !== '') this.#entries.push(JSON.parse(line))
    return [...this.#entries]
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

/** Records that were acknowledged. */
export function acknowledgedIn(ledger: readonly Entry[]): number {
  return ledger.reduce((sum, entry) => sum + (entry.kind === 'batch' ? entry.count : entry.places.length), 0)
}

/** What a recovered log holds, held against the ledger; everything but the first two must be 0. */
export interface Findings {
  /** Records in the log. */
  records: number
  /** Records that were acknowledged before the cut. */
  acknowledged: number
  /** Acknowledged records that are not at their place, or not with their bytes. */
  lost: number
  /** Records there twice. */
  doubled: number
  /** Offsets that do not follow the one before. */
  gaps: number
  /** Records nobody wrote. */
  wrong: number
  /** Sources whose kept position is not that of their last stored batch, or is below an acknowledged one. */
  positions: number
}

interface Source {
  epoch: number
  to: number
}

/** Reads the whole log back. */
export async function check(
  broker: Broker,
  ledger: readonly Entry[],
  signal: AbortSignal,
): Promise<Findings> {
  const findings = { records: 0, acknowledged: 0, lost: 0, doubled: 0, gaps: 0, wrong: 0, positions: 0 }
  const stored = new Map<string, readonly Name[]>()
  const placeOf = new Map<string, Map<number, string>>()
  const sources = new Map<string, Source>()
  for (const topic of broker.topics()) {
    if (topic.name.startsWith('__')) continue
    for (let partition = 0; partition < topic.partitions; partition += 1) {
      let expected = 0
      const place = `${topic.name}/${partition}`
      const names: Name[] = []
      stored.set(place, names)
      const options = { topics: [topic.name], partition, start: 'beginning', follow: false } as const
      for await (const record of broker.tail(options, signal)) {
        findings.records += 1
        if (record.offset !== expected) findings.gaps += 1
        expected = record.offset + 1
        const name = nameOf(record.value)
        if (name === null) {
          findings.wrong += 1
          continue
        }
        const places = placeOf.get(name.writer) ?? new Map<number, string>()
        placeOf.set(name.writer, places)
        if (places.has(name.n)) findings.doubled += 1
        places.set(name.n, place)
        names[record.offset] = name
        if (record.headers.length > 0) noteSource(sources, place, record.headers)
      }
    }
  }
  findings.acknowledged = acknowledgedIn(ledger)
  for (const entry of ledger) checkEntry(entry, { stored, placeOf, sources }, findings)
  for (const [key, source] of sources) {
    const [topic, partition, name] = key.split('/')
    const kept = broker
      .positions(name ?? '')
      .find((one) => one.topic === topic && one.partition === Number(partition))
    if (kept?.epoch !== source.epoch || kept.to !== source.to) findings.positions += 1
  }
  return findings
}

interface Seen {
  /** Names of records by place and offset. */
  readonly stored: ReadonlyMap<string, readonly Name[]>
  /** Places of records by writer and number. */
  readonly placeOf: ReadonlyMap<string, ReadonlyMap<number, string>>
  readonly sources: ReadonlyMap<string, Source>
}

function checkEntry(entry: Entry, seen: Seen, findings: Findings): void {
  if (entry.kind === 'records') {
    for (const [index, [partition, offset]] of entry.places.entries()) {
      const there = seen.stored.get(`${entry.topic}/${partition}`)?.[offset]
      if (there?.writer !== entry.writer || there.n !== entry.first + index) findings.lost += 1
    }
    return
  }
  const partition = `${entry.topic}/${entry.partition}`
  const places = seen.placeOf.get(entry.writer)
  for (let n = entry.first; n < entry.first + entry.count; n += 1) {
    if (places?.get(n) !== partition) findings.lost += 1
  }
  const source = seen.sources.get(`${partition}/${entry.writer}`)
  if (source === undefined || isBefore(source, entry)) findings.positions += 1
}

interface Name {
  readonly writer: string
  readonly n: number
}

/** Which record it is, when its bytes are exactly those of that record, else null. */
function nameOf(value: Uint8Array | null): Name | null {
  if (value === null) return null
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
  const found = /^\{"w":"([\w-]+)","n":(\d+),/.exec(text)
  if (found === null) return null
  const [, writer = '', n = ''] = found
  return recordText(writer, Number(n)) === text ? { writer, n: Number(n) } : null
}

function noteSource(sources: Map<string, Source>, partition: string, headers: readonly RecordHeader[]): void {
  const text = (key: string) => {
    const value = headers.find((header) => header.key === key)?.value
    return value === undefined || value === null ? null : Buffer.from(value).toString('utf8')
  }
  const name = text(headerKeys.source)
  if (name === null) return
  sources.set(`${partition}/${name}`, {
    epoch: Number(text(headerKeys.epoch)),
    to: Number(text(headerKeys.to)),
  })
}

function isBefore(one: Source, other: Source): boolean {
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.to < other.to)
}
