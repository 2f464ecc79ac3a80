// JSON lines (RFC 8259): one object a line, checked and taken apart without making it; objects inside become `a.b`.
import { type Fields, kind, type LineParser } from './fields.ts'
import type { Name, Names } from './names.ts'
import { depthMax } from './options.ts'
import { matches } from './time.ts'
import { numberEnd } from './values.ts'

/** Arrays and objects inside each other; more is refused. */
const nestedMax = 64
const quote = 0x22
const backslash = 0x5c

/** Bytes that stand for themselves inside a string. */
const plain = new Uint8Array(256).fill(1, 0x20)
plain[quote] = 0
plain[backslash] = 0
/** Bytes that may follow a backslash, but for `u`. */
const escapable = new Uint8Array(256)
for (const letter of '"\\/bfnrt') escapable[letter.charCodeAt(0)] = 1

/** The parser of JSON lines. */
export function jsonParser(names: Names): LineParser {
  const reader = new JsonReader(names)
  return (bytes, from, to, fields) => reader.read(bytes, from, to, fields)
}

class JsonReader {
  readonly #names: Names
  #bytes: Uint8Array = new Uint8Array(0)
  #to = 0
  /** The string that was read last holds an escape; one by its number. */
  #hasEscape = false
  #hasCode = false

  constructor(names: Names) {
    this.#names = names
  }

  read(bytes: Uint8Array, from: number, to: number, fields: Fields): string | null {
    this.#bytes = bytes
    this.#to = to
    const start = this.#skipBlank(from)
    if (start === to || bytes[start] !== 0x7b) return 'not_a_json_object'
    const end = this.#object(start, null, fields, 1)
    return end !== -1 && this.#skipBlank(end) === to ? null : 'not_json'
  }

