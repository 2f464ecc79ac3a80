// From a table to functions: the reader and the writer of a struct in one version, compiled once and kept.

import { assert } from './assert.ts'
import {
  checkCount,
  heapBytes,
  Malformed,
  NO_BYTES,
  NO_ELEMENTS,
  type Reader,
  readBool,
  readCompactLength,
  readFloat64,
  readInt8,
  readInt16,
  readInt32,
  readInt64,
  readLength,
  readShortLength,
  readText,
  readUuid,
  readUvarint,
  readView,
  type WriteLength,
  Writer,
  weigh,
  writeBool,
  writeBytes,
  writeCompactLength,
  writeFloat64,
  writeInt8,
  writeInt16,
  writeInt32,
  writeInt64,
  writeLength,
  writeShortLength,
  writeText,
  writeUuid,
  writeUvarint,
  ZERO_UUID,
} from './bytes.ts'
import { generateReader, generateWriter, type Read, type Write } from './generated.ts'
import { type FieldRow, hasVersion, type PrimitiveKind, type Shape, type Struct } from './schema.ts'

type Values = Record<string, unknown>

/** How one shape in one version is read and written. */
export interface Codec {
  readonly read: Read
  readonly write: Write
  /** The fewest bytes a value takes: what an array's count is checked with. */
  readonly bytesMin: number
  /** What a value takes of the heap beside strings, views and arrays: those are counted as they are read. */
  readonly heapBytes: number
}

/** The codec of a message in a version; compiled when it is first asked for. */
export function codecOf(struct: Struct, version: number, isFlexible: boolean): Codec {
  let codecs = compiled.get(struct)
  if (codecs === undefined) {
    codecs = []
    compiled.set(struct, codecs)
  }
  const index = version * 2 + (isFlexible ? 1 : 0)
  let codec = codecs[index]
  if (codec === undefined) {
    codec = structCodec(struct, { version, isFlexible })
    codecs[index] = codec
  }
  return codec
}

const compiled = new WeakMap<Struct, Codec[]>()

/** What a table is compiled for. */
interface Form {
  readonly version: number
  readonly isFlexible: boolean
}

/** A field with what its version makes of it; no codec when the version lacks it. */
interface Member {
  readonly name: string
  readonly tag: number | null
  readonly fallback: unknown
  readonly codec: Codec | null
}

interface PresentMember extends Member {
  readonly codec: Codec
}

interface TaggedMember extends PresentMember {
  readonly tag: number
}

function structCodec(struct: Struct, form: Form): Codec {
  const zero = zeroOf(struct) as Values
  const members = Object.entries(struct.fields).map(([name, row]): Member => {
    const isThere = hasVersion(row.versions, form.version)
    const isNullable = hasVersion(row.nullable, form.version)
    const codec = isThere ? shapeCodec(row.type, form, isNullable) : null
    return { name, tag: row.tag, fallback: zero[name], codec }
  })
  const present = members.filter(isPresent)
  const fixed = present.filter((member) => !isTagged(member))
  const tagged = present.filter(isTagged).sort((left, right) => left.tag - right.tag)
  assert(form.isFlexible || tagged.length === 0, 'only flexible versions have tagged fields')
  return {
    bytesMin: fixed.reduce((sum, { codec }) => sum + codec.bytesMin, form.isFlexible ? 1 : 0),
    heapBytes: present.reduce(
      (sum, { codec }) => sum + codec.heapBytes,
      heapBytes.object + members.length * heapBytes.slot,
    ),
    read: structReader(members, form.isFlexible ? tagged : null),
    write: structWriter(fixed, form.isFlexible ? tagged : null),
  }
}

function isPresent(member: Member): member is PresentMember {
  return member.codec !== null
}

function isTagged(member: PresentMember): member is TaggedMember {
  return member.tag !== null
}

function structReader(members: readonly Member[], tagged: readonly TaggedMember[] | null): Read {
  const fields = members.map(({ name, tag, fallback, codec }) => ({
    name,
    fallback,
    read: codec === null || tag !== null ? null : codec.read,
  }))
  const read = generateReader(fields, inside)
  if (tagged === null) return read
  return (reader) => {
    const value = read(reader)
    readTags(reader, value as Values, tagged)
    return value
  }
}

