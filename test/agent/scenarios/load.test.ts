// Scenario 58, short: the collector is away while files are rotated and deleted; what is lost is exactly in the ledger.
import fs from 'node:fs'
import { expect, test } from 'vitest'
import { answerJson } from '../receiver.ts'
import { expectAll, openScene } from './agent-reader.ts'
import { outcomeOf, type Scene } from './harness.ts'

const openFilesMax = 4
const lineBytes = 100

test('58: a collector that is away costs nothing as long as the handles are enough', async () => {
  await using scene = await openScene()
  await rotateWhileAway(scene, 20, 5)
  await expectAll(scene)
  expect(scene.agent.status().losses).toEqual({})
})

test('58: with fewer handles than files the ledger has exactly the bytes that were deleted unread', async () => {
  await using scene = await openScene({ limits: { openFilesMax, graceMs: 200 } })
  const { openFiles } = await rotateWhileAway(scene, 20, 3)
  expect(openFiles).toBeLessThanOrEqual(openFilesMax)
  await expectAll(scene, true)
  const { lost } = outcomeOf(scene.expected, scene.reader.delivered)
  expect(lost.length).toBeGreaterThan(0)
  const lostBytes = lost.length * (lineBytes + 1)
  await expect.poll(() => scene.agent.status().missing.bytes).toBe(lostBytes)
})

/** Writes and rotates, `keep` old files at most, while nobody takes anything; each file is seen by a scan. */
async function rotateWhileAway(scene: Scene, rounds: number, keep: number): Promise<{ openFiles: number }> {
  const { receiver } = scene.agent
  let openFiles = 0
  await scene.begin('a.log', 'first'.padEnd(lineBytes))
  receiver.intercept = () => answerJson(503, { error: { code: 'OVERLOADED' } })
  for (let round = 0; round < rounds; round += 1) {
    const lines = Array.from({ length: 200 }, (_, line) => `${round}:${line}`.padEnd(lineBytes))
    scene.write('a.log', ...lines)
    await scene.looked()
    openFiles = Math.max(openFiles, scene.agent.status().openFiles)
    scene.rotate('a.log', false)
    if (fs.existsSync(scene.path(`a.log.${keep + 1}`))) scene.remove(`a.log.${keep + 1}`)
  }
  await scene.looked(3)
  receiver.intercept = null
  return { openFiles }
}
