// Lanes of statements: needs nothing.
import { expect, test } from 'vitest'
import { createLane } from '../../../../sinks/clickhouse/embedded/lane.ts'

test('so many run, so many wait in their order, the rest is refused until there is room again', async () => {
  const lane = createLane(2, 1)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const work = (name: string) =>
    lane(() => {
      begun.push(name)
      return new Promise<void>((resolve) => ends.set(name, resolve))
    })
  const [first, second, third] = [work('first'), work('second'), work('third')]
  expect(begun).toEqual(['first', 'second'])
  await expect(work('fourth')).rejects.toMatchObject({ code: 202 })
  ends.get('second')?.()
  await second
  const fifth = work('fifth')
  ends.get('first')?.()
  await first
  for (const name of ['third', 'fifth']) await expect.poll(() => begun).toContain(name)
  expect(begun).toEqual(['first', 'second', 'third', 'fifth'])
  for (const end of ends.values()) end()
  await Promise.all([third, fifth])
  await expect(lane(async () => 'free')).resolves.toBe('free')
  await expect(lane(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  await expect(lane(async () => 'still free')).resolves.toBe('still free')
})
