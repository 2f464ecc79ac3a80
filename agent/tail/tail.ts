// Tail: the lines of one file. It follows the file, not its path: through growth, rotation, truncation and deletion.
import assert from 'node:assert/strict'
import type { FileStat, ReadableFile } from '../../core/runtime.ts'
import { Trouble } from '../ship/trouble.ts'
import type { LossReason } from '../state/losses.ts'
import { batchOf, type LineBatch } from './batch.ts'
import { type Block, type Flush, readBlock } from './block.ts'
import { beginningOf, Cursor } from './cursor.ts'
import { Doorbell } from './doorbell.ts'
import { Extent } from './extent.ts'
import type { Locator, Print } from './identity.ts'
import { Claiming } from './kin.ts'
import { findContent, growHead, noHead, OpenFile, readHead } from './open-file.ts'
import { PackedFile, packedBatchBytesMax } from './packed-file.ts'
import type { Relative } from './relatives.ts'
import { Rest } from './rest.ts'
import type { TailDeps, TailMark, TailOptions, TailState } from './tail-options.ts'
import type { Slab } from './turns.ts'
import { Whereabouts } from './whereabouts.ts'

/** Bytes of one file as batches of lines; knows nothing of where they go. */
export class Tail implements AsyncDisposable {
  readonly #options: TailOptions
  readonly #deps: TailDeps
  readonly #file: OpenFile
  readonly #whereabouts: Whereabouts
  readonly #cursor: Cursor
  readonly #extent = new Extent()
  /** Batches that were given out and not committed. */
  readonly #out = new Set<LineBatch>()
  #state: TailState = 'following'
  /** Something may be there to read. */
  #dirty = false
  /** It is being read: where the file ends is not known yet. */
  #filling = false
  /** It was opened, and is not compressed. */
  #isPlain = false
  readonly #rest: Rest
  #flush: Flush | null = null
  readonly #claiming: Claiming
  readonly #trouble: Trouble
  readonly #bell = new Doorbell()

