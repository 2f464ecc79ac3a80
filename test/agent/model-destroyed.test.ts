// Random histories in which content is cut off, deleted, replaced and moved away: what could be read arrives, once.
import { test } from 'vitest'
import { runs } from '../runs.ts'
import { destructions } from './histories.ts'
import { checkHistories } from './model-runs.ts'

test('what was there to be read arrives once and in order, and the ledger has what is missing to the byte', async () => {
  await checkHistories(destructions, runs(2500, 40))
}, 600_000)
