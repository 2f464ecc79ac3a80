// KeyOffsets: the latest offset of each key, as many keys as fit: 24 bytes a key, whatever its length.
//
// A key stands for the first 128 bits of its SHA-256: nobody can make two keys that are taken for one, which would
// remove a record that is somebody's last word. Open addressing, grown as needed up to the bound.
import { hash } from 'node:crypto'

const slotsMin = 1024
/** Slots that may be taken before there are twice as many. */
const fill = 0.7
const free = -1

export class KeyOffsets {
  readonly #keysMax: number
  #mask: number
  #words: Uint32Array
  #offsets: Float64Array
  #size = 0

  constructor(keysMax: number) {
    this.#keysMax = keysMax
    this.#mask = slotsMin - 1
    this.#words = new Uint32Array(slotsMin * 4)
    this.#offsets = new Float64Array(slotsMin).fill(free)
  }

  /** Keys that are known. */
  get size(): number {
    return this.#size
  }

  /** Notes the offset of a record with the key; offsets only grow. False when the key is new and there is no room. */
  put(key: Uint8Array, offset: number): boolean {
    const words = wordsOf(key)
    const slot = this.#find(words)
    if (this.#offsets[slot] === free) {
      if (this.#size >= this.#keysMax) return false
      this.#size += 1
      this.#words.set(words, slot * 4)
    }
    this.#offsets[slot] = offset
    if (this.#size > (this.#mask + 1) * fill) this.#grow()
    return true
  }

  /** The latest offset of the key, or -1. */
  latest(key: Uint8Array): number {
    return this.#offsets[this.#find(wordsOf(key))] as number
  }

  /** The slot of the key, or the free one where it belongs. */
  #find(words: Uint32Array): number {
    const known = this.#words
    let slot = (words[0] as number) & this.#mask
    while (this.#offsets[slot] !== free) {
      const at = slot * 4
      if (
        known[at] === words[0] &&
        known[at + 1] === words[1] &&
        known[at + 2] === words[2] &&
        known[at + 3] === words[3]
      )
        return slot
      slot = (slot + 1) & this.#mask
    }
    return slot
  }

  #grow(): void {
    const [words, offsets] = [this.#words, this.#offsets]
    const slots = offsets.length * 2
    this.#mask = slots - 1
    this.#words = new Uint32Array(slots * 4)
    this.#offsets = new Float64Array(slots).fill(free)
    for (const [before, offset] of offsets.entries()) {
      if (offset === free) continue
      const key = words.subarray(before * 4, before * 4 + 4)
      const slot = this.#find(key)
      this.#words.set(key, slot * 4)
      this.#offsets[slot] = offset
    }
  }
}

/** A hash of a key, used before the next one is asked for. */
const hashed = new Uint8Array(16)
const hashedWords = new Uint32Array(hashed.buffer)

function wordsOf(key: Uint8Array): Uint32Array {
  hashed.set(hash('sha256', key, 'buffer').subarray(0, 16))
  return hashedWords
}
