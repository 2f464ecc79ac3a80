// How often tests repeat themselves: some by default, all of it with LOGDRIVE_TEST_RUNS=full, as .ci/run sets it.

/** Everything is tried, however long that takes. */
const isFull = process.env.LOGDRIVE_TEST_RUNS === 'full'

/** So many runs of a property: `full` of them, or `quick` when somebody waits for the result. */
export function runs(full: number, quick: number): number {
  return isFull ? full : quick
}
