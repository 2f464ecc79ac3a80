// Seeded chance: one seed gives independent streams by name, so a draw in one never shifts another.
import type { Random } from '../../core/runtime.ts'

/** A stream of pseudo-random numbers; the same seed and name give the same numbers for ever. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number, name = '') {
    const [a, b, c] = hash(`${seed}/${name}`)
    this.#a = a
    this.#b = b
    this.#c = c
    for (let i = 0; i < 12; i += 1) this.bits()
  }

  /** 32 uniform bits (sfc32). */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + sum) | 0
    return sum >>> 0
  }

  next(): number {
    return this.bits() / 2 ** 32
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  /** One of the items; there must be one. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  uuid(): string {
    const hex = [this.bits(), this.bits(), this.bits(), this.bits()]
      .map((word) => word.toString(16).padStart(8, '0'))
      .join('')
    const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3] ?? '8'
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`]
    return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20)].join('-')
  }
}

/** FNV-1a from three starting points. */
function hash(text: string): [number, number, number] {
  const words: [number, number, number] = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b]
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    for (let w = 0; w < 3; w += 1) words[w] = Math.imul((words[w] ?? 0) ^ unit, 0x01000193)
  }
  return words
}