  constructor(options: TailOptions, deps: TailDeps) {
    const { start } = options
    this.#options = options
    this.#deps = deps
    this.#file = new OpenFile(deps.files, deps.handles, options.locator, {
      isDone: () => this.#atEnd() && this.#rest.bytes === 0,
      damaged: (err) => deps.logger.error({ err, path: this.path }, 'a compressed file is damaged'),
    })
    this.#claiming = new Claiming(options.compressed, (file) => deps.claim(file))
    this.#trouble = new Trouble(deps.logger)
    this.#whereabouts = new Whereabouts(options.path)
    this.#cursor = new Cursor(start)
    if (options.rested !== null) this.#extent.rested(options.rested)
    this.#rest = new Rest(deps.clock.monotonic())
  }

  get source(): string {
    return this.#options.source
  }

  get locator(): Locator {
    return this.#options.locator
  }

  get path(): string {
    return this.#whereabouts.path
  }

  get epoch(): number {
    return this.#cursor.epoch
  }

  get size(): number {
    return this.#extent.size
  }

  get state(): TailState {
    return this.#state
  }

  get isOpen(): boolean {
    return this.#file.isOpen
  }

  /**
   * How long its content is, as far as is known. Before it was opened, and of a compressed file, a stat may tell of something else:
   * that counts only while there is nothing better.
   */
  get contentSize(): number {
    const { position } = this.committed
    const isKnown = this.#isPlain || position === 0 || this.lagBytes === 0
    return isKnown ? Math.max(position, this.#extent.size) : position
  }

  /** At rest: nothing open, nothing waiting, nothing wrong. No tick changes anything. */
  get isAsleep(): boolean {
    const isBusy =
      this.#dirty ||
      this.#filling ||
      this.#out.size > 0 ||
      this.#claiming.waits ||
      this.#rest.bytes > 0 ||
      this.#trouble.isThere
    return this.#state === 'following' && !isBusy && !this.#file.isOpen
  }

  /** Everything up to here is acknowledged. */
  get committed(): TailMark {
    return this.#cursor.committed
  }

  /** When the file was last written, as far as was seen; null before it was. */
  get mtimeMs(): number | null {
    return this.#extent.mtimeMs
  }

  /** Bytes that are not acknowledged yet. */
  get lagBytes(): number {
    return Math.max(0, this.#extent.size - this.committed.position)
  }

  /** Facts of the file as the scan saw it under `path`; reading begins when they changed. */
  observe(stat: FileStat, path: string): void {
    this.#whereabouts.seen(path)
    if (this.#state === 'rotated') this.#state = 'following'
    this.#file.pinned = false
    this.#note(stat)
  }

  /** The file is no longer where it was: read what is left through the handle. */
  rotate(): void {
    if (this.#state === 'rotated' || this.#state === 'ended') return
    this.#state = 'rotated'
    this.#file.pinned = true
    this.#rest.grew(this.#deps.clock.monotonic())
  }

  /** Follows a file that no scan will see, under a name that no glob means: opened soon and read to its end. */
  drain(stat: FileStat, way: string): void {
    this.#whereabouts.sought(way)
    this.#note(stat)
    this.rotate()
    this.#touch()
  }

  /** The file has left its path and was looked for: it is under another name now, or nowhere to be seen. */
  found(relative: Relative | null): void {
    this.#whereabouts.found(relative?.path ?? null)
    // Where it cannot be opened before it is deleted, nothing else tells how much is lost.
    if (relative !== null) this.#note(relative.stat)
  }

  /** The file has left its path: it is kept open, or opened under the name that it was found by, and looked at. */
  async hold(): Promise<boolean> {
    this.#file.pinned = true
    const stat = await this.#file.tryUse(this.#whereabouts.way, (file) => file.stat())
    if (stat !== null) this.#note(stat)
    return stat !== null
  }

  /** Its first bytes; none of a compressed one. Throws what opening throws. */
  head(): Promise<Uint8Array> {
    // Right after a truncation no read has told yet how long it is.
    const read = async (file: ReadableFile) => await readHead(file, (await file.stat()).size)
    return this.#use(async (file) => (file instanceof PackedFile ? noHead : await read(file)))
  }

  /** Called with every scan: closes what rests, flushes what waited long enough, ends what is done. */
  async tick(): Promise<void> {
    const { limits } = this.#options
    if (this.#trouble.isThere || this.#claiming.waits) this.#touch()
    if (this.#state === 'rotated') return this.#tickRotated()
    const now = this.#deps.clock.monotonic()
    this.#takeRest(limits.partialMs, now)
    if (!this.#file.rests || !this.#atEnd() || now - this.#file.usedAt < limits.idleMs) return
    // What was written since the last look may be deleted by now: then only this handle leads to it.
    this.#note(await this.#use((file) => file.stat()))
    if (this.#atEnd()) await this.#file.close()
  }

  /** The next batch, or null when there is none now: does not wait for the file to grow. */
  async take(signal: AbortSignal): Promise<LineBatch | null> {
    while (this.#dirty && this.#state !== 'ended') {
      // While the collector is away this takes long: a file that goes meanwhile is not being read, it is lost.
      const slab = await this.#deps.slabs.take(signal)
      this.#dirty = false
      this.#filling = true
      let batch: LineBatch | null = null
      try {
        batch = await this.#fill(slab)
      } catch (error) {
        this.#fail(error)
      } finally {
        this.#filling = false
        if (batch === null) this.#deps.slabs.give(slab)
      }
      if (batch !== null) return batch
    }
    return null
  }

  /** Resolves when `take` may find something, or at a `poke`; one may wait at a time. */
  async work(): Promise<void> {
    if (this.#dirty && this.#state !== 'ended') return
    await this.#bell.heard()
  }

  /** Wakes who waits for work. */
  poke(): void {
    this.#bell.ring()
  }

  async commit(batch: LineBatch, _signal: AbortSignal): Promise<void> {
    assert(this.#out.delete(batch), 'a batch is committed once, and not after a rewind')
    this.#deps.slabs.give(batch.slab)
    if (batch.cutBytes !== null) {
      this.#deps.losses.count('line_cut', batch.cutBytes - this.#options.limits.lineBytesMax)
    }
    this.#cursor.acknowledge(batch)
  }

  /** Takes back what is not committed; it will be read again, if it is still there. */
  rewind(): void {
    for (const batch of this.#out) this.#deps.slabs.give(batch.slab)
    this.#out.clear()
    this.#cursor.rewind()
    this.#touch()
  }

  /**
   * Goes on at `position`, which the collector says it has, of this epoch or a later one; `text` is what it kept of the
   * content there. Call `rewind` before. Throws what opening throws.
   */
  async seek(position: number, epoch: number, text: string | undefined): Promise<void> {
    const isKnown = await this.#use(async (file) => {
      if (!(await this.#verify(file))) return true
      const found = await findContent(file, position, text)
      if (found === null) return false
      this.#cursor.seek(position, epoch, found)
      return true
    })
    // Not what the collector has of it: its content began anew unseen.
    if (!isKnown) await this.restart(epoch + 1)
    this.#touch()
  }

  /** The content began anew: next epoch, position 0. What was not read of the old one is lost and counted. */
  async restart(epoch = this.epoch + 1): Promise<void> {
    const mark = beginningOf(epoch)
    const isMissed = this.#extent.behind(this.#cursor.read.position) > 0
    const stored = isMissed ? await this.#deps.stored(this.epoch) : 0
    await this.#deps.keepEpoch(mark)
    const { position } = this.#cursor.read
    const lostBytes = this.#extent.restart(Math.max(position, stored))
    if (lostBytes > 0) this.#lose('truncated', lostBytes)
    const at = { path: this.path, source: this.source, position }
    this.#deps.logger.info({ ...at, epoch }, 'file was truncated; reading it from its beginning')
    this.#cursor.restart(mark)
    this.#rest.note(0, this.#deps.clock.monotonic())
    this.#touch()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rewind()
    this.#state = 'ended'
    await this.#file.close()
  }

  /** Reads and cuts one batch; null when there is no whole line. */
  async #fill(slab: Slab): Promise<LineBatch | null> {
    const { clock } = this.#deps
    const { limits, source, framing } = this.#options
    const flush = this.#flush
    this.#flush = null
    const { epoch } = this
    const block = await this.#use(async (file) => {
      this.#isPlain = !(file instanceof PackedFile)
      if (file instanceof PackedFile && !(await this.#claiming.isToRead(file, this.committed))) return null
      if (!(await this.#verify(file))) return null
      const batchBytesMax = file instanceof PackedFile ? packedBatchBytesMax : limits.batchBytesMax
      return readBlock(file, slab, this.#cursor.read, { ...limits, batchBytesMax, framing, flush })
    })
    this.#file.usedAt = clock.monotonic()
    this.#whereabouts.opened()
    if (this.#trouble.isThere) this.#trouble.end(this.path)
    if (this.#state === 'unreadable') this.#state = 'following'
    // A restart or a seek while reading: what was read belongs to the past.
    if (block === null || epoch !== this.epoch) return null
    if (block.kind === 'changed') {
      await this.restart()
      return null
    }
    // Before anything is taken: a head that cannot be read just now must not cost the lines.
    const head = block.kind === 'lines' ? await this.#headOf(slab, block) : this.committed.head
    if (epoch !== this.epoch) return null
    this.#cursor.move(block.next, head)
    const cut = this.#extent.learn(block.next.position + block.unfinished, block.more)
    if (cut > 0) {
      this.#lose('truncated', cut)
      this.#deps.cut()
    }
    this.#rest.note(block.unfinished, clock.monotonic())
    if (block.more) this.#dirty = true
    if (block.kind === 'nothing') return null
    const own = this.#deps.slabs.shrink(slab)
    const batch = batchOf(block, own, { source, epoch, path: this.path, head, readAtMs: clock.now() })
    this.#out.add(batch)
    return batch
  }

  /** As `OpenFile.use`, by the name that leads to it now. */
  #use<Found>(look: (file: ReadableFile) => Promise<Found>): Promise<Found> {
    return this.#file.use(this.#whereabouts.way, look)
  }

  /** Compares the file with the checkpoint it goes on from; false when it began anew. */
  async #verify(file: ReadableFile): Promise<boolean> {
    if (await this.#cursor.verify(file)) return true
    await this.restart()
    return false
  }

  #headOf(slab: Slab, block: Extract<Block, { kind: 'lines' }>): Promise<Print> {
    const size = Math.max(this.#extent.size, block.next.position)
    const read = () => this.#use((file) => readHead(file, size))
    return growHead(this.committed.head, size, slab, block, read)
  }

  async #tickRotated(): Promise<void> {
    if (this.#filling) return
    const { limits } = this.#options
    // Not to be opened just now, or renamed once more meanwhile: gone only when nobody finds it.
    if (!this.#file.isOpen && this.#whereabouts.isSought) return this.#touch()
    const stat = await this.#file.look(this.#whereabouts.way)
    // Its turn to be read may have come meanwhile.
    if (this.#filling) return
    if (stat === null) {
      // What is in memory may still arrive.
      if (this.#out.size > 0) return
      return this.#end()
    }
    this.#note(stat)
    if (this.#dirty || this.#cursor.read.position + this.#rest.bytes < this.#extent.size) return
    const now = this.#deps.clock.monotonic()
    this.#takeRest(limits.graceMs, now)
    if (this.#dirty || this.#out.size > 0 || this.#rest.restedMs(now) < limits.graceMs) return
    this.#end()
  }

  /** Has what rested long enough at the end of the file taken, though it is no whole record. */
  #takeRest(lineMs: number, now: number): void {
    const groupMs = this.#options.framing.grouper?.limits.waitMs ?? lineMs
    const flush = this.#rest.due(this.#cursor.read.position, now, { lineMs, groupMs })
    if (flush === null) return
    this.#flush = flush
    this.#touch()
  }

  #end(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#deps.ended()
  }

  #note(stat: FileStat): void {
    const news = this.#extent.note(stat.size, stat.mtimeMs)
    if (news === 'same') return
    this.#rest.grew(this.#deps.clock.monotonic())
    // Changed while no agent ran, and as long as before: only its content tells whether it began anew.
    const isUnseen = news === 'first' && !this.#cursor.isVerified && stat.mtimeMs !== this.#options.mtimeMs
    if (news === 'changed' || isUnseen || stat.size !== this.#cursor.read.position) this.#touch()
  }

  #lose(reason: LossReason, bytes: number): void {
    const { path, source, epoch } = this
    const { position } = this.#cursor.read
    this.#deps.losses.add(reason, bytes, { path, source, epoch, position })
  }

  #atEnd(): boolean {
    return this.committed.position >= this.#extent.size && !this.#dirty
  }

  #touch(): void {
    this.#dirty = true
    this.#deps.stirred()
    this.#bell.ring()
  }

  /** Trouble with a file is tried again with every scan. */
  #fail(error: unknown): void {
    this.#trouble.begin(error, this.path)
    if (this.#state === 'following') this.#state = 'unreadable'
  }
}
