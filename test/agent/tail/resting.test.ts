// Files at rest in the simulated world: what they cost, and what wakes them.
import { expect, test } from 'vitest'
import { type Stage, stage } from '../simulated.ts'

const openFilesMax = 64

/** An agent that has shipped a line of each of so many files, and closed all of them. */
async function atRest(count: number): Promise<Stage> {
  const staged = stage(21, { openFilesMax, idleMs: 1000, partialMs: 1000, graceMs: 1000 })
  const { world, files, receiver } = staged
  for (let n = 0; n < count; n += 1) files.append(pathOf(n), `first of ${n}\n`)
  staged.startAgent()
  let handlesMax = 0
  await world.runUntil(() => {
    handlesMax = Math.max(handlesMax, files.handles)
    return receiver.lines.length === count
  }, 120_000)
  expect(handlesMax).toBeGreaterThan(0)
  expect(handlesMax).toBeLessThanOrEqual(openFilesMax)
  await world.runFor(10_000)
  files.calls.clear()
  return staged
}

function pathOf(n: number): string {
  return `/logs/${n}.log`
}

test('21: a file at rest costs one look a scan, and scans of more files come more rarely', async () => {
  for (const { count, scansMax } of [
    { count: 200, scansMax: 61 },
    { count: 2000, scansMax: 21 },
  ]) {
    const { world, files, status } = await atRest(count)
    await world.runFor(60_000)
    const scans = files.calls.get('list') ?? 0
    expect(scans).toBeGreaterThan(1)
    expect(scans).toBeLessThanOrEqual(scansMax)
    expect(Object.fromEntries(files.calls)).toEqual({ list: scans, stat: scans * count })
    expect(status().files).toHaveLength(count)
    expect(status()).toMatchObject({ openFiles: 0, batchesInFlight: 0, lagBytes: 0 })
  }
})

test('21: with 20 of 2,000 files written all the time a write to one at rest arrives in 250 ms', async () => {
  const { world, files, receiver, arrived } = await atRest(2000)
  let lines = receiver.lines.length
  for (let round = 0; round < 20; round += 1) {
    for (let n = 0; n < 20; n += 1) files.append(pathOf(n), `round ${round}\n`)
    const woken = pathOf(100 + round * 50)
    files.append(woken, 'after its rest\n')
    lines += 21
    await arrived(lines, 250)
    expect(files.handles).toBeLessThanOrEqual(openFilesMax)
    await world.runFor(500)
  }
  const { path, line } = receiver.lines.findLast(({ line: text }) => text === 'after its rest') ?? {}
  expect({ path, line }).toEqual({ path: pathOf(1050), line: 'after its rest' })
})

test('content that began anew while its file rested is known by its bytes, also where it is longer', async () => {
  const { files, receiver, arrived, status } = await atRest(20)
  for (let n = 0; n < 20; n += 1) {
    files.truncate(pathOf(n))
    files.append(pathOf(n), `another content of ${n}\n`)
  }
  await arrived(40)
  expect(receiver.texts.slice(20).sort()).toEqual(
    Array.from({ length: 20 }, (_, n) => `another content of ${n}`).sort(),
  )
  expect(status().losses).toEqual({})
})

test('what is counted of a file goes on after its rest', async () => {
  const { world, files, arrived, status } = await atRest(1)
  files.append(pathOf(0), 'second\n')
  await arrived(2)
  const expected = {
    path: pathOf(0),
    state: 'following',
    position: 18,
    size: 18,
    lagBytes: 0,
    shippedLines: 2,
  }
  await world.runFor(100)
  expect(status().files).toMatchObject([expected])
  await world.runFor(10_000)
  expect(status().files).toMatchObject([expected])
})

test('a file that is renamed and grows while it rests is read to its end, under its new name or through none', async () => {
  const { world, files, receiver, arrived, status } = await atRest(3)
  files.rename(pathOf(0), '/logs/0.log.1')
  files.append('/logs/0.log.1', 'late\n')
  files.append(pathOf(0), 'of the new file\n')
  files.remove(pathOf(1))
  await arrived(5)
  await world.runFor(10_000)
  expect(receiver.texts.slice(3).sort()).toEqual(['late', 'of the new file'])
  expect(
    status()
      .files.map(({ path }) => path)
      .sort(),
  ).toEqual([pathOf(0), pathOf(2)])
  expect(status().losses).toEqual({})
})
