// Tally: what became of lines on their way to records: how many did not parse, were left out, redacted, could not be changed.

/** What becomes of a record. */
export type Verdict = 'kept' | 'filtered' | 'sampled'

/** Counts of one batch, or of an input since the start. */
export class Tally {
  /** Lines, whatever became of them. */
  lines = 0
  /** Left out because an expression was not true of them. */
  filtered = 0
  /** Left out by chance, the same every time. */
  sampled = 0
  /** Lines that did not parse and were shipped whole, by reason. */
  readonly unparsed = new Map<string, number>()
  /** Values that were replaced, by kind. */
  readonly redacted = new Map<string, number>()
  /** Steps that could not be done for a record, which went without them, by reason. */
  readonly failed = new Map<string, number>()

  /** Counts all of another one too. */
  add(other: Tally): void {
    this.lines += other.lines
    this.filtered += other.filtered
    this.sampled += other.sampled
    for (const kind of ['unparsed', 'redacted', 'failed'] as const)
      for (const [name, count] of other[kind]) increase(this[kind], name, count)
  }
}

/** Adds to the count of a name. */
export function increase(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by)
}
