// Four bytes at a time as one number: finding bytes without looking at each (Bit Twiddling Hacks, "hasless", "hasvalue").
//
// Whole numbers of 32 bits throughout, and literals: the engine makes plain arithmetic of that, a quarter quicker. A mark
// is the highest bit of a byte; the lowest mark is right, one above it may be only its borrow.

/** Marks a quote, a backslash and the bytes below 0x20: what JSON has to escape. 0 when there are none. */
export function markEscaped(four: number): number {
  // A quote is 0x20 with this bit turned, the control characters stay below it, and a blank and `!` go above.
  const turned = four ^ 0x02020202
  const slashes = four ^ 0x5c5c5c5c
  const below = ((turned - 0x21212121) | 0) & ~turned
  return (below | (((slashes - 0x01010101) | 0) & ~slashes)) & -0x7f7f7f80
}

/** Index of the lowest marked byte; 4 when none is. */
export function lowestMark(marks: number): number {
  return marks === 0 ? 4 : (31 - Math.clz32(marks & -marks)) >> 3
}

/** The first place of a byte in `view[from, to)`; `to` when it is not there. */
export function indexOfByte(view: DataView, byte: number, from: number, to: number): number {
  const wanted = Math.imul(byte, 0x01010101)
  let at = from
  for (; at + 4 <= to; at += 4) {
    const four = view.getInt32(at, true) ^ wanted
    const marks = ((four - 0x01010101) | 0) & ~four & -0x7f7f7f80
    if (marks !== 0) return at + lowestMark(marks)
  }
  while (at < to && view.getUint8(at) !== byte) at += 1
  return at
}
