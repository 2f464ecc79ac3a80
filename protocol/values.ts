// Values that are kept or carried as bytes of their own: a struct with a version before it, outside of any message.
import { Malformed, Reader, readInt16, Writer, writeInt16 } from './bytes.ts'
import { type Codec, codecOf } from './codec.ts'
import type { Decoded, Input, Struct } from './schema.ts'

/** The version as an int16, then the struct in that version (not flexible). */
export function encodeValue<S extends Struct>(struct: S, version: number, value: Input<S>): Uint8Array {
  return encode(codecOf(struct, version, false), version, value)
}

/** As `encodeValue`, in the flexible form. */
export function encodeFlexible<S extends Struct>(struct: S, version: number, value: Input<S>): Uint8Array {
  return encode(codecOf(struct, version, true), version, value)
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
  return decode(codecOf(struct, version, false), bytes, isWhole) as Decoded<S> | null
}

/** As `decodeValue`, in the flexible form; a later writer may have added tagged fields, but no bytes behind it. */
export function decodeFlexible<S extends Struct>(
  struct: S,
  version: number,
  bytes: Uint8Array,
): Decoded<S> | null {
  return decode(codecOf(struct, version, true), bytes, true) as Decoded<S> | null
}

function encode({ write }: Codec, version: number, value: unknown): Uint8Array {
  const writer = new Writer()
  writeInt16(writer, version)
  write(writer, value)
  writer.flush()
  return Buffer.concat(writer.pieces)
}

function decode({ read }: Codec, bytes: Uint8Array, isWhole: boolean): unknown {
  if (bytes.length < 2) return null
  const reader = new Reader(bytes, 2)
  try {
    const value = read(reader)
    return isWhole && reader.at !== reader.end ? null : value
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}
