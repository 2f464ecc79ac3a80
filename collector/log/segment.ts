// Segment: one `.log` file of RecordBatches and its two sparse indexes; appends, reads, and finds offsets.
import { strict as assert } from 'node:assert'
import type { Storage, StorageFile } from '../../core/runtime.ts'
import { BATCH_OVERHEAD, type BatchHeader, nextOffsetOf } from '../../protocol/batch-header.ts'
import { unpackedSize } from '../../protocol/compression.ts'
import { ReadingPlaces } from './reading-places.ts'
import { type Gap, SegmentIndexer } from './recovery.ts'
import { findBatch, headerAt, ReadWindow } from './scan.ts'
import { type Allocate, allocateFresh, readChunk, takeWhole } from './segment-files.ts'
import { readIndexes, segmentEndings, writeIndexes } from './segment-indexes.ts'
import { SharedFile } from './shared-file.ts'

/** One whole batch to be stored, already stamped. */
export interface LogBatch {
  readonly bytes: Uint8Array
  readonly baseOffset: number
  readonly lastOffset: number
  readonly timestampMax: number
}

/** A batch as it lies in a segment. */
export interface StoredBatch {
  readonly header: BatchHeader
  /** Byte position in the segment's file. */
  readonly position: number
  /** Bytes of its records once unpacked, as far as the header's neighbourhood says; null for a guess of the reader. */
  readonly unpackedBytes: number | null
}

/** What a log keeps about a segment between two runs. */
export interface SegmentState {
  readonly baseOffset: number
  readonly endOffset: number
  readonly bytes: number
  readonly timestampMax: number | null
  readonly appendedAt: number
  readonly gaps: readonly Gap[]
}

/** A range of offsets that cannot be read: from included, to excluded. */
export interface OffsetRange {
  readonly fromOffset: number
  readonly toOffset: number
}

export const indexIntervalBytes = 4096

/** The name of a segment's files without the ending: its first offset in 20 digits, as Kafka names them. */
export function segmentName(baseOffset: number): string {
  return String(baseOffset).padStart(20, '0')
}

/** The first offset of the segment that a `.log` file name stands for, or null for any other name. */
export function segmentBaseOf(fileName: string): number | null {
  if (!/^[0-9]{20}\.log$/.test(fileName)) return null
  const base = Number(fileName.slice(0, 20))
  return Number.isSafeInteger(base) ? base : null
}

/** How many bytes the batches take and where they end; they have to continue a log that ends at `endOffset`. */
export function continued(
  batches: readonly LogBatch[],
  endOffset: number,
): { readonly bytes: number; readonly endOffset: number } {
  let bytes = 0
  let next = endOffset
  for (const batch of batches) {
    assert.equal(batch.baseOffset, next, 'appended offsets continue the log')
    next = batch.lastOffset + 1
    bytes += batch.bytes.length
  }
  return { bytes, endOffset: next }
}

/** One segment. The log decides when to append, sync, seal and remove; calls that write never overlap. */
export class Segment implements AsyncDisposable {
  readonly baseOffset: number
  readonly path: string
  readonly #storage: Storage
  #state: SegmentState
  readonly #file: SharedFile
  readonly #places = new ReadingPlaces()
  #indexer: SegmentIndexer | null
  /** Told of a range that turned out to be unreadable while reading. */
  onDamage: (gap: Gap) => void = () => undefined

