// Envelopes: the lines of Docker's json-file driver and of CRI runtimes, read only as far as joining needs.
//
// CRI: `TIME STREAM TAGS MESSAGE`, tags F (whole) or P (goes on). Docker: `{"log":"...","stream":"stdout",...}` in this
// order, as its marshaller writes it; a message that goes on has no \n at its end.
import type { Envelope } from './containers.ts'

const space = 0x20
const quote = 0x22
const backslash = 0x5c
const letterN = 0x6e
const letterP = 0x50
const letterF = 0x46

const dockerHead = Buffer.from('{"log":"')
const dockerStreams = [Buffer.from('","stream":"stdout"'), Buffer.from('","stream":"stderr"')] as const
const criStreams = [Buffer.from('stdout '), Buffer.from('stderr ')] as const

export const criEnvelope: Envelope = {
  lineFeed: '\n',
  read(bytes, from, to, entry) {
    const streamAt = bytes.indexOf(space, from) + 1
    if (streamAt === 0 || streamAt + 8 > to) return false
    const stream = criStreams.findIndex((word) => startsAt(bytes, streamAt, word))
    const tag = bytes[streamAt + 7]
    if (stream === -1 || (tag !== letterP && tag !== letterF)) return false
    const tagsEnd = bytes.indexOf(space, streamAt + 7)
    entry.stream = stream
    entry.isPart = tag === letterP
    entry.textFrom = tagsEnd === -1 || tagsEnd >= to ? to : tagsEnd + 1
    entry.textTo = to
    return true
  },
  text: (bytes, { textFrom, textTo }) => textIn(bytes, textFrom, textTo),
  head(room, bytes, from, _entry, isPart) {
    const streamAt = bytes.indexOf(space, from) + 1
    room.copy(bytes, from, streamAt + 7)
    room.write(isPart ? 'P ' : 'F ')
  },
  tail: () => undefined,
}

export const dockerEnvelope: Envelope = {
  // It stands in the messages.
  lineFeed: '',
  read(bytes, from, to, entry) {
    if (to - from < dockerHead.length || !startsAt(bytes, from, dockerHead)) return false
    const textFrom = from + dockerHead.length
    const textTo = stringEnd(bytes, textFrom, to)
    if (textTo === -1) return false
    const stream = dockerStreams.findIndex(
      (word) => textTo + word.length <= to && startsAt(bytes, textTo, word),
    )
    if (stream === -1) return false
    entry.stream = stream
    entry.isPart = !endsWithFeed(bytes, textFrom, textTo)
    entry.textFrom = textFrom
    entry.textTo = textTo
    return true
  },
  text(bytes, { textFrom, textTo, isPart }) {
    const inside = textIn(bytes, textFrom, isPart ? textTo : textTo - 2)
    try {
      return String(JSON.parse(`"${inside}"`))
    } catch {
      return inside
    }
  },
  head: (room) => room.write('{"log":"'),
  tail: (room, bytes, to, { textTo }) => room.copy(bytes, textTo, to),
}

function textIn(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString()
}

/** Where the quote stands that ends a JSON string, -1 when none does. */
function stringEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = bytes.indexOf(quote, from); at !== -1 && at < to; at = bytes.indexOf(quote, at + 1)) {
    if (backslashesBefore(bytes, from, at) % 2 === 0) return at
  }
  return -1
}

/** True when a JSON string ends with the escape `\n`. */
function endsWithFeed(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from >= 2 && bytes[to - 1] === letterN && backslashesBefore(bytes, from, to - 1) % 2 === 1
}

function backslashesBefore(bytes: Uint8Array, from: number, at: number): number {
  let start = at
  while (start > from && bytes[start - 1] === backslash) start -= 1
  return at - start
}

function startsAt(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index += 1) if (bytes[at + index] !== word[index]) return false
  return true
}
