// The scenarios of restarts and crashes, with the real agent.
import fs from 'node:fs'
import { expect, test } from 'vitest'
import { runs } from '../../runs.ts'
import { expectAll, jumping, openScene } from './agent-reader.ts'
import { testScenarios } from './as-tests.ts'
import type { Scene } from './harness.ts'
import { restart } from './restart.ts'

testScenarios(restart)

// A file that is known; growth, two rotations and a truncation in lives that end before operation 1, 2, 3 ...
test('50: killed before each operation of its disk, files and network', async () => {
  const stride = runs(5, 17)
  let operation = 1
  for (let died = true; died; operation += stride) {
    await using scene = await openScene({ limits: { checkpointMs: 1, scanMs: 2, hintMs: 1 } })
    died = await dieAt(scene, operation)
    await scene.start()
    await expectAll(scene)
  }
  expect(operation).toBeGreaterThan(50)
}, 120_000)

/** True when the agent died before all steps were done. */
async function dieAt(scene: Scene, operation: number): Promise<boolean> {
  const { agent } = scene
  scene.write('a.log', '1')
  await scene.start()
  await scene.looked(2)
  await scene.kill()
  scene.write('a.log', '2')
  await agent.start(operation)
  for (const line of ['3', '4']) {
    scene.write('a.log', line)
    await scene.caughtUp()
    scene.rotate('a.log', false)
    scene.write('a.log', `${line} is behind`)
  }
  await scene.caughtUp()
  const died = agent.isDead
  await scene.kill()
  // What is cut off must have been delivered.
  await scene.start()
  await scene.caughtUp()
  await scene.kill()
  await agent.start(operation)
  scene.copyTruncate()
  scene.write('a.log', '5, longer than what was there')
  await scene.caughtUp()
  const diedAgain = agent.isDead
  await scene.kill()
  return died || diedAgain
}

test('56: the clock jumps an hour back and forth, and a file is from the future', async () => {
  let jumpMs = 0
  await using scene = await openScene({
    world: (runtime) => ({ ...runtime, clock: jumping(runtime.clock, () => jumpMs) }),
  })
  await scene.begin('a.log', '1')
  for (const [round, hours] of [-1, 1, -24, 0].entries()) {
    jumpMs = hours * 3_600_000
    scene.write('a.log', `jump ${round}`)
    const future = new Date(Date.now() + 86_400_000)
    if (round % 2 === 0) fs.utimesSync(scene.path(), future, future)
    await scene.caughtUp()
    scene.rotate()
    if (round === 1) await scene.kill()
    if (round === 1) await scene.start()
  }
  await expectAll(scene)
})
