// Random histories in which files are only renamed: crashes, a bad network, a collector that is away. Nothing is lost.
import { test } from 'vitest'
import { runs } from '../runs.ts'
import { renamings } from './histories.ts'
import { checkHistories } from './model-runs.ts'

test('nothing that is only renamed is ever lost, doubled, glued or out of order', async () => {
  await checkHistories(renamings, runs(2500, 40))
}, 600_000)
