// Octet counting of syslog over TCP (RFC 6587, section 3.4.1): `<length in decimal><blank><message>`, one behind the other.
import { LogdriveError } from '../../../core/errors.ts'
import type { Lines } from '../../parse/made-lines.ts'

const blank = 0x20
/** A message of 100 MB is none. */
const digitsMax = 8

export class OctetFrames {
  readonly #messageBytesMax: number
  readonly #cut: (bytes: number) => void
  /** The length as far as it was read; null while a message is read. */
  #length: { value: number; digits: number } | null = { value: 0, digits: 0 }
  #left = 0
  #pieces: Uint8Array[] = []
  #kept = 0

  /** `cut` hears how many bytes of a message over `messageBytesMax` were left out. */
  constructor(messageBytesMax: number, cut: (bytes: number) => void) {
    this.#messageBytesMax = messageBytesMax
    this.#cut = cut
  }

  /** The messages that end in these bytes. Throws SCHEMA_INVALID for what is no length: where the next one begins is unknown. */
  push(chunk: Uint8Array): Lines {
    const messages: Uint8Array[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#length !== null) {
        this.#digit(chunk[at] as number, this.#length)
        at += 1
        continue
      }
      const piece = chunk.subarray(at, at + this.#left)
      at += piece.length
      this.#left -= piece.length
      this.#keep(piece)
      if (this.#left === 0) messages.push(this.#message())
    }
    return linesOf(messages)
  }

  /** Nothing: a message that is not whole is none. Says how many bytes of one there were. */
  end(): number {
    return this.#kept
  }

  #digit(byte: number, length: { value: number; digits: number }): void {
    if (byte >= 0x30 && byte <= 0x39 && length.digits < digitsMax) {
      length.value = length.value * 10 + byte - 0x30
      length.digits += 1
      return
    }
    // Some senders end a message with a line feed that they do not count.
    if (byte === 0x0a && length.digits === 0) return
    if (byte !== blank || length.value === 0)
      throw new LogdriveError('SCHEMA_INVALID', 'a message does not begin with its length')
    this.#length = null
    this.#left = length.value
  }

  #keep(piece: Uint8Array): void {
    const kept = piece.slice(0, Math.max(0, this.#messageBytesMax - this.#kept))
    if (kept.length > 0) this.#pieces.push(kept)
    this.#kept += kept.length
    if (kept.length < piece.length) this.#cut(piece.length - kept.length)
  }

  #message(): Uint8Array {
    const message = this.#pieces.length === 1 ? (this.#pieces[0] as Uint8Array) : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#kept = 0
    this.#length = { value: 0, digits: 0 }
    return withoutEnd(message)
  }
}

/** A message without the line feed, return or NUL that some senders put behind it. */
export function withoutEnd(message: Uint8Array): Uint8Array {
  let end = message.length
  while (end > 0 && [0x0a, 0x0d, 0].includes(message[end - 1] as number)) end -= 1
  return message.subarray(0, end)
}

/** Messages one behind the other. */
export function linesOf(messages: readonly Uint8Array[]): Lines {
  const starts = new Int32Array(messages.length)
  const ends = new Int32Array(messages.length)
  let at = 0
  for (const [index, message] of messages.entries()) {
    starts[index] = at
    at += message.length
    ends[index] = at
  }
  return { bytes: Buffer.concat(messages), starts, ends, count: messages.length }
}
