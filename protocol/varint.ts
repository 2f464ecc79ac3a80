// Zigzag varints as Kafka's records use them: small numbers of either sign in few bytes, least significant group first.

import { LogdriveError } from '../core/errors.ts'
import { assert } from './assert.ts'

/** The most bytes a 32-bit varint takes. */
const VARINT_BYTES_MAX = 5
/** The most bytes a 64-bit varlong takes. */
const VARLONG_BYTES_MAX = 10

/**
 * Where a reader stands. One cursor is made per batch and moved by every read, so that reading returns a plain number
 * and allocates nothing.
 */
export interface Cursor {
  at: number
}

/** How many bytes `value` (a signed 32-bit integer) takes as a varint. */
export function varintSize(value: number): number {
  const bits = ((value << 1) ^ (value >> 31)) >>> 0
  if (bits < 0x80) return 1
  if (bits < 0x4000) return 2
  if (bits < 0x200000) return 3
  return bits < 0x10000000 ? 4 : 5
}

/** Writes a signed 32-bit integer at `at` and returns the position after it. The caller made room for five bytes. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let bits = ((value << 1) ^ (value >> 31)) >>> 0
  let next = at
  while (bits >= 0x80) {
    target[next++] = (bits & 0x7f) | 0x80
    bits >>>= 7
  }
  target[next++] = bits
  return next
}

/** How many bytes `value` (a safe integer) takes as a varlong. */
export function varlongSize(value: number): number {
  if (value === (value | 0)) return varintSize(value)
  // The lowest zigzag bit (the sign) never decides the size, and doubling is exact in a double.
  let rest = value < 0 ? -(value + 1) * 2 : value * 2
  let size = 1
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80)
    size++
  }
  return size
}

/** Writes a safe integer as a 64-bit varlong and returns the position after it. The caller made room for ten bytes. */
export function writeVarlong(target: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(target, at, value)
  assert(Number.isSafeInteger(value), 'a varlong is a safe integer')
  const high = Math.floor(value / 0x100000000)
  const low = value >>> 0
  const sign = high >> 31
  let zigzagLow = ((low << 1) ^ sign) >>> 0
  let zigzagHigh = (((high << 1) | (low >>> 31)) ^ sign) >>> 0
  let next = at
  while (zigzagHigh !== 0 || zigzagLow >= 0x80) {
    target[next++] = (zigzagLow & 0x7f) | 0x80
    zigzagLow = ((zigzagLow >>> 7) | (zigzagHigh << 25)) >>> 0
    zigzagHigh >>>= 7
  }
  target[next++] = zigzagLow
  return next
}

/**
 * Reads a 32-bit varint that must end before `end`, and moves the cursor behind it. Throws BATCH_CORRUPT when it is cut
 * short or longer than five bytes.
 */
export function readVarint(bytes: Uint8Array, cursor: Cursor, end: number): number {
  const start = cursor.at
  if (start < end) {
    const first = bytes[start] as number
    if (first < 0x80) {
      cursor.at = start + 1
      return (first >>> 1) ^ -(first & 1)
    }
    if (start + 1 < end) {
      const second = bytes[start + 1] as number
      if (second < 0x80) {
        cursor.at = start + 2
        const bits = (first & 0x7f) | (second << 7)
        return (bits >>> 1) ^ -(bits & 1)
      }
    }
  }
  return readLongerVarint(bytes, cursor, end)
}

/**
 * Reads a 64-bit varlong that must end before `end`. Throws BATCH_CORRUPT when it is cut short, longer than ten bytes,
 * or beyond 2^53, where a number is no longer exact.
 */
export function readVarlong(bytes: Uint8Array, cursor: Cursor, end: number): number {
  const start = cursor.at
  let low = 0
  let middle = 0
  let high = 0
  let at = start
  for (let group = 0; group < VARLONG_BYTES_MAX; group++) {
    if (at >= end) throw cutShort(start)
    const byte = bytes[at++] as number
    if (group < 4) low |= (byte & 0x7f) << (group * 7)
    else if (group < 8) middle |= (byte & 0x7f) << ((group - 4) * 7)
    else high |= (byte & 0x7f) << ((group - 8) * 7)
    if (byte < 0x80) {
      if (high > 0xff) throw tooLong(start, VARLONG_BYTES_MAX)
      cursor.at = at
      return unzigzag(low | (middle << 28), ((middle >>> 4) | (high << 24)) >>> 0, start)
    }
  }
  throw tooLong(start, VARLONG_BYTES_MAX)
}

function readLongerVarint(bytes: Uint8Array, cursor: Cursor, end: number): number {
  const start = cursor.at
  let bits = 0
  let at = start
  for (let group = 0; group < VARINT_BYTES_MAX; group++) {
    if (at >= end) throw cutShort(start)
    const byte = bytes[at++] as number
    bits |= (byte & 0x7f) << (group * 7)
    if (byte < 0x80) {
      if (group === 4 && byte > 0x0f) throw tooLong(start, VARINT_BYTES_MAX)
      cursor.at = at
      return (bits >>> 1) ^ -(bits & 1)
    }
  }
  throw tooLong(start, VARINT_BYTES_MAX)
}

function unzigzag(low: number, high: number, start: number): number {
  const sign = -(low & 1)
  const valueLow = (((low >>> 1) | (high << 31)) ^ sign) >>> 0
  const valueHigh = (high >>> 1) ^ sign
  const value = valueHigh * 0x100000000 + valueLow
  if (!Number.isSafeInteger(value)) {
    throw new LogdriveError('BATCH_CORRUPT', `the varlong at byte ${start} is beyond 2^53`)
  }
  return value
}

function cutShort(at: number): LogdriveError {
  return new LogdriveError('BATCH_CORRUPT', `the varint at byte ${at} is cut short`)
}

function tooLong(at: number, bytesMax: number): LogdriveError {
  return new LogdriveError('BATCH_CORRUPT', `the varint at byte ${at} is longer than ${bytesMax} bytes allow`)
}
