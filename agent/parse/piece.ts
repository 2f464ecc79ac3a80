// Pieces: text that is written again and again, such as a name, copied eight bytes at a time.

/** Bytes, with room behind them. */
export interface Piece {
  readonly view: DataView
  readonly length: number
}

/** putPiece writes up to so many bytes behind a piece. */
export const pieceSlack = 8

export function pieceOf(text: string): Piece {
  const bytes = Buffer.from(text)
  const padded = new Uint8Array(bytes.length + pieceSlack)
  padded.set(bytes)
  return { view: new DataView(padded.buffer), length: bytes.length }
}

/** Writes a piece at `start`, where there has to be room for it and the slack; where it ends. */
export function putPiece(target: DataView, start: number, { view, length }: Piece): number {
  for (let at = 0; at < length; at += 8) target.setBigInt64(start + at, view.getBigInt64(at, true), true)
  return start + length
}
