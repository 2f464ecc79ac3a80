// RecordTime: the beginning of a record, its moment as the tables read it: `{"ts":"2026-11-21T06:00:00.000Z"`.
import type { JsonBytes } from './json-bytes.ts'
import { pieceOf } from './piece.ts'
import type { Moment } from './time.ts'

const behind = pieceOf('Z"')

/** Remembers the second: lines in a row are mostly of one. */
export class RecordTime {
  /** `{"ts":"2026-11-21T06:00:00.`, of the second that was written last. */
  #second = pieceOf('')
  #secondAt = Number.NaN

  /** Writes it; nine digits behind the point where there are nanoseconds. */
  write({ timeMs, timeNanos }: Moment, json: JsonBytes): void {
    const second = Math.floor(timeMs / 1000)
    if (second !== this.#secondAt) {
      this.#second = pieceOf(`{"ts":"${new Date(second * 1000).toISOString().slice(0, 20)}`)
      this.#secondAt = second
    }
    json.piece(this.#second)
    json.padded(timeMs - second * 1000, 3)
    if (timeNanos > 0) json.padded(timeNanos, 6)
    json.piece(behind)
  }
}
