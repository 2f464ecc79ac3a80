// Scenarios 1-6: lines, their ends, and those that have none or are too long.
import type { Scenario, Scene } from './harness.ts'

const limit = 4096

export const framing: readonly Scenario[] = [
  {
    number: '1',
    title: 'two files written by turns: each line once, the order of each file kept',
    async run(scene) {
      await scene.start()
      for (let n = 0; n < 50; n += 1) {
        scene.write('a.log', `a ${n}`)
        scene.write('b.log', `b ${n}`)
        if (n % 10 === 0) await scene.looked()
      }
    },
  },
  {
    number: '2',
    title: 'a line written in two goes is one line',
    single: true,
    async run(scene) {
      await scene.start()
      scene.append('a.log', 'abc')
      await scene.looked(3)
      scene.append('a.log', 'def\n')
      scene.expect('abcdef')
    },
  },
  {
    number: '3',
    title: 'text without an end is sent after a while; what comes later is a record of its own',
    agent: { limits: { partialMs: 100 } },
    async run(scene) {
      await scene.start()
      scene.append('a.log', 'ABC')
      scene.expect('ABC')
      await scene.caughtUp()
      scene.append('a.log', 'DEF\n')
      scene.expect('DEF')
      await scene.caughtUp()
      scene.append('a.log', 'GHI')
      scene.expect('GHI')
      await scene.caughtUp()
      // Its end alone makes no record.
      scene.append('a.log', '\r\n')
      scene.write('a.log', 'JKL')
    },
  },
  ...['\n', '\r\n'].map((end) => ({
    number: `4 ${JSON.stringify(end)}`,
    title: 'empty lines are records, at the start, in the middle, at the end, and when there is nothing else',
    single: end === '\n',
    async run(scene: Scene) {
      scene.append('a.log', ['', '', 'a', '', ''].join(end))
      scene.expect('', '', 'a', '')
      await scene.start()
      await scene.caughtUp()
      await scene.stop()
      scene.append('a.log', end + end)
      scene.expect('', '')
      await scene.start()
    },
  })),
  {
    number: '5',
    title: 'CRLF cut by the end of every block and by writes',
    agent: { limits: { batchBytesMax: 8192 } },
    async run(scene) {
      for (const length of [8189, 8190, 8191, 8192, 8193]) {
        for (let n = 0; n < 3; n += 1) {
          scene.append('a.log', `${'x'.repeat(length - 2)}${n}\r\n`)
          scene.expect(`${'x'.repeat(length - 2)}${n}`)
        }
      }
      await scene.start()
      await scene.caughtUp()
      scene.append('a.log', 'abc\r')
      await scene.looked(3)
      scene.append('a.log', '\ndef\r\n')
      scene.expect('abc', 'def')
    },
  },
  {
    number: '6',
    title: 'lines around the limit: cut between characters, their neighbours whole',
    agent: { input: { lineBytesMax: limit } },
    async run(scene) {
      await scene.start()
      for (const length of [limit - 1, limit, limit + 1, limit * 10, limit * 100]) {
        scene.write('a.log', `before ${length}`)
        scene.append('a.log', `${'y'.repeat(length)}\n`)
        scene.expect('y'.repeat(Math.min(length, limit)))
        // A character of two bytes on the limit.
        scene.append('a.log', `${'z'.repeat(limit - 1)}${'é'.repeat(length)}\n`)
        scene.expect('z'.repeat(limit - 1))
        scene.write('a.log', `after ${length}`)
        await scene.caughtUp()
      }
    },
  },
  {
    number: '6 restart',
    title: 'begun again in the middle of a line that is too long: it is sent once',
    agent: { input: { lineBytesMax: limit } },
    async run(scene) {
      scene.write('a.log', 'before')
      scene.append('a.log', 'y'.repeat(limit * 10))
      await scene.start()
      await scene.caughtUp()
      await scene.looked(3)
      await scene.kill()
      scene.append('a.log', 'y'.repeat(limit * 10))
      await scene.start()
      await scene.looked(3)
      scene.append('a.log', 'y\n')
      scene.expect('y'.repeat(limit))
      scene.write('a.log', 'after')
    },
  },
]
