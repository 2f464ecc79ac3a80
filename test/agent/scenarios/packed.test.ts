// Scenarios 40 and 64: compressed files among the logs. Needs a real file system.
import fs from 'node:fs'
import path from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { TailStage } from './tail-stage.ts'

/** Lines that no two files have alike. */
function linesOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name} ${n} ${'x'.repeat((n * 7919) % 200)}`)
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

for (const [suffix, pack] of [
  ['gz', gzipSync],
  ['zst', zstdCompressSync],
] as const) {
  test(`64: .${suffix} of several members is read whole, and once over restarts`, async () => {
    await using stage = await TailStage.open()
    const lines = linesOf('a', 20_000)
    const parts = [lines.slice(0, 5), lines.slice(5, 9000), lines.slice(9000)]
    const packed = Buffer.concat(parts.map((part) => pack(Buffer.from(textOf(part)))))
    fs.writeFileSync(path.join(stage.logs, `a.log.2.${suffix}`), packed)
    await stage.start()
    await stage.arrived(lines.length)
    await stage.stop()
    await stage.start()
    fs.writeFileSync(path.join(stage.logs, 'b.log'), 'b\n')
    await stage.arrived(lines.length + 1)
    expect(stage.texts).toEqual([...lines, 'b'])
  })

  test(`40: a rotated file that is packed to .${suffix} is not shipped again, only what nobody read of it`, async () => {
    await using stage = await TailStage.open()
    const lines = linesOf('a', 3000)
    const file = path.join(stage.logs, 'a.log')
    fs.writeFileSync(file, textOf(lines.slice(0, 1000)))
    await stage.start()
    await stage.arrived(1000)
    fs.appendFileSync(file, textOf(lines.slice(1000, 2000)))
    await stage.arrived(2000)
    await stage.stop()
    // While no agent runs it grows, is rotated, and is packed.
    fs.writeFileSync(path.join(stage.logs, `a.log.1.${suffix}`), pack(Buffer.from(textOf(lines))))
    fs.rmSync(file)
    fs.writeFileSync(file, 'new\n')
    await stage.start()
    await stage.arrived(3001)
    // And while it runs: the new one is packed beside itself, then its name is given away.
    fs.writeFileSync(path.join(stage.logs, `a.log.0.${suffix}`), pack(Buffer.from('new\n')))
    fs.rmSync(file)
    fs.writeFileSync(file, 'newer\n')
    await stage.arrived(3002)
    await expect.poll(() => stage.status?.files.map(({ state }) => state)).not.toContain('rotated')
    expect(stage.texts.toSorted()).toEqual([...lines, 'new', 'newer'].toSorted())
    expect(stage.texts.filter((text) => text.startsWith('a '))).toEqual(lines)
  })
}

test('64: a .gz that is still being written is read as far as it goes, and on when it grows', async () => {
  await using stage = await TailStage.open()
  const lines = linesOf('a', 30_000)
  const packed = gzipSync(textOf(lines))
  const file = path.join(stage.logs, 'a.log.1.gz')
  fs.writeFileSync(file, packed.subarray(0, 2))
  await stage.start()
  for (const share of [0.3, 0.6, 0.61]) {
    const before = stage.receiver.lines.length
    fs.appendFileSync(file, packed.subarray(fs.statSync(file).size, Math.floor(packed.length * share)))
    await stage.arrived(before + 1)
  }
  await stage.stop()
  fs.appendFileSync(file, packed.subarray(fs.statSync(file).size))
  await stage.start()
  await stage.arrived(lines.length)
  expect(stage.texts).toEqual(lines)
})

test('64: damage in the middle of a .gz costs what is behind it, and no peace', async () => {
  await using stage = await TailStage.open()
  const lines = linesOf('a', 30_000)
  const packed = gzipSync(textOf(lines))
  packed.fill(0xff, packed.length >> 1, (packed.length >> 1) + 100)
  fs.writeFileSync(path.join(stage.logs, 'a.log.1.gz'), packed)
  fs.writeFileSync(path.join(stage.logs, 'b.log'), 'b\n')
  await stage.start()
  await stage.arrived(10_000)
  expect(stage.texts).toContain('b')
})

test('compressed: skip leaves them out', async () => {
  await using stage = await TailStage.open({ input: { compressed: 'skip' } })
  fs.writeFileSync(path.join(stage.logs, 'a.log.1.gz'), gzipSync('packed\n'))
  await stage.start()
  fs.writeFileSync(path.join(stage.logs, 'b.log'), 'b\n')
  await stage.arrived(1)
  expect(stage.texts).toEqual(['b'])
})
