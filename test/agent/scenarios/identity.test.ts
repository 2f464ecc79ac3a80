// The scenarios of identity, with the real agent.
import { expect, test } from 'vitest'
import type { FileStat, Runtime } from '../../../core/runtime.ts'
import { expectAll, openScene } from './agent-reader.ts'
import { testScenarios } from './as-tests.ts'
import { identity } from './identity.ts'

testScenarios(identity)

test('28: a device that has another number after a restart', async () => {
  let restarts = 0n
  await using scene = await openScene({ world: (runtime) => onDevice(runtime, restarts++) })
  await scene.begin('a.log', '1', '2')
  await scene.stop()
  scene.write('a.log', '3')
  scene.rotate()
  scene.write('a.log', '4')
  await scene.start()
  await expectAll(scene)
  const [source, ...others] = ['1', '2', '3'].map((text) => scene.sourceOf(text))
  expect(others).toEqual([source, source])
})

/** The files of a machine whose device numbers are higher by so much. */
function onDevice(runtime: Runtime, more: bigint): Runtime {
  const { files } = runtime
  const moved = (stat: FileStat) => ({ ...stat, dev: stat.dev + more })
  return {
    ...runtime,
    files: {
      ...files,
      stat: async (path) => {
        const stat = await files.stat(path)
        return stat === null ? null : moved(stat)
      },
      open: async (path) => {
        const file = await files.open(path)
        return {
          stat: async () => moved(await file.stat()),
          read: (position, target) => file.read(position, target),
          [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
        }
      },
    },
  }
}
