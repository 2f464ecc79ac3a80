// Access logs: a format of literals and variables, compiled once; what nginx and Apache have in common.
import { type Fields, kind, type LineParser } from './fields.ts'
import { indexOfByte } from './four-bytes.ts'
import type { Name, Names } from './names.ts'
import { numberEnd } from './values.ts'

/** A piece of a format: text that must stand there, or a variable. */
export type Piece = { readonly literal: string } | { readonly variable: Variable }

/** `request` is split into method, path, query and protocol. */
export interface Variable {
  readonly name: string
  readonly as: 'text' | 'number' | 'request'
}

const quote = 0x22
const backslash = 0x5c
const space = 0x20
const question = 0x3f

/** A format, ready for lines. */
export interface AccessLogFormat {
  /** What every line begins with. */
  readonly first: Uint8Array
  readonly slots: readonly Slot[]
}

export interface Slot {
  readonly name: Name
  readonly as: Variable['as']
  /** What ends the value; empty: the end of the line. */
  readonly until: Uint8Array
}

/** What a request is split into, in this order. */
export const requestNames = ['method', 'path', 'query', 'protocol'] as const

/** Compiles a format; unless the whole line is the body, the request is. Throws an Error with a sentence when two variables touch: nobody knows where one ends. */
export function accessLogFormat(pieces: readonly Piece[], names: Names, keepRaw: boolean): AccessLogFormat {
  const slots: Slot[] = []
  for (const [index, piece] of pieces.entries()) {
    if ('literal' in piece) continue
    const next = pieces[index + 1]
    if (next !== undefined && 'variable' in next) {
      throw new Error(`nothing stands between ${piece.variable.name} and ${next.variable.name} in the format`)
    }
    const { name, as } = piece.variable
    const role = as === 'request' && !keepRaw ? 'message' : null
    slots.push({ name: names.of(name, role), as, until: literalAt(pieces, index + 1) })
  }
  if (slots.length === 0) throw new Error('the format has no variables')
  return { first: literalAt(pieces, 0), slots }
}

/** The parser of a format. */
export function accessLogParser({ first, slots }: AccessLogFormat, names: Names): LineParser {
  const request = requestNames.map((name) => names.of(name))
  return (bytes, from, to, fields) => {
    if (!isAt(bytes, from, to, first)) return 'not_the_format'
    let at = from + first.length
    for (const slot of slots) {
      const { until } = slot
      const end = until.length === 0 ? to : find(fields.viewOf(bytes), bytes, at, to, until)
      if (end === -1) return 'not_the_format'
      addValue(fields, slot, bytes, at, end, request)
      at = end + until.length
    }
    return at === to ? null : 'not_the_format'
  }
}

/** True of `-` and nothing: there is no value. */
export function isNothing(bytes: Uint8Array, from: number, to: number): boolean {
  return to === from || (to === from + 1 && bytes[from] === 0x2d)
}

/** From and to of each part of `GET /a?b HTTP/1.1`, -1 for one that is not there; false when it is no such thing. */
export function requestParts(bytes: Uint8Array, from: number, to: number, parts: Int32Array): boolean {
  let methodEnd = from
  while (methodEnd < to && isMethodByte(bytes[methodEnd] as number)) methodEnd += 1
  if (methodEnd === from || methodEnd === to || bytes[methodEnd] !== space) return false
  let protocol = to
  while (protocol > methodEnd && bytes[protocol - 1] !== space) protocol -= 1
  // HTTP/0.9 has no protocol.
  const isOld = protocol === methodEnd + 1
  const target = methodEnd + 1
  const targetEnd = isOld ? to : protocol - 1
  let path = target
  while (path < targetEnd && bytes[path] !== question) path += 1
  parts[0] = from
  parts[1] = methodEnd
  parts[2] = target
  parts[3] = path
  parts[4] = path < targetEnd ? path + 1 : -1
  parts[5] = targetEnd
  parts[6] = isOld ? -1 : protocol
  parts[7] = to
  return true
}

/** Whether the literal stands there whole. */
function isAt(bytes: Uint8Array, at: number, to: number, literal: Uint8Array): boolean {
  if (at + literal.length > to) return false
  for (let index = 0; index < literal.length; index += 1)
    if (bytes[at + index] !== literal[index]) return false
  return true
}

function literalAt(pieces: readonly Piece[], index: number): Uint8Array {
  const piece = pieces[index]
  return Buffer.from(piece !== undefined && 'literal' in piece ? piece.literal : '')
}

const parts = new Int32Array(2 * requestNames.length)

function addValue(
  fields: Fields,
  { name, as }: Slot,
  bytes: Uint8Array,
  from: number,
  to: number,
  request: readonly Name[],
): void {
  if (isNothing(bytes, from, to)) return
  const isNumber = as === 'number' && numberEnd(bytes, from, to) === to
  const isSplit = as === 'request' && requestParts(bytes, from, to, parts)
  if (!isSplit || name.role === 'message') fields.add(name, isNumber ? kind.number : kind.text, from, to)
  for (let part = 0; isSplit && part < parts.length; part += 2) {
    const partFrom = parts[part] as number
    if (partFrom !== -1)
      fields.add(request[part >> 1] as Name, kind.text, partFrom, parts[part + 1] as number)
  }
}

function isMethodByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d || byte === 0x5f
}

/** Where the literal stands, or -1; a quote behind a backslash is part of the value. */
function find(view: DataView, bytes: Uint8Array, from: number, to: number, literal: Uint8Array): number {
  const first = literal[0] as number
  for (let at = from; ; at += 1) {
    at = indexOfByte(view, first, at, to)
    if (at + literal.length > to) return -1
    if (first === quote && isEscaped(bytes, from, at)) continue
    if (isAt(bytes, at, to, literal)) return at
  }
}

function isEscaped(bytes: Uint8Array, from: number, at: number): boolean {
  let start = at
  while (start > from && bytes[start - 1] === backslash) start -= 1
  return (at - start) % 2 === 1
}
