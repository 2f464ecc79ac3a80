// RecordTime: writes a moment as the tables read it, `2026-11-21T06:00:00.000Z`.
import { type JsonBytes, pieceOf } from './json-bytes.ts'
import type { Moment } from './time.ts'

const dayMs = 86_400_000
const letterZ = 0x5a
const colon = 0x3a
const dot = 0x2e

/** Remembers the day: most lines are of one. */
export class RecordTime {
  /** `2026-11-21T`, of the day that was written last. */
  #day = pieceOf('')
  #dayAt = Number.NaN

  /** Writes it without quotes; nine digits behind the point where there are nanoseconds. */
  write({ timeMs, timeNanos }: Moment, json: JsonBytes): void {
    const day = Math.floor(timeMs / dayMs)
    if (day !== this.#dayAt) {
      this.#day = pieceOf(new Date(day * dayMs).toISOString().slice(0, 11))
      this.#dayAt = day
    }
    const rest = timeMs - day * dayMs
    json.piece(this.#day)
    json.padded(Math.floor(rest / 3_600_000), 2)
    json.byte(colon)
    json.padded(Math.floor(rest / 60_000) % 60, 2)
    json.byte(colon)
    json.padded(Math.floor(rest / 1000) % 60, 2)
    json.byte(dot)
    json.padded(rest % 1000, 3)
    if (timeNanos > 0) json.padded(timeNanos, 6)
    json.byte(letterZ)
  }
}
