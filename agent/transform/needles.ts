// Needles: whether a block of bytes may hold something to redact, found without making a text of it.

/** Two bytes as one index. */
const pairs = 65_536

/**
 * Finds where one of several short ASCII texts begins, looking at every second pair of bytes: of three bytes in a row
 * one pair is seen wherever they stand.
 */
export class Needles {
  readonly #byPair: (readonly Needle[] | undefined)[] = new Array(pairs).fill(undefined)
  readonly #marks = new Uint8Array(pairs)

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const bytes = Buffer.from(text, 'latin1')
      const rarest = rarestThree(text)
      for (const offset of [rarest, rarest + 1]) {
        const pair = pairAt(bytes, offset)
        this.#marks[pair] = 1
        this.#byPair[pair] = [...(this.#byPair[pair] ?? []), { bytes, offset }]
      }
    }
  }

  /** Calls `found` with where each begins in `bytes[from, to)`; one may be told twice. */
  scan(bytes: Uint8Array, from: number, to: number, found: (at: number) => unknown): void {
    const marks = this.#marks
    for (let at = from; at + 1 < to; at += 2) {
      const pair = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
      if (marks[pair] === 0) continue
      for (const needle of this.#byPair[pair] ?? []) {
        const start = at - needle.offset
        if (start >= from && start + needle.bytes.length <= to && isAt(bytes, start, needle.bytes))
          found(start)
      }
    }
  }
}

interface Needle {
  readonly bytes: Uint8Array
  /** Where the pair stands in it. */
  readonly offset: number
}

const numeric = new Uint8Array(256)
for (const character of '0123456789 -') numeric[character.charCodeAt(0)] = 1
const digitsMin = 13

/**
 * Calls `found` with a place in every run of digits, spaces and dashes in `bytes[from, to)` that holds 13 digits, looking
 * at every thirteenth byte where there are none.
 */
export function scanDigits(
  bytes: Uint8Array,
  from: number,
  to: number,
  found: (at: number) => unknown,
): void {
  for (let at = from + digitsMin - 1; at < to; at += digitsMin) {
    if (numeric[bytes[at] as number] === 0) continue
    let digits = 0
    let end = at
    // Back to where the run begins, at most to where the last look was.
    for (let back = at - 1; back > at - digitsMin && back >= from; back -= 1) {
      const byte = bytes[back] as number
      if (numeric[byte] === 0) break
      if (byte >= 0x30) digits += 1
    }
    for (; end < to; end += 1) {
      const byte = bytes[end] as number
      if (numeric[byte] === 0) break
      if (byte >= 0x30) digits += 1
    }
    if (digits >= digitsMin) found(at)
    at = end
  }
}

/** Where the three characters begin that are likely the rarest in logs: capitals before signs, both before the rest. */
function rarestThree(text: string): number {
  const costs = Array.from(text, (character) =>
    /[A-Z]/.test(character) ? 0 : /[a-z0-9]/.test(character) ? 2 : 1,
  )
  const sums = costs.slice(2).map((cost, index) => cost + (costs[index] ?? 0) + (costs[index + 1] ?? 0))
  return sums.indexOf(Math.min(...sums))
}

function pairAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index += 1) if (bytes[at + index] !== wanted[index]) return false
  return true
}
