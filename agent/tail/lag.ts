// Lag: since when the oldest byte of a file that is not acknowledged has been there, as far as scans saw it.

/** The file had so many bytes then. */
interface Mark {
  readonly size: number
  readonly atMs: number
}

/** Marks kept; with more every second one goes, and half as many come: an hour of lag costs no more than a minute of it. */
const marksMax = 32
/** A file that grows all the time is marked this often at first. */
const markMsMin = 1000

export class Lag {
  #marks: Mark[] | null = null
  #markMs = markMsMin

  /** A scan saw the file so long, acknowledged up to `position`; monotonic ms. */
  note(size: number, position: number, atMs: number): void {
    if (position >= size) {
      this.#marks = null
      this.#markMs = markMsMin
      return
    }
    const marks = (this.#marks ?? []).filter((mark) => mark.size > position)
    const last = marks.at(-1)
    if (last === undefined || (last.size < size && atMs - last.atMs >= this.#markMs))
      marks.push({ size, atMs })
    this.#marks = marks
    if (marks.length <= marksMax) return
    this.#marks = marks.filter((_, index) => index % 2 === 0)
    this.#markMs *= 2
  }

  /** How old the oldest byte behind `position` is at least, in ms; 0 when none was seen there. */
  ageMs(position: number, atMs: number): number {
    const oldest = this.#marks?.find((mark) => mark.size > position)
    return oldest === undefined ? 0 : Math.max(0, atMs - oldest.atMs)
  }
}