  /** Reads the object at `at`, its members into `fields`, or only over it when that is null; where it ends, or -1. */
  #object(at: number, outer: Name | null, fields: Fields | null, depth: number): number {
    const bytes = this.#bytes
    if (depth > nestedMax) return -1
    let next = this.#skipBlank(at + 1)
    if (bytes[next] === 0x7d && next < this.#to) return next + 1
    for (;;) {
      const key = next
      const keyEnd = this.#string(key)
      if (keyEnd === -1) return -1
      const name = fields === null ? null : this.#name(key + 1, keyEnd - 1, outer)
      next = this.#skipBlank(keyEnd)
      if (next >= this.#to || bytes[next] !== 0x3a) return -1
      next = this.#member(this.#skipBlank(next + 1), name, fields, depth)
      if (next === -1) return -1
      next = this.#skipBlank(next)
      if (next >= this.#to) return -1
      if (bytes[next] === 0x7d) return next + 1
      if (bytes[next] !== 0x2c) return -1
      next = this.#skipBlank(next + 1)
    }
  }

  #member(at: number, name: Name | null, fields: Fields | null, depth: number): number {
    if (fields === null || name === null) return this.#over(at, depth)
    const bytes = this.#bytes
    const first = at < this.#to ? (bytes[at] as number) : 0
    if (first === quote) {
      const end = this.#string(at)
      if (end === -1) return -1
      if (this.#hasCode) fields.addText(name, this.#decode(at, end))
      else fields.add(name, this.#hasEscape ? kind.json : kind.text, at + 1, end - 1)
      return end
    }
    if (first === 0x7b && depth < depthMax) return this.#inner(at, name, fields, depth)
    const end = this.#over(at, depth)
    if (end === -1) return -1
    if (first === 0x74 || first === 0x66) fields.flag(name, first === 0x74)
    else if (first === 0x7b || first === 0x5b) fields.add(name, kind.text, at, end)
    // A number that no double holds stays as it is written.
    else if (first !== 0x6e)
      fields.add(name, numberEnd(bytes, at, end) === end ? kind.number : kind.text, at, end)
    return end
  }

  /** An object whose members are fields; as JSON text where their names would be too long. */
  #inner(at: number, name: Name, fields: Fields, depth: number): number {
    if (name.text.length < 200) return this.#object(at, name, fields, depth + 1)
    const end = this.#over(at, depth)
    if (end !== -1) fields.add(name, kind.text, at, end)
    return end
  }

  /** Where the value at `at` ends; -1 when it is none. */
  #over(at: number, depth: number): number {
    const bytes = this.#bytes
    if (at >= this.#to) return -1
    switch (bytes[at]) {
      case quote:
        return this.#string(at)
      case 0x7b:
        return this.#object(at, null, null, depth + 1)
      case 0x5b:
        return this.#array(at, depth + 1)
      case 0x74:
        return this.#word(at, 'true')
      case 0x66:
        return this.#word(at, 'false')
      case 0x6e:
        return this.#word(at, 'null')
      default:
        return this.#number(at)
    }
  }

  #array(at: number, depth: number): number {
    const bytes = this.#bytes
    if (depth > nestedMax) return -1
    let next = this.#skipBlank(at + 1)
    if (next < this.#to && bytes[next] === 0x5d) return next + 1
    for (;;) {
      next = this.#over(next, depth)
      if (next === -1) return -1
      next = this.#skipBlank(next)
      if (next >= this.#to) return -1
      if (bytes[next] === 0x5d) return next + 1
      if (bytes[next] !== 0x2c) return -1
      next = this.#skipBlank(next + 1)
    }
  }

  /** Where the string at `at` ends, behind its quote. */
  #string(at: number): number {
    const bytes = this.#bytes
    const to = this.#to
    this.#hasEscape = false
    this.#hasCode = false
    if (at >= to || bytes[at] !== quote) return -1
    let next = at + 1
    for (;;) {
      while (next < to && plain[bytes[next] as number] === 1) next += 1
      if (next >= to) return -1
      if (bytes[next] === quote) return next + 1
      if (bytes[next] !== backslash || next + 1 >= to) return -1
      this.#hasEscape = true
      if (escapable[bytes[next + 1] as number] === 1) next += 2
      else {
        if (bytes[next + 1] !== 0x75 || !this.#isCode(next + 2)) return -1
        this.#hasCode = true
        next += 6
      }
    }
  }

  #isCode(at: number): boolean {
    if (at + 4 > this.#to) return false
    for (let next = at; next < at + 4; next += 1) {
      const byte = this.#bytes[next] as number
      const letter = byte | 0x20
      if (!((byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66))) return false
    }
    return true
  }

  #number(at: number): number {
    const bytes = this.#bytes
    let end = at
    while (end < this.#to && isNumberByte(bytes[end] as number)) end += 1
    if (end === at) return -1
    if (numberEnd(bytes, at, end) === end) return end
    // One that a double does not hold is still JSON; anything else is not.
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1')
    return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? end : -1
  }

  #word(at: number, word: string): number {
    return at + word.length <= this.#to && matches(this.#bytes, at, word) ? at + word.length : -1
  }

  #name(from: number, to: number, outer: Name | null): Name | null {
    if (!this.#hasEscape) return this.#names.find(this.#bytes, from, to, outer)
    const bytes = Buffer.from(this.#decode(from - 1, to + 1))
    return this.#names.find(bytes, 0, bytes.length, outer)
  }

  /** A string token as text; halves of a surrogate pair that stand alone are replaced: they are no UTF-8. */
  #decode(from: number, to: number): string {
    const { buffer, byteOffset } = this.#bytes
    return String(JSON.parse(Buffer.from(buffer, byteOffset + from, to - from).toString())).toWellFormed()
  }

  #skipBlank(at: number): number {
    let next = at
    while (next < this.#to && isBlank(this.#bytes[next] as number)) next += 1
    return next
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

function isNumberByte(byte: number): boolean {
  return (byte >= 0x2b && byte <= 0x39 && byte !== 0x2c && byte !== 0x2f) || byte === 0x65 || byte === 0x45
}
