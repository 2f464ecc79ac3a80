// The journal's export format, as it comes in pieces: https://systemd.io/JOURNAL_EXPORT_FORMATS/
//
//   <NAME>=<value without a line feed>\n       or, for any bytes:       <NAME>\n <size, 8 bytes, little endian> <value> \n
//   \n                                         the end of an entry
//
// Whatever comes, it costs a bounded memory and never throws.

export interface ExportBounds {
  /** More of a value is left out. */
  readonly valueBytesMax: number
  /** All values of an entry; what does not fit is left out. */
  readonly entryBytesMax: number
  readonly fieldsMax: number
}

/** One entry: its fields by name, in the order they came. Of a field that is there several times, the values a line each. */
export interface JournalEntry {
  readonly fields: ReadonlyMap<string, Uint8Array>
  /** Bytes that were left out. */
  readonly cutBytes: number
}

const newline = 10
const equals = 0x3d
/** As journald has it. */
const nameBytesMax = 64
const sizeBytes = 8

export class ExportReader {
  readonly #bounds: ExportBounds
  #state: 'name' | 'text' | 'size' | 'binary' | 'after' = 'name'
  /** Bytes of the name; one more than there may be stands for a name that is too long. */
  #name: number[] = []
  #size: number[] = []
  /** Bytes of the binary value that are still to come. */
  #left = 0n
  #pieces: Uint8Array[] = []
  #pieceBytes = 0
  #fields = new Map<string, Uint8Array>()
  #bytes = 0
  #cutBytes = 0

  constructor(bounds: ExportBounds) {
    this.#bounds = bounds
  }

  /** The entries that end in these bytes. */
  push(chunk: Uint8Array): readonly JournalEntry[] {
    const entries: JournalEntry[] = []
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case 'name':
          at = this.#readName(chunk, at, entries)
          break
        case 'text':
          at = this.#readText(chunk, at)
          break
        case 'size':
          at = this.#readSize(chunk, at)
          break
        case 'binary':
          at = this.#readBinary(chunk, at)
          break
        case 'after':
          // A value that is not followed by its line feed was no value: what follows is taken as a name.
          if (chunk[at] === newline) at += 1
          this.#state = 'name'
      }
    }
    return entries
  }

  #readName(chunk: Uint8Array, from: number, entries: JournalEntry[]): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] as number
      if (byte === equals) {
        this.#state = 'text'
        return at + 1
      }
      if (byte === newline) {
        if (this.#name.length === 0) this.#endEntry(entries)
        else this.#state = 'size'
        return at + 1
      }
      if (this.#name.length <= nameBytesMax) this.#name.push(byte)
    }
    return chunk.length
  }

  #readText(chunk: Uint8Array, from: number): number {
    const end = chunk.indexOf(newline, from)
    this.#keep(chunk.subarray(from, end === -1 ? chunk.length : end))
    if (end === -1) return chunk.length
    this.#endField()
    this.#state = 'name'
    return end + 1
  }

  #readSize(chunk: Uint8Array, from: number): number {
    const end = Math.min(chunk.length, from + sizeBytes - this.#size.length)
    this.#size.push(...chunk.subarray(from, end))
    if (this.#size.length < sizeBytes) return end
    this.#left = this.#size.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
    this.#size = []
    this.#state = 'binary'
    if (this.#left === 0n) this.#endBinary()
    return end
  }

  #readBinary(chunk: Uint8Array, from: number): number {
    const rest = chunk.length - from
    const count = this.#left < BigInt(rest) ? Number(this.#left) : rest
    this.#keep(chunk.subarray(from, from + count))
    this.#left -= BigInt(count)
    if (this.#left === 0n) this.#endBinary()
    return from + count
  }

  #endBinary(): void {
    this.#endField()
    this.#state = 'after'
  }

  /** Copies what there is room for. */
  #keep(piece: Uint8Array): void {
    const { valueBytesMax, entryBytesMax } = this.#bounds
    const room = Math.min(valueBytesMax, entryBytesMax - this.#bytes) - this.#pieceBytes
    const kept = piece.slice(0, Math.max(0, room))
    this.#cutBytes += piece.length - kept.length
    if (kept.length === 0) return
    this.#pieces.push(kept)
    this.#pieceBytes += kept.length
  }

  #endField(): void {
    const name = Buffer.from(this.#name).toString('latin1')
    const value = this.#pieces.length === 1 ? (this.#pieces[0] as Uint8Array) : Buffer.concat(this.#pieces)
    this.#name = []
    this.#pieces = []
    this.#pieceBytes = 0
    const before = this.#fields.get(name)
    const isKept = /^[A-Z_][A-Z0-9_]{0,63}$/.test(name)
    if (!isKept || (before === undefined && this.#fields.size >= this.#bounds.fieldsMax)) {
      this.#cutBytes += value.length
      return
    }
    this.#bytes += value.length
    this.#fields.set(
      name,
      before === undefined ? value : Buffer.concat([before, Uint8Array.of(newline), value]),
    )
  }

  #endEntry(entries: JournalEntry[]): void {
    if (this.#fields.size > 0) entries.push({ fields: this.#fields, cutBytes: this.#cutBytes })
    this.#fields = new Map()
    this.#bytes = 0
    this.#cutBytes = 0
  }
}
