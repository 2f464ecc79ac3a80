// Kafka's primitive types: a reader that never trusts a length, and a writer that never copies large bytes.
//
// All numbers are big-endian. A length is an int16 (strings) or int32 (bytes, arrays) with -1 for null; in flexible
// versions it is an unsigned varint of the length plus one, with 0 for null. Source: KIP-482, kafka.apache.org/protocol.

import { assert } from './assert.ts'

/** Array elements that one message may have in all: each may be an element of an answer too. */
export const ELEMENTS_MAX = 500_000
/** What a small frame may take of the heap once it is decoded: some 100,000 topics or partitions of an honest client. */
const HEAP_BYTES_MAX = 16 * 1024 * 1024

/** Bytes longer than this go out as a piece of their own, not copied. */
const COPY_BYTES_MAX = 1024
/** The first chunk of a message; nearly all answers fit. */
const CHUNK_BYTES = 512
const CHUNK_BYTES_MAX = 64 * 1024
/** Up to here writing a string byte by byte is no slower than asking the runtime. */
const ASCII_LENGTH_MAX = 40

/** The one uuid that means none. */
export const ZERO_UUID = '00000000-0000-0000-0000-000000000000'
/** No bytes, and no elements: shared, for a frame can ask for very many of them. */
export const NO_BYTES = new Uint8Array(0)
export const NO_ELEMENTS: readonly never[] = Object.freeze([])

/** What decoded values take in V8's heap: upper bounds, held against the heap by test/protocol/heap.test.ts. */
export const heapBytes = {
  /** An object; each of its fields is a slot more, as each element of an array is. */
  object: 24,
  slot: 8,
  array: 48,
  /** Beside its letters, which take two bytes each unless all are ASCII. */
  string: 24,
  view: 112,
  /** A number of its own: what is no small integer. */
  number: 16,
  uuid: 56,
} as const

/**
 * What a request may take of the heap for each byte of its frame. The most is a member of JoinGroup with an empty name and
 * one byte of metadata: four bytes of the frame, 160 of the heap; without views it would be 27. The fuzzer holds it.
 */
export const HEAP_FACTOR_MAX = 40

/**
 * Bytes of the heap that a decoded frame takes at most; whoever asks for more is refused. With the frame it is never more
 * than twice the frame, or 16 MiB beside a small one.
 */
export function heapBytesMaxOf(frameBytes: number): number {
  return Math.max(frameBytes, HEAP_BYTES_MAX)
}

/** Bytes that are no message: what is wrong, at which byte, in which field (innermost first). Caught in message.ts. */
export class Malformed {
  readonly what: string
  readonly at: number
  readonly path: string[] = []

  constructor(what: string, at: number) {
    this.what = what
    this.at = at
  }
}

/** Where a decoder stands in a frame. One is made per message. */
export class Reader {
  /** A Buffer: only that reads strings fast. */
  readonly bytes: Buffer
  at: number
  end: number
  elementsLeft = ELEMENTS_MAX
  /** What was decoded so far takes at most so much of the heap; counted by `weigh`. */
  heapBytes = 0
  readonly heapBytesMax: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = at
    this.end = bytes.length
    this.heapBytesMax = heapBytesMaxOf(bytes.length)
  }
}

/** Counts what a value is about to take of the heap: before it is made, for a frame can ask for 40 times its bytes. */
export function weigh(reader: Reader, bytes: number): void {
  reader.heapBytes += bytes
  if (reader.heapBytes > reader.heapBytesMax)
    throw new Malformed(
      `so many small elements take more memory than ${reader.heapBytesMax} bytes`,
      reader.at,
    )
}

/** Moves behind the next `count` bytes and returns where they begin. */
function take(reader: Reader, count: number): number {
  const at = reader.at
  if (count > reader.end - at) {
    throw new Malformed(`${count} bytes are needed, ${reader.end - at} are left`, at)
  }
  reader.at = at + count
  return at
}

export function readInt8(reader: Reader): number {
  const at = take(reader, 1)
  return ((reader.bytes[at] as number) << 24) >> 24
}

/** Any byte but 0 is true, as Kafka reads it. */
export function readBool(reader: Reader): boolean {
  return readInt8(reader) !== 0
}

export function readInt16(reader: Reader): number {
  const at = take(reader, 2)
  return (((reader.bytes[at] as number) << 24) >> 16) | (reader.bytes[at + 1] as number)
}

