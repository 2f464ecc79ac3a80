// Tally of numbered lines: which of those that were written are there, how often, and what else is.

export class LineTally {
  readonly #seen: ReadonlyMap<string, Uint8Array>
  rows = 0
  doubled = 0
  wrong = 0

  /** So many lines of each file were written. */
  constructor(counts: Readonly<Record<string, number>>) {
    this.#seen = new Map(Object.entries(counts).map(([name, count]) => [name, new Uint8Array(count)]))
  }

  /** A line is there; `isRight`: it is as it was written. */
  see(name: string, number: number, isRight: boolean): void {
    const flags = this.#seen.get(name)
    this.rows += 1
    if (flags === undefined || !(number < flags.length) || !isRight) this.wrong += 1
    else if (flags[number] === 1) this.doubled += 1
    else flags[number] = 1
  }

  /** Lines that are not there, of those that are `wanted`. */
  lost(wanted: (name: string, number: number) => boolean = () => true): number {
    let lost = 0
    for (const [name, flags] of this.#seen)
      for (const [number, flag] of flags.entries()) if (flag === 0 && wanted(name, number)) lost += 1
    return lost
  }
}
