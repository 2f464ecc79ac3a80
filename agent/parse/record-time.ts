// RecordTime: the beginning of a record, its moment as the tables read it: `{"ts":"2026-11-21T06:00:00.000Z"`.
import type { JsonBytes } from './json-bytes.ts'
import { pieceOf } from './piece.ts'
import type { Moment } from './time.ts'

const daySeconds = 86_400
/** Where hours, minutes and seconds stand in the beginning. */
const [hoursAt, minutesAt, secondsAt] = [18, 21, 24]
const behind = pieceOf('Z"')

/** Remembers the second that was written last: lines in a row are mostly of one, and nearly all of one day. */
export class RecordTime {
  /** `{"ts":"2026-11-21T06:00:00.` */
  #text = pieceOf('')
  #day = Number.NaN
  #second = Number.NaN

  /** Writes it; nine digits behind the point where there are nanoseconds. */
  write({ timeMs, timeNanos }: Moment, json: JsonBytes): void {
    const second = Math.floor(timeMs / 1000)
    if (second !== this.#second) this.#take(second)
    json.piece(this.#text)
    json.padded(timeMs - second * 1000, 3)
    if (timeNanos > 0) json.padded(timeNanos, 6)
    json.piece(behind)
  }

  #take(second: number): void {
    const day = Math.floor(second / daySeconds)
    if (day !== this.#day) {
      this.#text = pieceOf(`{"ts":"${new Date(second * 1000).toISOString().slice(0, 20)}`)
      this.#day = day
    }
    const rest = second - day * daySeconds
    const { view } = this.#text
    putTwo(view, hoursAt, Math.floor(rest / 3600))
    putTwo(view, minutesAt, Math.floor(rest / 60) % 60)
    putTwo(view, secondsAt, rest % 60)
    this.#second = second
  }
}

/** Two decimal digits. */
function putTwo(view: DataView, at: number, value: number): void {
  const tens = Math.floor(value / 10)
  view.setUint8(at, 0x30 + tens)
  view.setUint8(at + 1, 0x30 + value - 10 * tens)
}