/** Reads the tag section: known fields into the struct, unknown ones skipped. */
function readTags(reader: Reader, value: Values, tagged: readonly TaggedMember[]): void {
  const count = readUvarint(reader)
  if (count === 0) return
  if (count * 2 > reader.end - reader.at) throw new Malformed(`${count} tagged fields do not fit`, reader.at)
  let last = -1
  for (let index = 0; index < count; index++) {
    const at = reader.at
    const tag = readUvarint(reader)
    const size = readUvarint(reader)
    if (tag <= last) throw new Malformed(`the tag ${tag} follows ${last}`, at)
    if (size > reader.end - reader.at) throw new Malformed(`the tag ${tag} is ${size} bytes long`, at)
    last = tag
    const member = tagged.find((candidate) => candidate.tag === tag)
    if (member === undefined) reader.at += size
    else value[member.name] = readTagged(reader, member, size)
  }
}

/** Reads a tagged field, which must fill its bytes exactly. */
function readTagged(reader: Reader, member: TaggedMember, size: number): unknown {
  const outerEnd = reader.end
  const end = reader.at + size
  reader.end = end
  try {
    const value = member.codec.read(reader)
    if (reader.at !== end) throw new Malformed(`${end - reader.at} bytes are left in its tag`, reader.at)
    return value
  } catch (trouble) {
    throw inside(trouble, member.name)
  } finally {
    reader.end = outerEnd
  }
}

function structWriter(fixed: readonly PresentMember[], tagged: readonly TaggedMember[] | null): Write {
  const write = generateWriter(
    fixed.map(({ name, fallback, codec }) => ({ name, fallback, write: codec.write })),
    insideOurs,
  )
  if (tagged === null) return write
  return (writer, value) => {
    write(writer, value)
    writeTags(writer, value as Values, tagged)
  }
}

/** What could not be written is our bug: the same error, saying in which field. */
function insideOurs(error: unknown, name: string | undefined): unknown {
  return new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error })
}

/** Writes the tagged fields that say something else than their default. */
function writeTags(writer: Writer, values: Values, tagged: readonly TaggedMember[]): void {
  const given = tagged.filter(({ name, fallback }) => !isDefault(values[name], fallback))
  writeUvarint(writer, given.length)
  for (const { name, tag, codec } of given) {
    const nested = new Writer()
    codec.write(nested, values[name])
    nested.flush()
    writeUvarint(writer, tag)
    writeUvarint(writer, nested.size)
    for (const piece of nested.pieces) {
      writer.ensure(piece.length)
      writer.chunk.set(piece, writer.at)
      writer.at += piece.length
    }
  }
}

function isDefault(value: unknown, fallback: unknown): boolean {
  if (value === undefined || value === fallback) return true
  return Array.isArray(value) && value.length === 0 && Array.isArray(fallback)
}

function shapeCodec(shape: Shape, form: Form, isNullable: boolean): Codec {
  if (shape.kind === 'array') return arrayCodec(shapeCodec(shape.of, form, false), form, isNullable)
  if (shape.kind === 'struct') {
    const codec = codecOf(shape as Struct, form.version, form.isFlexible)
    return isNullable ? nullableStruct(codec) : codec
  }
  if (shape.kind === 'string') return stringCodec(form, isNullable)
  if (shape.kind === 'bytes' || shape.kind === 'records') return bytesCodec(form, isNullable)
  return primitives[shape.kind]
}

/** A byte before it says whether it is there: 1, or -1. */
function nullableStruct(struct: Codec): Codec {
  const { read, write } = struct
  return {
    bytesMin: 1,
    heapBytes: 0,
    read: (reader) => {
      if (readInt8(reader) < 0) return null
      weigh(reader, struct.heapBytes)
      return read(reader)
    },
    write: (writer, value) => {
      writeInt8(writer, value === null ? -1 : 1)
      if (value !== null) write(writer, value)
    },
  }
}