export function readInt32(reader: Reader): number {
  const at = take(reader, 4)
  return int32At(reader.bytes, at)
}

/** Two 32-bit halves: five times faster than a bigint, exact up to 2^53, refused beyond. */
export function readInt64(reader: Reader): number {
  const at = take(reader, 8)
  const value = int32At(reader.bytes, at) * 0x100000000 + (int32At(reader.bytes, at + 4) >>> 0)
  if (!Number.isSafeInteger(value)) throw new Malformed('the number is beyond 2^53', at)
  return value
}

export function readFloat64(reader: Reader): number {
  return reader.bytes.readDoubleBE(take(reader, 8))
}

/** One flat string: joined from parts it would take 300 bytes, and half as long again. */
export function readUuid(reader: Reader): string {
  const at = take(reader, 16)
  for (let index = 0; index < 16; index++) {
    const byte = reader.bytes[at + index] as number
    const place = uuidPlaces[index] as number
    uuidText[place] = hexDigits[byte >> 4] as number
    uuidText[place + 1] = hexDigits[byte & 15] as number
  }
  return uuidText.toString('latin1')
}

const hexDigits = Buffer.from('0123456789abcdef')
const uuidText = Buffer.from(ZERO_UUID)
/** Where the digits of each byte stand in its text. */
const uuidPlaces = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

/** An unsigned varint of at most 32 bits. */
export function readUvarint(reader: Reader): number {
  const start = reader.at
  const first = start < reader.end ? (reader.bytes[start] as number) : 0x80
  if (first < 0x80) {
    reader.at = start + 1
    return first
  }
  let value = 0
  for (let group = 0; group < 5; group++) {
    const at = start + group
    if (at >= reader.end) throw new Malformed('a varint is cut short', start)
    const byte = reader.bytes[at] as number
    value |= (byte & 0x7f) << (group * 7)
    if (byte < 0x80) {
      if (group === 4 && byte > 0x0f) break
      reader.at = at + 1
      return value >>> 0
    }
  }
  throw new Malformed('a varint is longer than 32 bits', start)
}

/** A length of 16 bits, -1 for null. */
export function readShortLength(reader: Reader): number {
  return checkedLength(readInt16(reader), reader)
}

/** A length of 32 bits, -1 for null. */
export function readLength(reader: Reader): number {
  return checkedLength(readInt32(reader), reader)
}

/** A length as a varint, -1 for null. */
export function readCompactLength(reader: Reader): number {
  return readUvarint(reader) - 1
}

function checkedLength(length: number, reader: Reader): number {
  if (length < -1) throw new Malformed(`the length ${length} is negative`, reader.at)
  return length
}

/** So many bytes of text; invalid UTF-8 is replaced, as Kafka does. */
export function readText(reader: Reader, length: number): string {
  if (length === 0) return ''
  const at = take(reader, length)
  const text = reader.bytes.toString('utf8', at, at + length)
  weigh(reader, heapBytes.string + (text.length === length ? length : 2 * text.length))
  return text
}

/** So many bytes, as a view of the frame. */
export function readView(reader: Reader, length: number): Uint8Array {
  if (length === 0) return NO_BYTES
  const at = take(reader, length)
  weigh(reader, heapBytes.view)
  return new Uint8Array(reader.bytes.buffer, reader.bytes.byteOffset + at, length)
}

/** Checks an array's count against the bytes that are left and the elements a message may have. */
export function checkCount(reader: Reader, count: number, elementBytesMin: number): void {
  const left = reader.end - reader.at
  if (count * elementBytesMin > left) {
    throw new Malformed(`${count} elements do not fit into the ${left} bytes left`, reader.at)
  }
  reader.elementsLeft -= count
  if (reader.elementsLeft < 0) {
    throw new Malformed(`a message may have ${ELEMENTS_MAX} elements in all`, reader.at)
  }
}

