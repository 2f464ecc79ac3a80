// Redact: replaces what should not leave the machine in a text, and tells which bytes may hold any of it.
import { linearExpression } from '../../config/linear-expression.ts'
import { findIpv4, findIpv6 } from './addresses.ts'
import { findCards } from './cards.ts'
import { findEmails } from './emails.ts'
import { type Finder, type Found, replaceFound } from './found.ts'
import { Needles, scanDigits } from './needles.ts'
import type { RedactKind, RedactOptions } from './options.ts'
import { findKeys, findTokens, jwtNeedles, keyNeedles } from './secrets.ts'

interface Kind {
  readonly name: string
  readonly find: Finder
}

const hashCharacters = 16
/** Places of one own pattern in one text. */
const matchesMax = 10_000
/** The order matters where one may hold another: a key holds digits, an address in a URL holds a name. */
const builtIn: readonly (Kind & { readonly name: RedactKind })[] = [
  { name: 'jwt', find: findTokens },
  { name: 'keys', find: findKeys },
  { name: 'email', find: findEmails },
  { name: 'card', find: findCards },
  { name: 'ipv6', find: findIpv6 },
  { name: 'ipv4', find: findIpv4 },
]
/** What stands in every text with one of them, in plain sight or as JSON escapes it. */
const needlesOf: Readonly<Record<'email' | 'jwt' | 'keys', readonly string[]>> = {
  email: ['%40'],
  jwt: jwtNeedles,
  keys: keyNeedles,
}
/** Escapes that hide characters of ASCII in JSON and logfmt. */
const hiding = ['\\u00', '\\x2', '\\x3', '\\x4', '\\x5', '\\x6', '\\x7']
/** Escapes with which JSON hides characters of ASCII. */
const escaped = /\\u00[2-7][0-9a-fA-F]|\\\//

/** Counts what was replaced. */
export type CountRedacted = (kind: string) => void

export class Redactor {
  readonly #kinds: readonly Kind[]
  readonly #needles: Needles
  readonly #options: RedactOptions
  readonly #hasEmail: boolean
  readonly #hasCard: boolean
  /** Every text is to be looked at: nothing tells beforehand which ones hold what is looked for. */
  readonly looksAtAll: boolean
  /** The text should be the line as people read it, not one character for each byte. */
  readonly readsText: boolean

  /** Throws an Error with a sentence for a pattern of no use. */
  constructor(options: RedactOptions) {
    const { kinds, patterns } = options
    const chosen = builtIn.filter(({ name }) => kinds.includes(name))
    const own = Object.entries(patterns).map(([name, pattern]) => ({ name, find: ownFinder(pattern) }))
    this.#options = options
    this.#kinds = [...chosen, ...own]
    this.#hasEmail = kinds.includes('email')
    this.#hasCard = kinds.includes('card')
    this.#needles = new Needles([
      ...(['email', 'jwt', 'keys'] as const).flatMap((kind) => (kinds.includes(kind) ? needlesOf[kind] : [])),
      ...hiding,
    ])
    this.readsText = own.length > 0
    this.looksAtAll = own.length > 0 || kinds.includes('ipv4') || kinds.includes('ipv6')
  }

  /**
   * Calls `found` with places in `bytes[from, to)` such that every line that changes has one; it says where the line
   * ends. Linear, makes no texts.
   */
  scan(bytes: Uint8Array, from: number, to: number, found: (at: number) => number): void {
    if (this.#hasEmail) {
      // indexOf runs to the end of what it is given.
      const block = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from)
      for (let at = block.indexOf(0x40); at !== -1; at = block.indexOf(0x40, found(from + at) - from));
    }
    if (this.#hasCard) scanDigits(bytes, from, to, found)
    this.#needles.scan(bytes, from, to, found)
  }

  /** The text without what was looked for; the very same when there is none. */
  redact(text: string, count: CountRedacted): string {
    const plain = this.#redactPlain(text, count)
    if (!escaped.test(plain)) return plain
    // Escaped in JSON, an address is one all the same; where nothing is found the escapes stay as they are.
    const readable = plain.replace(/\\u00([2-7][0-9a-fA-F])|\\\//g, plainly)
    const redacted = this.#redactPlain(readable, count)
    return redacted === readable ? plain : redacted
  }

  #redactPlain(text: string, count: CountRedacted): string {
    let result = text
    for (const { name, find } of this.#kinds) {
      const found = find(result)
      if (found.length === 0) continue
      for (const _ of found) count(name)
      result = replaceFound(result, found, (value) => this.#instead(name, value))
    }
    return result
  }

  #instead(kind: string, value: string): string {
    const { text, hashKey } = this.#options
    if (hashKey === undefined) return text.replaceAll('{kind}', kind)
    // Loading it takes as long as checking a whole configuration, and few have a rule that hashes.
    const { createHmac } = process.getBuiltinModule('node:crypto')
    const hash = createHmac('sha256', hashKey).update(value).digest('hex')
    return `[${kind}:${hash.slice(0, hashCharacters)}]`
  }
}

function ownFinder(pattern: string): Finder {
  const expression = linearExpression(pattern, 'g')
  if (new RegExp(pattern).test(''))
    throw new Error('the pattern matches nothing at all: it would be everywhere')
  return (text) => {
    const found: Found[] = []
    expression.lastIndex = 0
    for (let match = expression.exec(text); match !== null; match = expression.exec(text)) {
      const [value] = match
      const { index: from } = match
      // So many that the places would take more memory than the text: all the rest is one.
      if (found.length === matchesMax) return [...found, { from, to: text.length, value: text.slice(from) }]
      if (value === '') expression.lastIndex += 1
      else found.push({ from, to: from + value.length, value })
    }
    return found
  }
}

/** A quote and a backslash stay escaped: plain they would mean something else. */
function plainly(whole: string, code: string | undefined): string {
  const character = code === undefined ? '/' : String.fromCharCode(Number.parseInt(code, 16))
  return character === '"' || character === '\\' || character === '\u007f' ? whole : character
}
