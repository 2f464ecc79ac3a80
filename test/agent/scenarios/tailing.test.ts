// Scenarios 20, 41, 57 and 61 of docs/agent-scenarios.md: the agent over its files. Needs a real file system.
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { LogdriveError } from '../../../core/errors.ts'
import type { Files } from '../../../core/runtime.ts'
import { TailStage } from './tail-stage.ts'

test('20: what is in an old file is left out, what is appended to it later is read from there', async () => {
  await using stage = await TailStage.open({ input: { ignoreOlderMs: 3_600_000 } })
  const ages = [10, 59, 61, 6000]
  for (const minutes of ages) {
    const file = path.join(stage.logs, `${minutes}.log`)
    fs.writeFileSync(file, `old ${minutes}\n`)
    const seconds = Date.now() / 1000 - minutes * 60
    fs.utimesSync(file, seconds, seconds)
  }
  await stage.start()
  await stage.arrived(2)
  for (const minutes of ages) fs.appendFileSync(path.join(stage.logs, `${minutes}.log`), `new ${minutes}\n`)
  await stage.arrived(6)
  await stage.stop()
  fs.appendFileSync(path.join(stage.logs, '6000.log'), 'while down\n')
  await stage.start()
  await stage.arrived(7)
  expect(stage.texts.toSorted()).toEqual(
    ['old 10', 'old 59', ...ages.map((minutes) => `new ${minutes}`), 'while down'].toSorted(),
  )
})

test('41: a file that is deleted while it is read is read to its end', async () => {
  await using stage = await TailStage.open()
  const file = path.join(stage.logs, 'a.log')
  const lines = Array.from({ length: 40_000 }, (_, n) => `${n} ${'x'.repeat(200)}`)
  fs.writeFileSync(file, `${lines.join('\n')}\n`)
  await stage.start()
  await stage.arrived(1)
  fs.rmSync(file)
  await stage.arrived(lines.length)
  expect(stage.texts).toEqual(lines)
})

test('57: one hot file of 20 MB does not hold up 50 small ones', async () => {
  await using stage = await TailStage.open()
  const hot = `${'hot '.repeat(50)}\n`.repeat(100_000)
  fs.writeFileSync(path.join(stage.logs, 'a-hot.log'), hot)
  for (let n = 0; n < 50; n += 1) fs.writeFileSync(path.join(stage.logs, `small-${n}.log`), `small ${n}\n`)
  await stage.start()
  await stage.arrived(100_050)
  const lastSmall = stage.texts.findLastIndex((text) => text.startsWith('small'))
  // They are all among the first few batches of the hot one.
  expect(lastSmall).toBeLessThan(75_000)
})

test('61: reads that fail with EMFILE and EIO are tried again, and nothing is dropped', async () => {
  let calls = 0
  const failing = (code: 'OVERLOADED' | 'UNAVAILABLE', what: string) => {
    calls += 1
    if (calls % 3 === 0) throw new LogdriveError(code, `${what} fails for a while`)
  }
  const files = (real: Files): Files => ({
    ...real,
    open: async (file) => {
      failing('OVERLOADED', 'open')
      const handle = await real.open(file)
      return {
        stat: () => handle.stat(),
        read: async (position, target) => {
          failing('UNAVAILABLE', 'read')
          return handle.read(position, target)
        },
        [Symbol.asyncDispose]: () => handle[Symbol.asyncDispose](),
      }
    },
  })
  await using stage = await TailStage.open({ files })
  const lines = Array.from({ length: 200 }, (_, n) => `line ${n}`)
  await stage.start()
  for (const [n, line] of lines.entries())
    fs.appendFileSync(path.join(stage.logs, `${n % 20}.log`), `${line}\n`)
  await stage.arrived(lines.length)
  expect(stage.texts.toSorted()).toEqual(lines.toSorted())
  expect(stage.status?.losses).toEqual({})
})
