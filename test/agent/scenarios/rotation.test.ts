// The scenarios of rotation, with the real agent.
import { expect, test } from 'vitest'
import type { Files, Runtime } from '../../../core/runtime.ts'
import { expectAll, openScene } from './agent-reader.ts'
import { testScenarios } from './as-tests.ts'
import { isWithin } from './harness.ts'
import { rotation } from './rotation.ts'

testScenarios(rotation)

test('38: truncated while a batch is not answered yet: the late answer moves nothing in the new content', async () => {
  let hold: Promise<void> | null = null
  const world = (runtime: Runtime): Runtime => ({
    ...runtime,
    http: {
      ...runtime.http,
      request: async (request, signal) => {
        const answer = await runtime.http.request(request, signal)
        await hold
        return answer
      },
    },
  })
  await using scene = await openScene({ world })
  scene.write('a.log', 'one', 'two')
  await scene.start()
  await expect.poll(() => scene.agent.status().files[0]?.position).toBe(8)
  let release = () => {}
  hold = new Promise((resolve) => {
    release = resolve
  })
  scene.write('a.log', 'a line whose answer is late, and which is long')
  await scene.caughtUp()
  scene.copyTruncate()
  scene.write('a.log', 'new 1')
  await scene.looked(5)
  hold = null
  release()
  await scene.caughtUp()
  scene.write('a.log', 'new 2')
  await expectAll(scene)
  await expect.poll(() => scene.agent.status().files).toMatchObject([{ epoch: 1, position: 12, lagBytes: 0 }])
})

const steps = ['list', 'stat', 'open'] as const
const changes = ['renamed', 'deleted', 'directory renamed'] as const

test.each(steps.flatMap((step) => changes.map((change) => [step, change] as const)))(
  '43: a scan between whose steps, behind %s, the file is %s',
  async (step, change) => {
    let armed = false
    const behind = (name: (typeof steps)[number], path: string) => {
      const isIt = path.endsWith(name === 'list' ? '/sub' : '/a.log')
      if (!armed || name !== step || !isIt) return
      armed = false
      if (change === 'directory renamed') scene.rename('sub', 'gone')
      else if (change === 'renamed') scene.rename('sub/a.log', 'sub/a.log.1')
      else scene.remove('sub/a.log')
      if (change !== 'directory renamed') scene.write('sub/a.log', 'the next file')
    }
    // Files are closed at once when they rest, so that there is something to open.
    await using scene = await openScene({
      input: { paths: ['*/a.log'] },
      limits: { idleMs: step === 'open' ? 0 : 60_000 },
      world: (runtime) => ({ ...runtime, files: hooked(runtime.files, behind) }),
    })
    await scene.begin('sub/a.log', 'first')
    await scene.looked(3)
    armed = true
    scene.write('sub/a.log', 'second')
    expect(await isWithin(10_000, () => !armed)).toBe(true)
    await scene.looked(2)
    if (change === 'directory renamed') scene.rename('gone', 'sub')
    scene.write('sub/a.log', 'third')
    await expectAll(scene)
    expect(scene.agent.status().losses).toEqual({})
  },
)

function hooked(files: Files, behind: (step: (typeof steps)[number], path: string) => void): Files {
  return {
    ...files,
    list: async (directory) => {
      const entries = await files.list(directory)
      behind('list', directory)
      return entries
    },
    stat: async (path) => {
      const stat = await files.stat(path)
      behind('stat', path)
      return stat
    },
    open: async (path) => {
      const file = await files.open(path)
      behind('open', path)
      return file
    },
  }
}
