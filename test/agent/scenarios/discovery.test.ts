// The scenarios of discovery, with the real agent.

import { expect, test } from 'vitest'
import { LogdriveError } from '../../../core/errors.ts'
import type { Files, Runtime } from '../../../core/runtime.ts'
import { expectAll, openScene } from './agent-reader.ts'
import { testScenarios } from './as-tests.ts'
import { discovery } from './discovery.ts'

testScenarios(discovery)

// Rights are taken by the world of the agent: whoever runs as root has all of them on a real disk.
test('18: a file that may not be read is read once it may, and one in a directory that may not be listed is not gone', async () => {
  const forbidden = new Set<string>()
  const refuse = (path: string) => {
    if (forbidden.has(path)) throw new LogdriveError('FORBIDDEN', `${path}: permission denied`)
  }
  await using scene = await openScene({ world: (runtime) => withRights(runtime, refuse) })
  scene.write('a.log', '1')
  scene.write('b.log', '2')
  forbidden.add(scene.path('a.log'))
  await scene.start()
  await scene.looked(3)
  expect(scene.texts).toEqual(['2'])
  forbidden.clear()
  await scene.caughtUp()
  forbidden.add(scene.logs)
  scene.write('a.log', '3')
  await scene.looked(5)
  expect(scene.agent.status().unobservable).toMatchObject([{ path: scene.logs }])
  expect(scene.agent.status().files.map(({ state }) => state)).toEqual(['following', 'following'])
  forbidden.clear()
  await expectAll(scene)
})

function withRights(runtime: Runtime, refuse: (path: string) => void): Runtime {
  const { files } = runtime
  const checked: Files = {
    ...files,
    list: async (directory) => {
      refuse(directory)
      return files.list(directory)
    },
    open: async (path) => {
      refuse(path)
      return files.open(path)
    },
  }
  return { ...runtime, files: checked }
}