  constructor(
    storage: Storage,
    directory: string,
    state: SegmentState,
    opened: { readonly file: StorageFile; readonly indexer: SegmentIndexer } | null,
  ) {
    this.#storage = storage
    this.baseOffset = state.baseOffset
    this.path = `${directory}/${segmentName(state.baseOffset)}`
    this.#state = state
    this.#file = new SharedFile(storage, `${this.path}.log`, opened?.file ?? null, () => {
      this.#indexer = null
    })
    this.#indexer = opened?.indexer ?? null
  }

  get state(): SegmentState {
    return this.#state
  }

  get endOffset(): number {
    return this.#state.endOffset
  }

  get bytes(): number {
    return this.#state.bytes
  }

  /** Writes the batches behind the last one; nothing is synced. The file may be longer after a failure: see `cutBack`. */
  async append(batches: readonly LogBatch[], now: number): Promise<void> {
    const pieces: Uint8Array[] = []
    for (const batch of batches) pieces.push(batch.bytes)
    const indexer = this.#writeIndexer()
    await this.#file.opened.write(this.bytes, pieces)
    let { bytes, endOffset } = this.#state
    for (const batch of batches) {
      indexer.note(batch.baseOffset, bytes, batch.bytes.length, batch.timestampMax, batch.lastOffset + 1)
      bytes += batch.bytes.length
      endOffset = batch.lastOffset + 1
    }
    const timestampMax = indexer.timestampMax
    this.#state = { ...this.#state, bytes, endOffset, timestampMax, appendedAt: now }
  }

  /** After a failed append: makes the file as long as the segment is. */
  async cutBack(): Promise<void> {
    await this.#file.opened.truncate(this.bytes)
  }

  async sync(): Promise<void> {
    await this.#file.opened.sync()
  }

  /** Cuts the segment before the batch that holds `endOffset`; not synced. */
  async truncate(endOffset: number): Promise<void> {
    const at = await this.#file.use((file) => this.#locate(file, endOffset))
    await this.#file.opened.truncate(at.position)
    this.#places.clear()
    this.#writeIndexer().truncate(at.position, at.expected)
    const gaps = this.#state.gaps.filter((gap) => gap.toPosition <= at.position)
    this.#state = { ...this.#state, bytes: at.position, endOffset: at.expected, gaps }
  }

  /** Writes both index files. They are hints: not synced, and a failure may be ignored. */
  async writeIndexes(): Promise<void> {
    await writeIndexes(this.#storage, this.path, this.#writeIndexer(), this.#state)
  }

  /**
   * Whole batches as they lie on disk, from the one that holds `fromOffset` on, below `endOffset`, up to about
   * `bytesMax` but one at least. Stops at a gap; `skipped` names the gap it had to jump over first.
   */
  async read(
    fromOffset: number,
    endOffset: number,
    bytesMax: number,
    allocate: Allocate = allocateFresh,
  ): Promise<SegmentRead> {
    return this.#file.use(async (file) => {
      for (;;) {
        const skipped: OffsetRange[] = []
        const known = this.#places.find(fromOffset)
        const at =
          known === null
            ? await this.#locate(file, fromOffset, skipped)
            : this.#overGap({ position: known, expected: fromOffset }, skipped)
        const room = this.#stopAfter(at.position) - at.position
        const wanted = Math.min(Math.max(bytesMax, BATCH_OVERHEAD), room)
        let chunk = await readChunk(file, at.position, wanted, allocate)
        let taken = takeWhole(chunk, at.expected, endOffset, room)
        if (taken.end === 0 && taken.wanted > chunk.length) {
          chunk = await readChunk(file, at.position, taken.wanted, allocate)
          taken = takeWhole(chunk, at.expected, endOffset, room)
        }
        const isEnd = room <= 0 || at.expected >= Math.min(endOffset, this.endOffset)
        if (taken.end > 0 || isEnd) {
          this.#places.remember(taken.nextOffset, at.position + taken.end)
          return { bytes: chunk.subarray(0, taken.end), nextOffset: taken.nextOffset, skipped }
        }
        // What was remembered may be of a tail that was cut off since.
        if (known !== null) this.#places.forget(fromOffset)
        else await this.#findGap(new ReadWindow(file, this.bytes, walkWindowBytes), at)
      }
    })
  }

  /** The headers of the batches from the one that holds `fromOffset` on, below `endOffset`, in order. */
  async *headers(fromOffset: number, endOffset: number, skipped: OffsetRange[]): AsyncGenerator<StoredBatch> {
    const file = await this.#file.enter()
    try {
      const at = await this.#locate(file, fromOffset, skipped)
      yield* this.#walk(file, at.position, at.expected, endOffset, skipped)
    } finally {
      await this.#file.leave()
    }
  }

  /** The bytes of one stored batch; fewer when the file is shorter than it was. */
  async readAt(position: number, length: number): Promise<Uint8Array> {
    return this.#file.use((file) => readChunk(file, position, length))
  }

  /** An offset at or before the first record with the timestamp or a later one; null when all records are older. */
  async searchTime(timestamp: number): Promise<number | null> {
    if (this.#state.timestampMax === null || this.#state.timestampMax < timestamp) return null
    const from = await this.#file.use(async (file) => {
      const indexer = await this.#loadIndexes(file)
      return indexer.times.searchFrom(timestamp, this.baseOffset)
    })
    for await (const { header } of this.headers(from, this.endOffset, [])) {
      if (header.maxTimestamp >= timestamp) return header.baseOffset
    }
    return null
  }

  /** The largest timestamp of the batches below `endOffset`; -1 without any. */
  async largestTimestamp(endOffset: number): Promise<number> {
    const noted = await this.#file.use(async (file) =>
      (await this.#loadIndexes(file)).times.before(endOffset),
    )
    let largest = noted?.timestamp ?? -1
    if (largest === this.#state.timestampMax) return largest
    const headers = this.headers(noted?.nextOffset ?? this.baseOffset, endOffset, [])
    for await (const { header } of headers) largest = Math.max(largest, header.maxTimestamp)
    return largest
  }

  /** Makes the segment the one that is appended to: opens it for writing and has its indexes in memory. */
  async openToWrite(): Promise<void> {
    await this.#loadIndexes(await this.#file.openToWrite())
  }

  /** Keeps the descriptor, whatever becomes of the name, until the returned function is called. */
  async pin(): Promise<() => Promise<void>> {
    await this.#file.enter()
    return () => this.#file.leave()
  }

  /** Gives the descriptor and the indexes back, once nobody is reading; they come again when needed. */
  async release(): Promise<void> {
    await this.#file.release()
  }

  /** From now on nobody new gets in; those who read go on until they are done, whatever becomes of the files. */
  async retire(): Promise<void> {
    await this.#file.retire()
  }

  /** Retires the segment and removes its files. */
  async remove(): Promise<void> {
    await this.retire()
    for (const ending of segmentEndings) await this.#storage.remove(`${this.path}.${ending}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.retire()
  }

  #writeIndexer(): SegmentIndexer {
    assert(this.#indexer !== null, 'the active segment has its indexes in memory')
    return this.#indexer
  }

  /** Where the batch that holds `offset` begins, and which offset that is. */
  async #locate(file: StorageFile, offset: number, skipped: OffsetRange[] = []): Promise<Place> {
    if (offset <= this.baseOffset) return this.#overGap({ position: 0, expected: this.baseOffset }, skipped)
    const start = await this.#indexedStart(file, offset)
    let place: Place = start
    for await (const { header, position } of this.#walk(file, start.position, start.expected, offset, [])) {
      if (nextOffsetOf(header) > offset) return { position, expected: header.baseOffset }
      place = { position: position + header.length, expected: nextOffsetOf(header) }
    }
    return this.#overGap(place, skipped)
  }

  /** Where whole batches end: at the next known gap, or at the end. */
  #stopAfter(position: number): number {
    let stop = this.#state.bytes
    for (const gap of this.#state.gaps) {
      if (gap.fromPosition >= position) stop = Math.min(stop, gap.fromPosition)
    }
    return stop
  }

  /** A known gap that begins here is jumped over and named. */
  #overGap(place: Place, skipped: OffsetRange[]): Place {
    const gap = this.#state.gaps.find((known) => known.fromPosition === place.position)
    if (gap === undefined) return place
    skipped.push({ fromOffset: gap.fromOffset, toOffset: gap.toOffset })
    return { position: gap.toPosition, expected: gap.toOffset }
  }

  /** The index's advice, believed only when a header with that offset lies there. */
  async #indexedStart(file: StorageFile, offset: number): Promise<Place> {
    const indexer = await this.#loadIndexes(file)
    const hint = indexer.offsets.floor(offset)
    if (hint === null) return { position: 0, expected: this.baseOffset }
    const head = await readChunk(file, hint.position, BATCH_OVERHEAD)
    if (headerAt(head, 0, hint.baseOffset, this.bytes - hint.position) === null) {
      this.#indexer = await this.#rebuildIndexes(file)
      return { position: 0, expected: this.baseOffset }
    }
    return { position: hint.position, expected: hint.baseOffset }
  }

  async #loadIndexes(file: StorageFile): Promise<SegmentIndexer> {
    if (this.#indexer !== null) return this.#indexer
    const read = await readIndexes(this.#storage, this.path, this.#state)
    const indexer = read ?? (await this.#rebuildIndexes(file))
    this.#indexer ??= indexer
    return this.#indexer
  }

  async #rebuildIndexes(file: StorageFile): Promise<SegmentIndexer> {
    const indexer = new SegmentIndexer(indexIntervalBytes)
    for await (const { header, position } of this.#walk(file, 0, this.baseOffset, this.endOffset, [])) {
      indexer.note(header.baseOffset, position, header.length, header.maxTimestamp, nextOffsetOf(header))
    }
    return indexer
  }

  /** Walks headers from a place on; a gap is jumped over and named, a new one is found, named and kept. */
  async *#walk(
    file: StorageFile,
    position: number,
    expected: number,
    endOffset: number,
    skipped: OffsetRange[],
  ): AsyncGenerator<StoredBatch> {
    const window = new ReadWindow(file, this.bytes, walkWindowBytes)
    let place: Place = { position, expected }
    while (place.expected < endOffset && place.position < window.end) {
      const jumped = this.#overGap(place, skipped)
      if (jumped !== place) {
        place = jumped
        continue
      }
      const head = await window.view(place.position, headBytes)
      const header = headerAt(head, 0, place.expected, window.end - place.position)
      if (header === null) {
        await this.#findGap(window, place)
        continue
      }
      yield { header, position: place.position, unpackedBytes: unpackedBytesOf(header, head) }
      place = { position: place.position + header.length, expected: nextOffsetOf(header) }
    }
  }

  /** Bytes that were good once and are no more: keeps the range up to the next whole batch as a gap. */
  async #findGap(window: ReadWindow, place: Place): Promise<void> {
    const found = await findBatch(window, place.position + 1, place.expected)
    const gap: Gap = {
      fromPosition: place.position,
      toPosition: found?.position ?? window.end,
      fromOffset: place.expected,
      toOffset: found?.header.baseOffset ?? this.endOffset,
    }
    this.#state = { ...this.#state, gaps: [...this.#state.gaps, gap] }
    this.onDamage(gap)
  }
}

export interface SegmentRead {
  readonly bytes: Uint8Array
  /** The offset behind the last batch in `bytes`, or behind the gap when there are none. */
  readonly nextOffset: number
  readonly skipped: readonly OffsetRange[]
}

interface Place {
  readonly position: number
  readonly expected: number
}

const walkWindowBytes = 64 * 1024
/** A batch's header and the largest zstd frame header behind it. */
const headBytes = BATCH_OVERHEAD + 18

function unpackedBytesOf(header: BatchHeader, head: Uint8Array): number | null {
  if (header.codec === 'none') return header.length - BATCH_OVERHEAD
  return header.codec === 'zstd' ? unpackedSize('zstd', head.subarray(BATCH_OVERHEAD)) : null
}
