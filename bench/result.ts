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
