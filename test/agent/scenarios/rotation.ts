// Scenarios 30-43: files are rotated while the reader runs.
import type { Scenario } from './harness.ts'

export const rotation: readonly Scenario[] = [
  {
    number: '30',
    title: 'a writer that keeps the old file open after the rotation is heard, and so is the new file',
    single: true,
    async run(scene) {
      scene.write('a.log', 'before')
      await scene.start()
      await scene.caughtUp()
      const late = scene.writer()
      scene.rotate()
      scene.write('a.log', 'new 1')
      late.write('late 1')
      await scene.caughtUp()
      await scene.looked(5)
      late.write('late 2')
      scene.write('a.log', 'new 2')
      await scene.caughtUp()
      late.close()
    },
  },
]
