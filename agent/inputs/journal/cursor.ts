// Cursors of the journal, and what of one fits the 64 characters that a collector keeps beside a position.
//
//   s=<id of the sequence, 32 hex>;i=<number in it, hex>;b=<boot>;m=<monotonic us>;t=<wall-clock us>;x=<hash>
//
// Kept are s, i, t and x, which journalctl finds an entry by: `j1` and the base64url of 16 + 8 + 8 + 8 bytes.

const prefix = 'j1'
const cursorBytesMax = 256

/** True for what may be handed to journalctl. */
export function isCursor(text: string): boolean {
  return text.length <= cursorBytesMax && /^[a-z]=[0-9a-f]+(;[a-z]=[0-9a-f]+)*$/.test(text)
}

/** The short form; empty for a cursor that has none. */
export function packCursor(cursor: string): string {
  if (!isCursor(cursor)) return ''
  const parts = new Map(cursor.split(';').map((part) => [part.slice(0, 1), part.slice(2)]))
  const s = parts.get('s') ?? ''
  const numbers = ['i', 't', 'x'].map((name) => parts.get(name) ?? '')
  if (s.length !== 32 || numbers.some((digits) => digits === '' || digits.length > 16)) return ''
  const hex = s + numbers.map((digits) => digits.padStart(16, '0')).join('')
  return prefix + Buffer.from(hex, 'hex').toString('base64url')
}

/** The cursor that journalctl takes; null for what is none of ours. */
export function unpackCursor(packed: string): string | null {
  if (!/^j1[\w-]{54}$/.test(packed)) return null
  const hex = Buffer.from(packed.slice(prefix.length), 'base64url').toString('hex')
  const number = (at: number) => hex.slice(at, at + 16).replace(/^0+(?=.)/, '')
  return `s=${hex.slice(0, 32)};i=${number(32)};t=${number(48)};x=${number(64)}`
}