function arrayCodec(element: Codec, { isFlexible }: Form, isNullable: boolean): Codec {
  const readCount = isFlexible ? readCompactLength : readLength
  const writeCount = isFlexible ? writeCompactLength : writeLength
  const { read, write, bytesMin } = element
  const elementHeapBytes = heapBytes.slot + element.heapBytes
  assert(bytesMin > 0, 'an element takes a byte at least, or a count would have no bound')
  return {
    bytesMin: isFlexible ? 1 : 4,
    heapBytes: 0,
    read: (reader) => {
      const count = readCount(reader)
      if (count === 0) return NO_ELEMENTS
      if (count < 0) return nullOr(isNullable, reader)
      checkCount(reader, count, bytesMin)
      weigh(reader, heapBytes.array + count * elementHeapBytes)
      // As long as it is to be: one that grows has room for half as many again, and for 17 at least.
      const values: unknown[] = new Array(count)
      let index = 0
      try {
        for (; index < count; index++) values[index] = read(reader)
      } catch (trouble) {
        throw inside(trouble, `[${index}]`)
      }
      return values
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, writeCount, isNullable)
      const values = value as readonly unknown[]
      writeCount(writer, values.length)
      for (const item of values) write(writer, item)
    },
  }
}

function stringCodec({ isFlexible }: Form, isNullable: boolean): Codec {
  const length = isFlexible ? readCompactLength : readShortLength
  const writeSize = isFlexible ? writeCompactLength : writeShortLength
  return {
    bytesMin: isFlexible ? 1 : 2,
    heapBytes: 0,
    read: (reader) => {
      const size = length(reader)
      return size < 0 ? nullOr(isNullable, reader) : readText(reader, size)
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, writeSize, isNullable)
      writeText(writer, value as string, writeSize)
    },
  }
}

function bytesCodec({ isFlexible }: Form, isNullable: boolean): Codec {
  const length = isFlexible ? readCompactLength : readLength
  const writeSize = isFlexible ? writeCompactLength : writeLength
  return {
    bytesMin: isFlexible ? 1 : 4,
    heapBytes: 0,
    read: (reader) => {
      const size = length(reader)
      return size < 0 ? nullOr(isNullable, reader) : readView(reader, size)
    },
    write: (writer, value) => {
      if (value === null) return writeNull(writer, writeSize, isNullable)
      writeBytes(writer, value as Uint8Array, writeSize)
    },
  }
}

function nullOr(isNullable: boolean, reader: Reader): null {
  if (!isNullable) throw new Malformed('it may not be null', reader.at)
  return null
}

function writeNull(writer: Writer, length: WriteLength, isNullable: boolean): void {
  assert(isNullable, 'it may not be null in this version')
  length(writer, -1)
}

function primitive<T>(
  bytesMin: number,
  heapBytes: number,
  read: Read,
  write: (writer: Writer, value: T) => void,
): Codec {
  return { bytesMin, heapBytes, read, write: write as Write }
}

const primitives: Readonly<Record<Exclude<PrimitiveKind, 'string' | 'bytes' | 'records'>, Codec>> = {
  bool: primitive(1, 0, readBool, writeBool),
  int8: primitive(1, 0, readInt8, writeInt8),
  int16: primitive(2, 0, readInt16, writeInt16),
  int32: primitive(4, 0, readInt32, writeInt32),
  int64: primitive(8, heapBytes.number, readInt64, writeInt64),
  float64: primitive(8, heapBytes.number, readFloat64, writeFloat64),
  uuid: primitive(16, heapBytes.uuid, readUuid, writeUuid),
}

/** What a field is decoded to in a version that lacks it. Shared between messages, so frozen. */
function defaultOf(row: FieldRow): unknown {
  return row.default === undefined ? zeroOf(row.type) : row.default
}

function zeroOf(shape: Shape): unknown {
  switch (shape.kind) {
    case 'struct':
      return Object.freeze(
        Object.fromEntries(Object.entries(shape.fields).map(([name, row]) => [name, defaultOf(row)])),
      )
    case 'array':
      return NO_ELEMENTS
    case 'string':
      return ''
    case 'bytes':
    case 'records':
      return NO_BYTES
    case 'uuid':
      return ZERO_UUID
    case 'bool':
      return false
    default:
      return 0
  }
}

/** Notes the field in which decoding failed, on the way out. */
function inside(trouble: unknown, name: string | undefined): unknown {
  if (trouble instanceof Malformed && name !== undefined) trouble.path.push(name)
  return trouble
}
