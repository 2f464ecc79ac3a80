// What every Storage keeps: the real disk and the simulated one pass the same tests.
import { describe, expect, test } from 'vitest'
import type { Storage } from '../../core/runtime.ts'

/** A storage and an empty directory in it. */
export interface StorageUnderTest {
  readonly storage: Storage
  readonly directory: string
}

const bytes = (text: string) => new TextEncoder().encode(text)

async function readAll(storage: Storage, path: string): Promise<string> {
  await using file = await storage.open(path, 'read')
  const target = new Uint8Array(file.size)
  expect(await file.read(0, target)).toBe(file.size)
  return new TextDecoder().decode(target)
}

/** Registers the suite; `make` gives a fresh storage for each test. */
export function storageConformance(name: string, make: () => Promise<StorageUnderTest>): void {
  describe(`${name} as Storage`, () => {
    test('writes pieces one behind the other and reads them back', async () => {
      const { storage, directory } = await make()
      await using file = await storage.open(`${directory}/a`, 'write')
      await file.write(0, [bytes('one'), bytes(''), bytes('two')])
      await file.write(6, [bytes('three')])
      await file.sync()
      expect(file.size).toBe(11)
      expect(await readAll(storage, `${directory}/a`)).toBe('onetwothree')
    })

    test('writes thousands of pieces in one call', async () => {
      const { storage, directory } = await make()
      await using file = await storage.open(`${directory}/a`, 'write')
      const pieces = Array.from({ length: 3000 }, (_, i) => bytes(`${i};`))
      await file.write(0, pieces)
      expect(await readAll(storage, `${directory}/a`)).toBe(pieces.map((_, i) => `${i};`).join(''))
    })

    test('does not touch the caller’s buffers', async () => {
      const { storage, directory } = await make()
      await using file = await storage.open(`${directory}/a`, 'write')
      const pieces = [bytes('abc'), bytes('def')]
      await file.write(0, pieces)
      expect(pieces).toEqual([bytes('abc'), bytes('def')])
    })

    test('overwrites in place without changing the size', async () => {
      const { storage, directory } = await make()
      await using file = await storage.open(`${directory}/a`, 'write')
      await file.write(0, [bytes('abcdef')])
      await file.write(2, [bytes('XY')])
      expect(file.size).toBe(6)
      expect(await readAll(storage, `${directory}/a`)).toBe('abXYef')
    })

    test('a read past the end gives what there is', async () => {
      const { storage, directory } = await make()
      await using file = await storage.open(`${directory}/a`, 'write')
      await file.write(0, [bytes('abc')])
      const target = new Uint8Array(8).fill(1)
      expect(await file.read(1, target)).toBe(2)
      expect(target).toEqual(Uint8Array.of(98, 99, 1, 1, 1, 1, 1, 1))
      expect(await file.read(3, target)).toBe(0)
      expect(await file.read(99, target)).toBe(0)
    })

    test('truncate cuts, and what grows again there is zeros', async () => {
      const { storage, directory } = await make()
      await using file = await storage.open(`${directory}/a`, 'write')
      await file.write(0, [bytes('abcdef')])
      await file.truncate(2)
      expect(file.size).toBe(2)
      await file.write(4, [bytes('z')])
      expect(await readAll(storage, `${directory}/a`)).toBe('ab\0\0z')
    })

    test('opening for writing keeps what is there', async () => {
      const { storage, directory } = await make()
      {
        await using file = await storage.open(`${directory}/a`, 'write')
        await file.write(0, [bytes('kept')])
      }
      await using again = await storage.open(`${directory}/a`, 'write')
      expect(again.size).toBe(4)
    })

    test('a missing file or folder is NOT_FOUND', async () => {
      const { storage, directory } = await make()
      await expect(storage.open(`${directory}/none`, 'read')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(storage.open(`${directory}/no/where`, 'write')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
      await expect(storage.rename(`${directory}/none`, `${directory}/b`)).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
      await expect(storage.syncDirectory(`${directory}/none`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })

    test('lists names sorted, files and directories, and nothing for no directory', async () => {
      const { storage, directory } = await make()
      for (const name of ['b', 'a'])
        await (await storage.open(`${directory}/${name}`, 'write'))[Symbol.asyncDispose]()
      await storage.makeDirectory(`${directory}/c/d`)
      expect(await storage.list(directory)).toEqual(['a', 'b', 'c'])
      expect(await storage.list(`${directory}/none`)).toEqual([])
    })

    test('making a directory twice is fine', async () => {
      const { storage, directory } = await make()
      await storage.makeDirectory(`${directory}/x/y`)
      await storage.makeDirectory(`${directory}/x/y`)
      await storage.syncDirectory(`${directory}/x/y`)
      expect(await storage.list(`${directory}/x`)).toEqual(['y'])
    })

    test('rename replaces what was there; an open handle stays with its file', async () => {
      const { storage, directory } = await make()
      await using old = await storage.open(`${directory}/a`, 'write')
      await old.write(0, [bytes('old')])
      await using fresh = await storage.open(`${directory}/b`, 'write')
      await fresh.write(0, [bytes('new')])
      await storage.rename(`${directory}/b`, `${directory}/a`)
      await storage.syncDirectory(directory)
      expect(await storage.list(directory)).toEqual(['a'])
      expect(await readAll(storage, `${directory}/a`)).toBe('new')
      const target = new Uint8Array(3)
      await old.read(0, target)
      expect(target).toEqual(bytes('old'))
    })

    test('renames directories with what is in them', async () => {
      const { storage, directory } = await make()
      await storage.makeDirectory(`${directory}/x`)
      await (await storage.open(`${directory}/x/f`, 'write'))[Symbol.asyncDispose]()
      await storage.rename(`${directory}/x`, `${directory}/y`)
      expect(await storage.list(`${directory}/y`)).toEqual(['f'])
      expect(await storage.list(directory)).toEqual(['y'])
    })

    test('removes files and empty directories, and minds not if they are gone', async () => {
      const { storage, directory } = await make()
      await storage.makeDirectory(`${directory}/x`)
      await (await storage.open(`${directory}/x/f`, 'write'))[Symbol.asyncDispose]()
      await expect(storage.remove(`${directory}/x`)).rejects.toMatchObject({ code: 'DISK_FAILED' })
      await storage.remove(`${directory}/x/f`)
      await storage.remove(`${directory}/x`)
      await storage.remove(`${directory}/x`)
      expect(await storage.list(directory)).toEqual([])
    })
  })
}
