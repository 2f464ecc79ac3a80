// Result: what a bench says to `npm run bench`: one line `RESULT {json}` a row, beside the table for people.

/** One figure of one case. */
export interface ResultRow {
  /** The bench's file name without its suffix. */
  readonly subject: string
  readonly case: string
  readonly figure: number
  readonly unit: string
  /** The same work by the cheapest path, in the same run and unit; what it is stands in `limitIs`. */
  readonly limit?: number
  readonly limitIs?: string
  /** Figure against limit, 1 is as good as the limit. */
  readonly ratio?: number
  /** What `ratio` should reach; or `figure`, when there is no limit. */
  readonly goal?: number
  /** CPU of the measured processes over the case. */
  readonly cpuSeconds?: number
  /** Highest resident memory of the measured process, MiB. */
  readonly rssMb?: number
}

/** Prints the row for the one who collects. */
export function printResult(row: ResultRow): void {
  console.log(`RESULT ${JSON.stringify(row)}`)
}

/** The middle value; NaN of nothing. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

/** How many times the one is the other where each pair was measured in the same minutes. */
export interface PairedRatio {
  /** The median of the pairs. */
  readonly ratio: number
  /** Median, quartiles and how many pairs. */
  readonly text: string
}

/** The median of ratios of pairs: what slows both of a pair, such as a busy machine, does not count. */
export function pairedRatio(values: readonly number[], others: readonly number[]): PairedRatio {
  const ratios = values.map((value, index) => value / (others[index] ?? Number.NaN)).sort((a, b) => a - b)
  const at = (share: number) => ratios[Math.floor(ratios.length * share)] ?? Number.NaN
  const quartiles = `quartiles ${at(0.25).toFixed(2)} and ${at(0.75).toFixed(2)}`
  return { ratio: at(0.5), text: `${at(0.5).toFixed(2)} (${quartiles}, ${ratios.length} pairs)` }
}
