// LineRecord: a line without fields as transforms see it: bytes that become a text only when a step looks at them.
import { isUtf8 } from 'node:buffer'
import type { Value } from './functions.ts'
import type { CountRedacted, Redactor } from './redact.ts'
import type { TransformRecord } from './transforms.ts'

/** Only `body` is there, and only redaction changes it: who sets fields makes a record with fields first. */
export class LineRecord implements TransformRecord {
  #bytes: Uint8Array = new Uint8Array(0)
  #from = 0
  #to = 0
  /** What takes the place of the line; null while that is as it was. */
  changed: Buffer | null = null
  /** Steps that could not be done; null when all could. */
  marks: string | null = null

  /** The line `bytes[from, to)`. */
  begin(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes
    this.#from = from
    this.#to = to
    this.changed = null
    this.marks = null
  }

  valueOf(name: string): Value {
    return name === 'body' ? Buffer.from(this.#now).toString() : null
  }

  set(): void {}

  remove(): void {}

  rename(): void {}

  redact(redactor: Redactor, count: CountRedacted): void {
    const bytes = this.#now
    // One character for each byte, where nothing needs more: what is not replaced stays the same whatever it is.
    const encoding = redactor.readsText && isUtf8(bytes) ? 'utf8' : 'latin1'
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(encoding)
    const redacted = redactor.redact(text, count)
    if (redacted !== text) this.changed = Buffer.from(redacted, encoding)
  }

  mark(reasons: string): void {
    this.marks = reasons
  }

  get #now(): Uint8Array {
    return this.changed ?? this.#bytes.subarray(this.#from, this.#to)
  }
}
