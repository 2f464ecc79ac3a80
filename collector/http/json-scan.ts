// A scanner of JSON bytes (RFC 8259): says where a value ends and that it is valid, without building anything.

/** Why bytes are not a JSON value. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault'
  /** The byte at which it went wrong. */
  readonly at: number

  constructor(message: string, at: number) {
    super(`${message} (byte ${at})`)
    this.at = at
  }
}

/** Deeper than this nothing that we meet is meant seriously, and who prints it again may run out of stack. */
const jsonDepthMax = 64

/** Classes of bytes inside a string: 0 plain, 1 ends the plain run. */
const stringStops = new Uint8Array(256)
for (let byte = 0; byte < 0x20; byte += 1) stringStops[byte] = 1
stringStops[0x22] = 1
stringStops[0x5c] = 1

const spaces = new Uint8Array(256)
for (const byte of [0x20, 0x09, 0x0a, 0x0d]) spaces[byte] = 1

/**
 * The position behind the JSON value that begins at `at` (spaces before it allowed), at most `end`. Throws JsonFault.
 * Bytes above 0x7f inside strings pass: check UTF-8 apart. Not recursive: depth costs nothing but is bounded.
 */
export function skipValue(bytes: Uint8Array, from: number, end: number, depthMax = jsonDepthMax): number {
  // 1 where the open bracket is an object's, 0 where it is an array's.
  const isObject: boolean[] = []
  let at = skipSpaces(bytes, from, end)
  for (;;) {
    const byte = bytes[at]
    if (at >= end) throw new JsonFault('it ends too early', at)
    if (byte === 0x7b || byte === 0x5b) {
      if (isObject.length >= depthMax) throw new JsonFault(`nested deeper than ${depthMax}`, at)
      const object = byte === 0x7b
      at = skipSpaces(bytes, at + 1, end)
      if (bytes[at] !== (object ? 0x7d : 0x5d) || at >= end) {
        isObject.push(object)
        if (object) at = skipName(bytes, at, end)
        continue
      }
      at += 1
    } else at = skipScalar(bytes, at, end)
    // A value has ended: close what it completes, or go on to the next one.
    for (;;) {
      if (isObject.length === 0) return at
      at = skipSpaces(bytes, at, end)
      const object = isObject[isObject.length - 1] as boolean
      if (at >= end) throw new JsonFault('it ends too early', at)
      if (bytes[at] === 0x2c) {
        at = skipSpaces(bytes, at + 1, end)
        if (object) at = skipName(bytes, at, end)
        break
      }
      if (bytes[at] !== (object ? 0x7d : 0x5d)) throw unexpected(bytes, at)
      isObject.pop()
      at += 1
    }
  }
}

/** Throws JsonFault unless exactly one value fills the range, spaces aside. */
export function checkJson(bytes: Uint8Array, from: number, end: number, depthMax = jsonDepthMax): void {
  const stop = skipSpaces(bytes, skipValue(bytes, from, end, depthMax), end)
  if (stop !== end) throw unexpected(bytes, stop)
}

/** The first position from `at` that is no JSON space, at most `end`. */
export function skipSpaces(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end && spaces[bytes[next] as number] === 1) next += 1
  return next
}

/** A member's name, its colon, and the spaces behind. */
function skipName(bytes: Uint8Array, from: number, end: number): number {
  if (bytes[from] !== 0x22 || from >= end) throw unexpected(bytes, from)
  const at = skipSpaces(bytes, skipString(bytes, from + 1, end), end)
  if (bytes[at] !== 0x3a || at >= end) throw unexpected(bytes, at)
  return skipSpaces(bytes, at + 1, end)
}

function skipScalar(bytes: Uint8Array, at: number, end: number): number {
  const byte = bytes[at] as number
  if (byte === 0x22) return skipString(bytes, at + 1, end)
  if (byte === 0x74) return skipWord(bytes, at, end, 'true')
  if (byte === 0x66) return skipWord(bytes, at, end, 'false')
  if (byte === 0x6e) return skipWord(bytes, at, end, 'null')
  return skipNumber(bytes, at, end)
}

/** From behind the opening quote to behind the closing one. */
function skipString(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  for (;;) {
    while (at < end && stringStops[bytes[at] as number] === 0) at += 1
    if (at >= end) throw new JsonFault('a string does not end', from - 1)
    const byte = bytes[at] as number
    if (byte === 0x22) return at + 1
    if (byte !== 0x5c) throw new JsonFault('a control character in a string', at)
    at = skipEscape(bytes, at, end)
  }
}

function skipEscape(bytes: Uint8Array, at: number, end: number): number {
  const kind = at + 1 < end ? (bytes[at + 1] as number) : 0
  if (kind === 0x75) {
    for (let index = at + 2; index < at + 6; index += 1) {
      if (index >= end || !isHex(bytes[index] as number)) throw new JsonFault('a broken \\u escape', at)
    }
    return at + 6
  }
  // " \ / b f n r t
  if (
    kind === 0x22 ||
    kind === 0x5c ||
    kind === 0x2f ||
    kind === 0x62 ||
    kind === 0x66 ||
    kind === 0x6e ||
    kind === 0x72 ||
    kind === 0x74
  ) {
    return at + 2
  }
  throw new JsonFault('a broken escape', at)
}

function skipWord(bytes: Uint8Array, at: number, end: number, word: string): number {
  for (let index = 0; index < word.length; index += 1) {
    if (at + index >= end || bytes[at + index] !== word.charCodeAt(index)) throw unexpected(bytes, at)
  }
  return at + word.length
}

function skipNumber(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  if (bytes[at] === 0x2d) at += 1
  if (at < end && bytes[at] === 0x30) at += 1
  else at = skipDigits(bytes, at, end)
  if (at < end && bytes[at] === 0x2e) at = skipDigits(bytes, at + 1, end)
  if (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at += 1
    if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at += 1
    at = skipDigits(bytes, at, end)
  }
  return at
}

/** One digit at least. */
function skipDigits(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at += 1
  if (at === from) throw unexpected(bytes, at)
  return at
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
}

function unexpected(bytes: Uint8Array, at: number): JsonFault {
  const byte = bytes[at]
  if (byte === undefined) return new JsonFault('it ends too early', at)
  const shown =
    byte > 0x20 && byte < 0x7f
      ? `"${String.fromCharCode(byte)}"`
      : `byte 0x${byte.toString(16).padStart(2, '0')}`
  return new JsonFault(`${shown} is not expected here`, at)
}
