// Texts: what is sent of lines that are not sent as they stand in the file: decoded to UTF-8, their inner line ends \n.
import type { TextMaker, Texts } from './framing.ts'

const carriageReturn = 13
const newline = 10
const roomBytesMin = 64 * 1024
/** A code unit of any encoding is at most so many bytes of UTF-8. */
const growthMax = 3

/** Memory for texts, used again for every batch. */
export class TextRoom {
  #bytes = Buffer.alloc(0)
  #starts = new Int32Array(0)
  #ends = new Int32Array(0)
  #count = 0
  #from = 0
  #length = 0

  clear(): void {
    this.#count = 0
    this.#from = 0
    this.#length = 0
  }

  copy(bytes: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from)
    this.#bytes.set(bytes.subarray(from, to), this.#length)
    this.#length += to - from
  }

  write(text: string): void {
    this.#reserve(text.length * growthMax)
    this.#length += this.#bytes.write(text, this.#length)
  }

  /** Ends a text. */
  end(): void {
    if (this.#count === this.#starts.length) {
      const more = Math.max(1024, this.#count * 2)
      this.#starts = grown(this.#starts, more)
      this.#ends = grown(this.#ends, more)
    }
    this.#starts[this.#count] = this.#from
    this.#ends[this.#count] = this.#length
    this.#count += 1
    this.#from = this.#length
  }

  texts(): Texts {
    return { bytes: this.#bytes, starts: this.#starts, ends: this.#ends, count: this.#count }
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(
      Math.max(roomBytesMin, this.#bytes.length * 2, this.#length + bytes),
    )
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}

/** Groups of UTF-8 lines: they stand in the file as they are sent, but for carriage returns. */
export function groupTexts(): TextMaker {
  const room = new TextRoom()
  return {
    hasGroups: true,
    make(lines) {
      const { bytes, starts, ends, count } = lines
      const begin = starts[0] as number
      const first = bytes.subarray(begin, ends[count - 1]).indexOf(carriageReturn)
      if (first === -1) return lines
      room.clear()
      for (let index = 0; index < count; index += 1)
        copyJoined(room, bytes, starts[index] as number, ends[index] as number)
      return room.texts()
    },
  }
}

/** Copies `bytes[from, to)` with \n for \r\n. */
function copyJoined(room: TextRoom, bytes: Uint8Array, from: number, to: number): void {
  let start = from
  for (;;) {
    const found = bytes.indexOf(newline, start)
    if (found === -1 || found >= to) break
    const isReturn = found > start && bytes[found - 1] === carriageReturn
    room.copy(bytes, start, isReturn ? found - 1 : found)
    room.write('\n')
    start = found + 1
  }
  room.copy(bytes, start, to)
  room.end()
}

/** Lines, or groups of lines, of another encoding. What is no character of it becomes U+FFFD. */
export function decodedTexts(encoding: string, hasGroups: boolean): TextMaker {
  const decode = decoder(encoding)
  const room = new TextRoom()
  return {
    hasGroups,
    make({ bytes, starts, ends, count }, isLastCut) {
      room.clear()
      for (let index = 0; index < count; index += 1) {
        const text = decode(
          bytes,
          starts[index] as number,
          ends[index] as number,
          isLastCut && index === count - 1,
        )
        room.write(hasGroups ? text.replaceAll('\r\n', '\n') : text)
        room.end()
      }
      return room.texts()
    },
  }
}

/** Decodes `bytes[from, to)`; of what was cut in a character, the part of it is left out. */
export type Decode = (bytes: Uint8Array, from: number, to: number, isCut?: boolean) => string

/** A decoder of the encoding; marks inside a file are characters. */
export function decoder(encoding: string): Decode {
  const options = { ignoreBOM: true }
  const whole = new TextDecoder(encoding, options)
  return (bytes, from, to, isCut = false) =>
    isCut
      ? new TextDecoder(encoding, options).decode(bytes.subarray(from, to), { stream: true })
      : whole.decode(bytes.subarray(from, to))
}

/** UTF-8 as a string. */
export const utf8Text: Decode = (bytes, from, to) =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString()

function grown(numbers: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(numbers)
  return larger
}
