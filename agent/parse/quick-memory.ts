// QuickMemory: what the kernel of the quick ways works on: tables, a window on the lines, and the records.
//
// From front to back: the ranges of a line's values; the tables, put there as they are needed and forgotten all at once when
// there is no room for one more; the window, small enough to stay in the CPU's cache; and the records, which grow.
import { assert } from '../../protocol/assert.ts'
import { JsonBytes, type JsonRoom } from './json-bytes.ts'
import { fieldsMax } from './options.ts'
import { type QuickKernel, quickKernel, type WasmMemory } from './quick-kernel.ts'

/** Of WebAssembly. */
const pageBytes = 64 * 1024
/** The kernel reads and writes up to so many bytes behind what it is asked for. */
const slack = 16
/** Not 0: that is the end of a template. */
const rangesAt = slack
const [tablesAt, windowAt, recordsAt] = [1, 5, 7].map((page) => page * pageBytes) as [number, number, number]
const pagesAtFirst = recordsAt / pageBytes + 1
/** Ranges that there is room for: a request has four parts beside its value. */
const rangesMax = fieldsMax + 4

/** A longer line does not fit into the window. */
export const quickLineBytesMax = 8 * 1024

export class QuickMemory implements JsonRoom {
  #kernel: QuickKernel
  #memory: WasmMemory
  /** All of it, and the ranges in it. */
  #bytes: Buffer<ArrayBuffer>
  #ranges: Int32Array
  #tablesEnd = tablesAt
  #generation = 0
  /** The bytes that lines come from, and which of them are in the window. */
  #lines: Uint8Array = new Uint8Array(0)
  #from = 0
  #to = 0
  readonly #make: typeof quickKernel
  /** There was no other memory to be had. */
  #isLast = false
  /** Where the records are written. */
  readonly json: JsonBytes

  /** Throws as `quickKernel` does, which is what else `make` may be. */
  constructor(make = quickKernel) {
    const { kernel, memory } = make(pagesAtFirst)
    this.#make = make
    this.#kernel = kernel
    this.#memory = memory
    this.#bytes = Buffer.from(memory.buffer)
    this.#ranges = rangesOf(memory)
    this.json = new JsonBytes(this)
  }

  get bytes(): Buffer {
    return this.#bytes
  }

  /** Where value `i` of the line that was found begins and ends in `bytes`: `[ranges[2 i], ranges[2 i + 1])`. */
  get ranges(): Int32Array {
    return this.#ranges
  }

  /** Another one whenever the tables were forgotten. */
  get generation(): number {
    return this.#generation
  }

  /** A memory with a small room for records, in place of the one before; that one where there is no other to be had. */
  begin(): Buffer<ArrayBuffer> {
    // What a memory of WebAssembly has it keeps.
    if (this.#memory.buffer.byteLength > pagesAtFirst * pageBytes && !this.#isLast) this.#replace()
    return this.#look()
  }

  /** As `JsonRoom` says. */
  grow(bytes: Buffer<ArrayBuffer>, size: number): Buffer<ArrayBuffer> {
    this.#memory.grow(Math.ceil((size - bytes.length) / pageBytes))
    return this.#look()
  }

  /** The lines of these bytes come next; they stay as they are meanwhile. */
  take(lines: Uint8Array): void {
    this.#lines = lines
    this.#from = 0
    this.#to = 0
  }

  /** Where the line `[from, to)` is in the memory. */
  placeOf(from: number, to: number): number {
    assert(to - from <= quickLineBytesMax, 'a line fits into the window')
    if (from < this.#from || to > this.#to) {
      this.#from = from
      this.#to = Math.min(this.#lines.length, from + recordsAt - windowAt - slack)
      this.#bytes.set(this.#lines.subarray(this.#from, this.#to), windowAt)
    }
    return windowAt + from - this.#from
  }

  /** Puts a table down, numbers and the text behind them; where it is. All others may be forgotten for it. */
  put(numbers: readonly number[], text: Uint8Array): number {
    const size = 4 * numbers.length + text.length + slack
    if (this.#tablesEnd + size > windowAt) this.#forget()
    const at = this.#tablesEnd
    assert(at + size <= windowAt, 'a table fits into the memory')
    for (const [index, number] of numbers.entries()) this.#bytes.writeInt32LE(number, at + 4 * index)
    this.#bytes.set(text, at + 4 * numbers.length)
    this.#tablesEnd = at + size
    return at
  }

  /** The line at this place: what its values are, -1 when it is not of the shape. Their ranges are known until the next. */
  find(at: number, bytes: number, shape: number): number {
    return this.#kernel.find(at, at + bytes, shape, rangesAt)
  }

  /** Writes a template behind the records. There has to be room for it. */
  write(steps: number, text: number): void {
    const { json } = this
    json.moveTo(this.#kernel.write(steps, text, recordsAt + json.length) - recordsAt)
  }

  #replace(): void {
    try {
      const { kernel, memory } = this.#make(pagesAtFirst)
      this.#kernel = kernel
      this.#memory = memory
      this.#forget()
      this.take(this.#lines)
    } catch {
      // Both take addresses for all that they may ever have, which `ulimit -v` may allow one alone.
      this.#isLast = true
    }
  }

  #forget(): void {
    this.#tablesEnd = tablesAt
    this.#generation += 1
  }

  #look(): Buffer<ArrayBuffer> {
    const { buffer } = this.#memory
    this.#bytes = Buffer.from(buffer)
    this.#ranges = rangesOf(this.#memory)
    return Buffer.from(buffer, recordsAt)
  }
}

/** Where the range of value `index` begins. */
export function rangeAt(index: number): number {
  return rangesAt + 8 * index
}

function rangesOf({ buffer }: WasmMemory): Int32Array {
  return new Int32Array(buffer, rangesAt, 2 * rangesMax)
}
