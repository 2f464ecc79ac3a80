// Values that are kept or carried as bytes of their own: a struct with a version before it, outside of any message.
import { Malformed, Reader, readInt16, Writer, writeInt16 } from './bytes.ts'
import { codecOf } from './codec.ts'
import type { Decoded, Input, Struct } from './schema.ts'

/** The version as an int16, then the struct in that version (not flexible). */
export function encodeValue<S extends Struct>(struct: S, version: number, value: Input<S>): Uint8Array {
  const writer = new Writer()
  writeInt16(writer, version)
  codecOf(struct, version, false).write(writer, value)
  writer.flush()
  return Buffer.concat(writer.pieces)
}

/** The version of a value, or null where not even that is there. */
export function versionOf(bytes: Uint8Array): number | null {
  return bytes.length < 2 ? null : readInt16(new Reader(bytes, 0))
}

/**
 * The struct in the bytes, read as `version` whatever they say; null for bytes that are none. `isWhole`: bytes behind it
 * make it none. Byte fields are views.
 */
export function decodeValue<S extends Struct>(
  struct: S,
  version: number,
  bytes: Uint8Array,
  isWhole: boolean,
): Decoded<S> | null {
  if (bytes.length < 2) return null
  const reader = new Reader(bytes, 2)
  try {
    const value = codecOf(struct, version, false).read(reader) as Decoded<S>
    return isWhole && reader.at !== reader.end ? null : value
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}
