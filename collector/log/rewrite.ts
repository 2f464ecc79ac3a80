// Rewriting: closed segments become one, batch by batch, in a file aside; offsets stay, what goes leaves empty batches.
import type { Storage, StorageFile } from '../../core/runtime.ts'
import { fillerBatch } from '../../protocol/batch-filter.ts'
import { type BatchHeader, nextOffsetOf, readHeader } from '../../protocol/batch-header.ts'
import type { Changes } from './changes.ts'
import { SegmentIndexer } from './recovery.ts'
import { indexIntervalBytes, type Segment, type SegmentState } from './segment.ts'
import { allocateFresh } from './segment-files.ts'
import { SegmentGone } from './shared-file.ts'

/** What becomes of one batch: the same bytes, others with the same offsets, or null when nothing of it stays. */
export type BatchRewriter = (batch: Uint8Array, header: BatchHeader) => Uint8Array | null

/** A segment that was written aside, synced, and still open. */
export interface RewrittenSegment {
  readonly state: SegmentState
  readonly file: StorageFile
  readonly indexer: SegmentIndexer
}

/** Small pieces: unpacking, looking at and packing one must not keep others waiting (5 ms on a quiet machine). */
const readBytes = 128 * 1024
const writeBytes = 1024 * 1024

export interface RewriteOptions {
  /** The file that is written. */
  readonly path: string
  readonly rewriter: BatchRewriter
  readonly storage: Storage
  readonly changes: Changes
  /** Where the log begins: what lies below goes. */
  readonly startOffset: number
}

/**
 * Writes what the rewriter leaves of neighbouring segments into a file. Reads and writes by pieces, between which
 * everybody else has a turn. A failed write ends the log; a full disk and an abort remove the file again and are
 * thrown, and so is SegmentGone when a segment was removed meanwhile or turned out to be damaged.
 */
export async function rewriteSegments(
  group: readonly [Segment, ...Segment[]],
  options: RewriteOptions,
  signal: AbortSignal,
): Promise<RewrittenSegment> {
  const { path, storage, changes } = options
  const file = await changes.orFail(() => storage.open(path, 'write'))
  try {
    await changes.orFail(() => file.truncate(0))
    const writer = new SegmentWriter(file, group[0].baseOffset)
    for (const segment of group) await rewriteSegment(segment, writer, options, signal)
    const last = (group.at(-1) as Segment).state
    const state = await changes.orFail(() => writer.finish(last))
    return { state, file, indexer: writer.indexer }
  } catch (error) {
    await file[Symbol.asyncDispose]()
    if (changes.failure === null) await storage.remove(path)
    throw error
  }
}

async function rewriteSegment(
  segment: Segment,
  writer: SegmentWriter,
  { rewriter, changes, startOffset }: RewriteOptions,
  signal: AbortSignal,
): Promise<void> {
  const { endOffset } = segment
  for (let next = segment.baseOffset; next < endOffset; ) {
    signal.throwIfAborted()
    const read = await segment.read(next, endOffset, readBytes, allocateFresh)
    // Damage is not for a cleaner to hide: the segment stays as it is.
    if (read.bytes.length === 0 || read.skipped.length > 0) throw new SegmentGone()
    for (let at = 0; at < read.bytes.length; ) {
      const header = readHeader(read.bytes, at)
      const batch = read.bytes.subarray(at, at + header.length)
      if (isKept(header, startOffset)) writer.put(rewriter(batch, header))
      at += header.length
    }
    await changes.orFail(() => writer.flush(writeBytes))
    next = read.nextOffset
  }
}

/** An empty batch of no producer, and what lies below the start of the log, are nothing to anybody. */
function isKept(header: BatchHeader, startOffset: number): boolean {
  if (nextOffsetOf(header) <= startOffset) return false
  return header.count > 0 || header.producerId >= 0
}

/** Collects batches and writes them; fills the holes between them. */
class SegmentWriter {
  readonly indexer = new SegmentIndexer(indexIntervalBytes)
  readonly #file: StorageFile
  readonly #baseOffset: number
  #nextOffset: number
  #bytes = 0
  #pieces: Uint8Array[] = []
  #pending = 0

  constructor(file: StorageFile, baseOffset: number) {
    this.#file = file
    this.#baseOffset = baseOffset
    this.#nextOffset = baseOffset
  }

  put(batch: Uint8Array | null): void {
    if (batch === null) return
    const header = readHeader(batch, 0)
    this.#fill(header.baseOffset)
    this.#add(batch, header)
  }

  /** Writes what waits when it is `bytesMin` or more. */
  async flush(bytesMin: number): Promise<void> {
    if (this.#pending < bytesMin || this.#pending === 0) return
    await this.#file.write(this.#bytes - this.#pending, this.#pieces)
    this.#pieces = []
    this.#pending = 0
  }

  /** Writes the rest and syncs; `last` is the last of the segments that this one stands for. */
  async finish({ endOffset, appendedAt }: SegmentState): Promise<SegmentState> {
    this.#fill(endOffset)
    await this.flush(0)
    await this.#file.sync()
    const { timestampMax } = this.indexer
    return { baseOffset: this.#baseOffset, endOffset, bytes: this.#bytes, timestampMax, appendedAt, gaps: [] }
  }

  #fill(toOffset: number): void {
    if (toOffset === this.#nextOffset) return
    const filler = fillerBatch(this.#nextOffset, toOffset)
    this.#add(filler, readHeader(filler, 0))
  }

  #add(batch: Uint8Array, header: BatchHeader): void {
    const next = nextOffsetOf(header)
    this.indexer.note(header.baseOffset, this.#bytes, batch.length, header.maxTimestamp, next)
    this.#pieces.push(batch)
    this.#pending += batch.length
    this.#bytes += batch.length
    this.#nextOffset = next
  }
}
