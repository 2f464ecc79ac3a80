// Scenarios 22-29: which file is which.
import fs from 'node:fs'
import type { Scenario } from './harness.ts'

/** More than the head print covers. */
const longHead = 'h'.repeat(2000)

export const identity: readonly Scenario[] = [
  {
    number: '22',
    title: 'two files that begin alike and go apart later',
    async run(scene) {
      const head = Array.from({ length: 20 }, (_, line) => `the same ${'x'.repeat(80)} ${line}`)
      await scene.start()
      for (const line of head) {
        scene.write('a.log', line)
        scene.write('b.log', line)
        if (line.endsWith('5')) await scene.caughtUp()
      }
      await scene.caughtUp()
      for (let line = 0; line < 5; line += 1) {
        scene.write('a.log', `a ${line}`)
        scene.write('b.log', `b ${line}`)
        await scene.looked()
      }
    },
  },
  {
    number: '23',
    title: 'policy: a copy under another path is another file and is shipped whole',
    async run(scene) {
      await scene.begin('a.log', '1', '2')
      fs.copyFileSync(scene.path('a.log'), scene.path('b.log'))
      scene.expect('1', '2')
    },
  },
  {
    number: '24',
    title: 'files of 0, 1 and 42 bytes',
    async run(scene) {
      scene.append('0.log', '')
      scene.append('1.log', '\n')
      scene.append('42.log', `${'x'.repeat(41)}\n`)
      scene.expect('', 'x'.repeat(41))
      await scene.start()
      await scene.caughtUp()
      scene.write('0.log', 'no longer empty')
      scene.write('1.log', 'no longer 1')
    },
  },
  {
    number: '24 growing',
    title: 'a file that grows over every length of the head print, with restarts',
    single: true,
    async run(scene) {
      scene.append('a.log', '')
      await scene.start()
      await scene.looked()
      let size = 0
      for (const length of [1, 2, 63, 64, 65, 127, 128, 255, 256, 257, 511, 512, 1023, 1024, 1025, 3000]) {
        const text = `${length}`.padEnd(length - size - 1, '.').slice(0, length - size - 1)
        scene.append('a.log', `${text}\n`)
        scene.expect(text)
        size = length
        await scene.caughtUp()
        if (length % 2 === 0) {
          await scene.stop()
          await scene.start()
        }
      }
    },
  },
  {
    number: '25',
    title: 'deleted and made again under the same path, the inode used again, longer than before',
    single: true,
    async run(scene) {
      await scene.begin('a.log', 'old')
      for (let round = 0; round < 5; round += 1) {
        scene.remove('a.log')
        scene.write(
          'a.log',
          `first line of round ${round}`,
          `second line of round ${round}, longer than all before`,
        )
        await scene.caughtUp()
      }
    },
  },
  {
    number: '26',
    title: 'an inode that another name got while no agent ran',
    async run(scene) {
      await scene.begin('a.log', 'old line')
      await scene.stop()
      scene.remove('a.log')
      scene.write('b.log', 'of another file', 'and longer than the old one')
      await scene.start()
    },
  },
  {
    number: '27',
    title: 'a header longer than any print, the same in all files and after each rotation',
    async run(scene) {
      await scene.start()
      for (let round = 0; round < 4; round += 1) {
        for (const name of ['a.log', 'b.log', 'c.log']) scene.write(name, longHead, `${name} ${round}`)
        await scene.caughtUp()
        for (const name of ['a.log', 'b.log', 'c.log']) scene.rotate(name, false)
      }
    },
  },
  {
    number: '29',
    title: 'policy: a file that an editor replaced is another file and is shipped whole, shorter or longer',
    single: true,
    async run(scene) {
      scene.write('a.log', '1', '2', '3')
      await scene.start()
      for (const lines of [
        ['1', '2', '3', '4'],
        ['1', '2'],
      ]) {
        await scene.caughtUp()
        scene.write('a.log.new', ...lines)
        scene.rename('a.log.new', 'a.log')
      }
    },
  },
]
