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

/** Compiles a format. Throws an Error with a sentence when two variables touch: nobody knows where one ends. */
export function accessLogParser(pieces: readonly Piece[], names: Names): LineParser {
  const first = literalAt(pieces, 0)
  const slots: Slot[] = []
  const request = requestNames(names)
  for (const [index, piece] of pieces.entries()) {
    if ('literal' in piece) continue
    const next = pieces[index + 1]
    if (next !== undefined && 'variable' in next) {
      throw new Error(`nothing stands between ${piece.variable.name} and ${next.variable.name} in the format`)
    }
    const { name, as } = piece.variable
    slots.push({ name: names.of(name), as, until: literalAt(pieces, index + 1) })
  }
  if (slots.length === 0) throw new Error('the format has no variables')
  return (bytes, from, to, fields) => {
    if (!isAt(bytes, from, to, first)) return 'not_the_format'
    let at = from + first.length
    for (const { name, as, until } of slots) {
      const end = until.length === 0 ? to : find(fields.viewOf(bytes), bytes, at, to, until)
      if (end === -1) return 'not_the_format'
      addValue(fields, as, name, bytes, at, end, request)
      at = end + until.length
    }
    return at === to ? null : 'not_the_format'
  }
}

interface Slot {
  readonly name: Name
  readonly as: Variable['as']
  /** What ends the value; empty: the end of the line. */
  readonly until: Uint8Array
}

interface RequestNames {
  readonly method: Name
  readonly path: Name
  readonly query: Name
  readonly protocol: Name
}

function requestNames(names: Names): RequestNames {
  return {
    method: names.of('method'),
    path: names.of('path'),
    query: names.of('query'),
    protocol: names.of('protocol'),
  }
}

function literalAt(pieces: readonly Piece[], index: number): Uint8Array {
  const piece = pieces[index]
  return Buffer.from(piece !== undefined && 'literal' in piece ? piece.literal : '')
}

/** `-` and nothing mean that there is no value. */
function addValue(
  fields: Fields,
  as: Variable['as'],
  name: Name,
  bytes: Uint8Array,
  from: number,
  to: number,
  request: RequestNames,
): void {
  if (to === from || (to === from + 1 && bytes[from] === 0x2d)) return
  if (as === 'request' && addRequest(fields, bytes, from, to, request)) return
  const isNumber = as === 'number' && numberEnd(bytes, from, to) === to
  fields.add(name, isNumber ? kind.number : kind.text, from, to)
}

/** `GET /a?b HTTP/1.1` in its parts; false for anything that is no such thing. */
function addRequest(
  fields: Fields,
  bytes: Uint8Array,
  from: number,
  to: number,
  names: RequestNames,
): boolean {
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
  fields.add(names.method, kind.text, from, methodEnd)
  fields.add(names.path, kind.text, target, path)
  if (path < targetEnd) fields.add(names.query, kind.text, path + 1, targetEnd)
  if (!isOld) fields.add(names.protocol, kind.text, protocol, to)
  return true
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

function isAt(bytes: Uint8Array, at: number, to: number, literal: Uint8Array): boolean {
  if (at + literal.length > to) return false
  for (let index = 0; index < literal.length; index += 1)
    if (bytes[at + index] !== literal[index]) return false
  return true
}
