// Descriptors of cold segments: a bounded number stays open, whoever reads, and a reader that comes again is not harmed.
import { expect, test } from 'vitest'
import { RecentSegments } from '../../../collector/log/recent-segments.ts'
import { batchAt, expected, machine, valuesOf } from './harness.ts'

test('what was read last is open, what was not is opened again', async () => {
  const { open, disk } = machine()
  const log = await open({ segmentBytes: 200, recent: new RecentSegments(2) })
  for (let offset = 0; offset < 12; offset += 1) await log.append([batchAt(offset, 1, 50)])
  const bases = log.closedSegments.map(({ baseOffset }) => baseOffset)
  expect(bases.length).toBeGreaterThan(4)
  let opened: string[] = []
  disk.intercept = ({ verb, path }) => {
    if (verb === 'open' && path.endsWith('.log')) opened.push(path.slice(-6, -4))
    return 'go'
  }
  const read = async (index: number) => {
    opened = []
    await log.read(bases[index] as number, log.endOffset, 1)
    return opened.length
  }
  for (const index of [0, 1, 2, 3]) expect(await read(index)).toBe(1)
  for (const index of [3, 2, 3]) expect(await read(index)).toBe(0)
  for (const index of [0, 1]) expect(await read(index)).toBe(1)
  expect(await read(3)).toBe(1)
})

test('many readers at once in more segments than stay open get all there is', async () => {
  const { open } = machine()
  const log = await open({ segmentBytes: 200, recent: new RecentSegments(1) })
  for (let offset = 0; offset < 40; offset += 1) await log.append([batchAt(offset, 1, 50)])
  const starts = Array.from({ length: 40 }, (_, i) => (i * 7) % 40)
  const found = await Promise.all(starts.map((from) => valuesOf(log, from)))
  for (const [index, from] of starts.entries()) expect(found[index]).toEqual(expected(from, 40))
})
