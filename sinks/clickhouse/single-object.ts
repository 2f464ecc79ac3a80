// Sees at a glance that a value is safe to splice into JSONEachRow unparsed: at most one row, or an error of the engine.

const openBrace = 0x7b
const closeBrace = 0x7d
const closeBracket = 0x5d
const quote = 0x22
const comma = 0x2c

/** How far into a value its time is looked for: the collector writes it second, behind a UUID. */
const timeWithinBytes = 160

/**
 * True when the engine reads `{head` + the value behind its brace as exactly one row with a `ts` that is a string, or
 * fails the whole insert. False says nothing: parse it. Not the validity of the JSON is looked at, only what the engine
 * would take in silence: JSONEachRow goes on with another row behind `}` when `{`, `,{` or spaces and one of these
 * follow, and drops all rows behind `};`. So every `}` must be the last byte, or be followed by what can't begin a row.
 * What is left open swallows the next row's `{"_log"` and fails there.
 */
export function isSafeObject(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 2 || bytes[from] !== openBrace || bytes[to - 1] !== closeBrace) return false
  if (!startsWithTime(bytes, from + 1, Math.min(to, from + timeWithinBytes))) return false
  for (let at = bytes.indexOf(closeBrace, from); at < to - 1; at = bytes.indexOf(closeBrace, at + 1)) {
    const next = bytes[at + 1]
    const inside = next === closeBrace || next === closeBracket || next === quote
    if (!inside && !(next === comma && bytes[at + 2] === quote)) return false
  }
  return true
}

/** A member `"ts":"` of the object itself: no other object begins before it. */
function startsWithTime(bytes: Uint8Array, from: number, to: number): boolean {
  if (bytes[from] !== quote) return false
  for (let at = from + 1; at + 4 < to; at += 1) {
    const byte = bytes[at]
    if (byte === openBrace) return false
    if (byte !== 0x74 || bytes[at - 1] !== quote) continue
    const before = bytes[at - 2]
    if (before !== comma && before !== openBrace) continue
    if (bytes[at + 1] === 0x73 && bytes[at + 2] === quote && bytes[at + 3] === 0x3a) {
      return bytes[at + 4] === quote
    }
  }
  return false
}
