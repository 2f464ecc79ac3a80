// Scenarios 44-48: what is written, rotated and cut off while no reader runs.
import type { Scenario, Scene } from './harness.ts'

export const restart: readonly Scenario[] = [
  ...(['beginning', 'end'] as const).flatMap((start) =>
    [20, 2000].map((bytes) => ({
      number: `44 ${start}, ${bytes} bytes`,
      title: 'lines before, during, while it is down, and after',
      agent: { input: { start } },
      run: (scene: Scene) => restartTwice(scene, start === 'end', bytes),
    })),
  ),
  {
    number: '45',
    title: 'stopped in the middle of a file that is renamed meanwhile, and new lines in both',
    single: true,
    async run(scene) {
      await scene.begin('a.log', 'a line that is longer than what comes')
      scene.append('a.log', 'half a li')
      await scene.looked()
      await scene.stop()
      scene.append('a.log', 'ne\n')
      scene.expect('half a line')
      scene.rotate()
      await scene.begin('a.log', 'new 1')
      scene.write('a.log', 'new 2')
    },
  },
  ...(['killed', 'stopped'] as const).flatMap((how) => [
    {
      number: `46 ${how}, in the globs`,
      title: 'rotated twice while it is down',
      agent: { input: { paths: ['a.log*'] } },
      run: (scene: Scene) => rotateTwiceDown(scene, how),
    },
    {
      number: `46 ${how}, out of the globs`,
      title: 'rotated twice while it is down',
      single: true,
      run: (scene: Scene) => rotateTwiceDown(scene, how),
    },
  ]),
  ...(['shorter', 'longer'] as const).map((length) => ({
    number: `47 ${length}`,
    title: 'copytruncate while it is down',
    single: true,
    async run(scene: Scene) {
      await scene.begin('a.log', 'old 1', 'old 2')
      await scene.stop()
      scene.copyTruncate()
      if (length === 'shorter') scene.write('a.log', 'new')
      else scene.write('a.log', 'new 1, longer than the old ones', 'new 2')
      await scene.start()
      await scene.caughtUp()
      scene.write('a.log', 'new 3')
    },
  })),
  {
    number: '48',
    title: 'a line begun before a restart and ended after it is one line',
    single: true,
    async run(scene) {
      scene.append('a.log', 'whole\npartial')
      scene.expect('whole')
      await scene.start()
      await scene.caughtUp()
      await scene.stop()
      scene.append('a.log', ' line\n')
      scene.expect('partial line')
      await scene.start()
    },
  },
]

async function restartTwice(scene: Scene, isAtEnd: boolean, bytes: number): Promise<void> {
  const lines = (name: string) => {
    const found: string[] = []
    for (let size = 0; size < bytes; size += 10) found.push(`${name} ${String(size).padStart(4)}`.padEnd(9))
    return found
  }
  scene.write('a.log', ...lines('pre'))
  if (isAtEnd) scene.forget(...lines('pre'))
  await scene.start()
  await scene.caughtUp()
  await scene.looked()
  for (const round of ['1', '2']) {
    scene.write('a.log', ...lines(`on${round}`))
    await scene.caughtUp()
    await scene.stop()
    await scene.begin('a.log', ...lines(`of${round}`))
  }
  scene.write('a.log', ...lines('end'))
}

async function rotateTwiceDown(scene: Scene, how: 'killed' | 'stopped'): Promise<void> {
  await scene.begin('a.log', 'one')
  await scene.looked()
  scene.write('a.log', 'two')
  await (how === 'killed' ? scene.kill() : scene.stop())
  scene.write('a.log', 'three')
  scene.rotate()
  scene.write('a.log', 'four')
  scene.rotate()
  await scene.begin('a.log', 'five')
  scene.write('a.log', 'six')
}
