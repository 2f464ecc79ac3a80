// ByteMap: values by a range of bytes, so that a name that a million lines repeat becomes a string once.

interface Entry<T> {
  readonly bytes: Uint8Array
  readonly salt: number
  readonly hash: number
  readonly value: T
}

const slots = 8192
const entriesMax = slots / 2

/** A hash table with open addressing, at most half full. */
export class ByteMap<T> {
  #entries: (Entry<T> | undefined)[] = new Array(slots).fill(undefined)
  #count = 0

  /** Nothing more fits. */
  get isFull(): boolean {
    return this.#count >= entriesMax
  }

  /** The value of these bytes under this salt. */
  find(bytes: Uint8Array, from: number, to: number, salt: number): T | undefined {
    const hash = hashOf(bytes, from, to, salt)
    for (let slot = hash % slots; ; slot = (slot + 1) % slots) {
      const entry = this.#entries[slot]
      if (entry === undefined) return undefined
      if (entry.hash === hash && entry.salt === salt && isSame(entry.bytes, bytes, from, to))
        return entry.value
    }
  }

  /** Keeps a value of bytes that are not there yet; the bytes are copied. When it is full this does nothing. */
  add(bytes: Uint8Array, from: number, to: number, salt: number, value: T): void {
    if (this.isFull) return
    const hash = hashOf(bytes, from, to, salt)
    let slot = hash % slots
    while (this.#entries[slot] !== undefined) slot = (slot + 1) % slots
    this.#entries[slot] = { bytes: Buffer.from(bytes.subarray(from, to)), salt, hash, value }
    this.#count += 1
  }

  clear(): void {
    this.#entries = new Array(slots).fill(undefined)
    this.#count = 0
  }
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, from: number, to: number, salt: number): number {
  let hash = 0x811c9dc5 ^ salt
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193)
  return hash >>> 0
}

function isSame(known: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (known.length !== to - from) return false
  for (let at = 0; at < known.length; at += 1) if (known[at] !== bytes[from + at]) return false
  return true
}
