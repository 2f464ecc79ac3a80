// Cursor: where reading of a file stands, and up to where it is acknowledged, in which epoch of its content.
import assert from 'node:assert/strict'
import type { ReadableFile } from '../../core/runtime.ts'
import type { LineBatch } from './batch.ts'
import { type Frontier, frontierAt } from './block.ts'
import { emptyPrint, type Print, printOf } from './identity.ts'
import { examine, type Found, guardBefore } from './open-file.ts'
import type { TailMark } from './tail-options.ts'

export class Cursor {
  #read: Frontier
  #committed: TailMark
  /** The start is only believed after its prints were compared with the file. */
  #verified: boolean

  constructor(start: TailMark) {
    this.#committed = start
    this.#read = frontierAt(start.position, new Uint8Array(0), start.epoch)
    this.#verified = start.position === 0 && start.head.length === 0
  }

  get epoch(): number {
    return this.#committed.epoch
  }

  /** What is read next begins here. */
  get read(): Frontier {
    return this.#read
  }

  /** Everything up to here is acknowledged. */
  get committed(): TailMark {
    return this.#committed
  }

  get isVerified(): boolean {
    return this.#verified
  }

  /** Compares the file with the checkpoint it goes on from; false when its content began anew. */
  async verify(file: ReadableFile): Promise<boolean> {
    if (this.#verified) return true
    const { epoch, position } = this.#committed
    if ((await examine(file, this.#committed)) === 'truncated') return false
    this.#read = frontierAt(position, await guardBefore(file, position), epoch)
    this.#verified = true
    return true
  }

  /** What was read ends here, under this head of the file. */
  move(next: Frontier, head: Print): void {
    this.#read = next
    this.#committed = { ...this.#committed, head }
  }

  /** The last acknowledgement of content that is gone must not move the position in the new one. */
  acknowledge(batch: LineBatch): void {
    if (batch.epoch !== this.epoch) return
    assert(batch.to >= this.#committed.position, 'positions only grow')
    this.#committed = { ...this.#committed, position: batch.to, guard: printOf(batch.guard) }
  }

  /** What is not acknowledged will be read again. */
  rewind(): void {
    const { epoch, position } = this.#committed
    this.#read = frontierAt(position, new Uint8Array(0), epoch)
    this.#verified = false
  }

  /** Goes on at a position whose content was found. */
  seek(position: number, epoch: number, found: Found): void {
    this.#read = frontierAt(position, found.guard, epoch)
    const head = found.head ?? this.#committed.head
    this.#committed = { epoch, position, head, guard: printOf(found.guard) }
  }

  /** The content began anew. */
  restart(mark: TailMark): void {
    this.#read = frontierAt(0, new Uint8Array(0), mark.epoch)
    this.#committed = mark
    this.#verified = true
  }
}

/** Where a new epoch begins. */
export function beginningOf(epoch: number): TailMark {
  return { epoch, position: 0, head: emptyPrint, guard: emptyPrint }
}
