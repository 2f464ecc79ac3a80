// Literals: text that has to stand at a place, compared eight bytes at a time.

export interface Literal {
  readonly length: number
  /** Whole words of eight bytes. */
  readonly words: DataView
  /** The one to seven bytes behind them, and which bits of these count. */
  readonly low: number
  readonly lowMask: number
  readonly high: number
  readonly highMask: number
}

export function literalOf(bytes: Uint8Array): Literal {
  const { length } = bytes
  const whole = length & ~7
  const padded = new DataView(new ArrayBuffer(whole + 8))
  const mask = new DataView(new ArrayBuffer(8))
  for (const [at, byte] of bytes.entries()) padded.setUint8(at, byte)
  for (let at = whole; at < length; at += 1) mask.setUint8(at - whole, 0xff)
  return {
    length,
    words: new DataView(padded.buffer, 0, whole),
    low: padded.getInt32(whole, true),
    lowMask: mask.getInt32(0, true),
    high: padded.getInt32(whole + 4, true),
    highMask: mask.getInt32(4, true),
  }
}

/** Whether the literal stands at `view[at, to)`, whole; up to 8 bytes behind `to` are read. */
export function isAt(view: DataView, at: number, to: number, literal: Literal): boolean {
  const { length, words } = literal
  if (at + length > to) return false
  let next = 0
  for (; next + 8 <= length; next += 8)
    if (view.getBigInt64(at + next, true) !== words.getBigInt64(next, true)) return false
  const low = (view.getInt32(at + next, true) ^ literal.low) & literal.lowMask
  return (low | ((view.getInt32(at + next + 4, true) ^ literal.high) & literal.highMask)) === 0
}