function int32At(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

/** Where an encoder stands: a chunk that is being filled, and the pieces before it. */
export class Writer {
  readonly pieces: Uint8Array[] = []
  chunk: Buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  /** Where the piece that is being filled begins in the chunk. */
  from = 0
  at = 0
  /** Bytes of the pieces before it. */
  size = 0

  /** Makes room for so many bytes. */
  ensure(count: number): void {
    if (this.at + count <= this.chunk.length) return
    this.flush()
    const grown = Math.min(this.chunk.length * 2, CHUNK_BYTES_MAX)
    this.chunk = Buffer.allocUnsafe(Math.max(grown, count))
    this.from = 0
    this.at = 0
  }

  /** Ends the piece that is being filled. */
  flush(): void {
    if (this.at === this.from) return
    this.add(this.chunk.subarray(this.from, this.at))
    this.from = this.at
  }

  /** Adds a whole piece behind what was flushed. */
  add(piece: Uint8Array): void {
    this.pieces.push(piece)
    this.size += piece.length
  }
}

export function writeInt8(writer: Writer, value: number): void {
  assert((value << 24) >> 24 === value, 'an int8')
  writer.ensure(1)
  writer.chunk[writer.at++] = value
}

export function writeBool(writer: Writer, value: boolean): void {
  assert(typeof value === 'boolean', 'a boolean')
  writeInt8(writer, value ? 1 : 0)
}

export function writeInt16(writer: Writer, value: number): void {
  assert((value << 16) >> 16 === value, 'an int16')
  writer.ensure(2)
  const { chunk, at } = writer
  chunk[at] = value >> 8
  chunk[at + 1] = value
  writer.at = at + 2
}

export function writeInt32(writer: Writer, value: number): void {
  assert((value | 0) === value, 'an int32')
  writer.ensure(4)
  const { chunk, at } = writer
  setInt32(chunk, at, value)
  writer.at = at + 4
}

export function writeInt64(writer: Writer, value: number): void {
  assert(Number.isSafeInteger(value), 'a safe integer')
  writer.ensure(8)
  const { chunk, at } = writer
  setInt32(chunk, at, Math.floor(value / 0x100000000))
  setInt32(chunk, at + 4, value >>> 0)
  writer.at = at + 8
}

export function writeFloat64(writer: Writer, value: number): void {
  assert(typeof value === 'number', 'a float64')
  writer.ensure(8)
  writer.at = writer.chunk.writeDoubleBE(value, writer.at)
}

export function writeUuid(writer: Writer, value: string): void {
  const hex = value.replaceAll('-', '')
  writer.ensure(16)
  assert(value.length === 36 && writer.chunk.write(hex, writer.at, 'hex') === 16, 'a uuid')
  writer.at += 16
}

export function writeUvarint(writer: Writer, value: number): void {
  writer.ensure(5)
  let rest = value
  while (rest >= 0x80) {
    writer.chunk[writer.at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  writer.chunk[writer.at++] = rest
}

/** Writes how long what follows is; -1 for null. */
export type WriteLength = (writer: Writer, length: number) => void

/** A length of 16 bits. */
export function writeShortLength(writer: Writer, length: number): void {
  writeInt16(writer, length)
}

/** A length of 32 bits. */
export function writeLength(writer: Writer, length: number): void {
  writeInt32(writer, length)
}

/** A length as a varint. */
export function writeCompactLength(writer: Writer, length: number): void {
  writeUvarint(writer, length + 1)
}

export function writeText(writer: Writer, value: string, length: WriteLength): void {
  assert(typeof value === 'string', 'a string')
  if (value.length <= ASCII_LENGTH_MAX && writeAscii(writer, value, length)) return
  const size = Buffer.byteLength(value)
  length(writer, size)
  writer.ensure(size)
  writer.at += writer.chunk.write(value, writer.at, 'utf8')
}

/** Writes a short string of ASCII letters; false, and nothing written, when it has others. */
function writeAscii(writer: Writer, value: string, length: WriteLength): boolean {
  for (let index = 0; index < value.length; index++) if (value.charCodeAt(index) >= 0x80) return false
  length(writer, value.length)
  writer.ensure(value.length)
  const { chunk, at } = writer
  for (let index = 0; index < value.length; index++) chunk[at + index] = value.charCodeAt(index)
  writer.at = at + value.length
  return true
}

/** Bytes with their length: small ones copied, large ones as a piece of their own. */
export function writeBytes(writer: Writer, value: Uint8Array, length: WriteLength): void {
  assert(value instanceof Uint8Array, 'bytes')
  length(writer, value.length)
  if (value.length > COPY_BYTES_MAX) {
    writer.flush()
    writer.add(value)
    return
  }
  writer.ensure(value.length)
  writer.chunk.set(value, writer.at)
  writer.at += value.length
}

function setInt32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >> 24
  bytes[at + 1] = value >> 16
  bytes[at + 2] = value >> 8
  bytes[at + 3] = value
}
