// Answers of one connection: finished in any order, sent in the order of the requests, under the back-pressure of the reader.
import type { Clock, Connection } from '../../core/runtime.ts'
import { sizeOf } from './exchange.ts'
import type { Loan } from './frame-pool.ts'

/** One write holds about this much, so that its time says how slow the reader is. */
const writeBytesMax = 1024 * 1024

/** The place of one answer in the order. */
export interface Slot {
  /** Null until the answer is there. */
  pieces: readonly Uint8Array[] | null
  bytes: number
  /** Whose buffers the answer is made of; null when of nobody's. */
  loan: Loan | null
}

/** How much may wait to be sent. */
export interface AnswerLimits {
  readonly answersMax: number
  readonly bytesMax: number
}

/** What the owner of the answers hears. */
export interface AnswerEvents {
  readonly sent: (bytes: number) => void
  /** Nothing waits to be sent any more. */
  readonly idle: () => void
}

export class Answers {
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #limits: AnswerLimits
  readonly #events: AnswerEvents
  readonly #slots: Slot[] = []
  #bytes = 0
  #isRunning = false
  #isScheduled = false
  #isBroken = false
  #writingSince: number | null = null
  #waiting: { readonly condition: () => boolean; readonly resolve: () => void } | null = null

  constructor(connection: Connection, clock: Clock, limits: AnswerLimits, events: AnswerEvents) {
    this.#connection = connection
    this.#clock = clock
    this.#limits = limits
    this.#events = events
  }

  /** Bytes of answers that are not sent. */
  get bytes(): number {
    return this.#bytes
  }

  /** Monotonic ms since when one write has not come through; null when none is under way. */
  get writingSince(): number | null {
    return this.#writingSince
  }

  get hasRoom(): boolean {
    return (
      this.#isBroken || (this.#slots.length < this.#limits.answersMax && this.#bytes < this.#limits.bytesMax)
    )
  }

  get isEmpty(): boolean {
    return this.#isBroken || (this.#slots.length === 0 && this.#bytes === 0)
  }

  /** Takes the next place. */
  open(): Slot {
    const slot: Slot = { pieces: null, bytes: 0, loan: null }
    this.#slots.push(slot)
    return slot
  }

  /** The answer is there; what is due is sent once this turn is over, together. */
  fill(slot: Slot, pieces: readonly Uint8Array[]): void {
    if (this.#isBroken) {
      slot.loan?.end('lost')
      return
    }
    slot.pieces = pieces
    slot.bytes = sizeOf(pieces)
    this.#bytes += slot.bytes
    if (this.#isRunning || this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(this.#start)
  }

  /** Resolves when there is room for another answer. One waits at a time: the reader of the connection. */
  room(): Promise<void> {
    return this.#until(() => this.hasRoom)
  }

  /** Resolves when everything is sent. */
  idle(): Promise<void> {
    return this.#until(() => this.isEmpty)
  }

  #until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting = { condition, resolve }
    })
  }

  readonly #start = (): void => {
    this.#isScheduled = false
    if (this.#isRunning || this.#slots[0]?.pieces == null) return
    this.#isRunning = true
    void this.#run()
  }

  async #run(): Promise<void> {
    try {
      for (let due = this.#due(); due.slots.length > 0; due = this.#due()) {
        await this.#write(due.pieces)
        for (const slot of due.slots) slot.loan?.end('sent')
      }
    } catch {
      // The connection broke; whoever reads it hears of that too.
      this.#isBroken = true
      for (const slot of this.#slots.splice(0)) if (slot.pieces !== null) slot.loan?.end('lost')
      this.#bytes = 0
      this.#connection.abort()
    }
    this.#isRunning = false
    this.#wake()
    if (this.isEmpty) this.#events.idle()
  }

  /** The answers at the front that are there; their places are free. */
  #due(): { readonly slots: readonly Slot[]; readonly pieces: readonly Uint8Array[] } {
    const pieces: Uint8Array[] = []
    let count = 0
    let bytes = 0
    for (; count < this.#slots.length && bytes < writeBytesMax; count += 1) {
      const slot = this.#slots[count] as Slot
      if (slot.pieces === null) break
      for (const piece of slot.pieces) pushParts(pieces, piece)
      bytes += slot.bytes
    }
    return { slots: count > 0 ? this.#slots.splice(0, count) : [], pieces }
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    for (let from = 0; from < pieces.length; ) {
      let to = from
      let bytes = 0
      while (to < pieces.length && (to === from || bytes < writeBytesMax)) {
        bytes += (pieces[to] as Uint8Array).length
        to += 1
      }
      this.#writingSince = this.#clock.monotonic()
      await this.#connection.write(from === 0 && to === pieces.length ? pieces : pieces.slice(from, to))
      this.#writingSince = null
      this.#bytes -= bytes
      this.#events.sent(bytes)
      from = to
      this.#wake()
    }
  }

  #wake(): void {
    const waiting = this.#waiting
    if (waiting === null || !waiting.condition()) return
    this.#waiting = null
    waiting.resolve()
  }
}

/** A large piece goes out in several writes: each of them has to come through in time. */
function pushParts(due: Uint8Array[], piece: Uint8Array): void {
  if (piece.length <= writeBytesMax) due.push(piece)
  else
    for (let at = 0; at < piece.length; at += writeBytesMax) due.push(piece.subarray(at, at + writeBytesMax))
}
