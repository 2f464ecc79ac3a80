// Runs the model under fast-check; LOGDRIVE_MODEL_SEED and LOGDRIVE_MODEL_PATH, as a failure prints them, replay it.
import fc from 'fast-check'
import { expect } from 'vitest'
import type { History } from './histories.ts'
import { play } from './model.ts'

/** Fixed, so that a landing never fails by chance; `random` looks for what nobody has seen yet. */
const usual = 20_261_121

/** So many histories, none of them with a problem. */
export async function checkHistories(histories: fc.Arbitrary<History>, numRuns: number): Promise<void> {
  const { LOGDRIVE_MODEL_SEED: given = String(usual), LOGDRIVE_MODEL_PATH: path } = process.env
  const seed = given === 'random' ? Date.now() | 0 : Number(given)
  console.info(`model: ${numRuns} histories, LOGDRIVE_MODEL_SEED=${seed}`)
  const property = fc.asyncProperty(histories, async (history) => {
    expect(await play(history)).toEqual([])
  })
  await fc.assert(property, {
    numRuns,
    seed,
    ...(path === undefined ? {} : { path }),
    endOnFailure: path !== undefined,
  })
}
