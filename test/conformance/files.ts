// What every Files keeps: real log folders and simulated ones pass the same tests.
import { describe, expect, test } from 'vitest'
import type { FileStat, Files } from '../../core/runtime.ts'

/** What an application and logrotate do to the folder. */
export interface Application {
  append(path: string, text: string): void
  rename(from: string, to: string): void
  truncate(path: string): void
  remove(path: string): void
  link(from: string, to: string): void
  makeDirectory(path: string): void
}

/** Files, an empty directory, and somebody who writes there. */
export interface FilesUnderTest {
  readonly files: Files
  readonly directory: string
  readonly application: Application
}

/** Registers the suite; `make` gives a fresh folder for each test. */
export function filesConformance(name: string, make: () => Promise<FilesUnderTest>): void {
  describe(`${name} as Files`, () => {
    test('lists files and directories with their kind', async () => {
      const { files, directory, application } = await make()
      application.append(`${directory}/a.log`, 'x')
      application.makeDirectory(`${directory}/sub`)
      const entries = [...(await files.list(directory))].sort((a, b) => a.name.localeCompare(b.name))
      expect(entries).toEqual([
        { name: 'a.log', kind: 'file' },
        { name: 'sub', kind: 'directory' },
      ])
    })

    test('listing what is not there is NOT_FOUND; its stat is null', async () => {
      const { files, directory } = await make()
      await expect(files.list(`${directory}/none`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(files.open(`${directory}/none`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await files.stat(`${directory}/none`)).toBeNull()
    })

    test('the space of a file system adds up', async () => {
      const { files, directory } = await make()
      const { sizeBytes, freeBytes, availableBytes, inodes, inodesFree } = await files.space(directory)
      expect(sizeBytes).toBeGreaterThan(0)
      expect(freeBytes).toBeLessThanOrEqual(sizeBytes)
      expect(availableBytes).toBeLessThanOrEqual(freeBytes)
      expect(inodesFree).toBeLessThanOrEqual(inodes)
      await expect(files.space(`${directory}/none`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })

    test('a directory cannot be opened', async () => {
      const { files, directory } = await make()
      await expect(files.open(directory)).rejects.toMatchObject({ code: 'TYPE_UNSUPPORTED' })
      expect((await files.stat(directory))?.kind).toBe('directory')
    })

    test('reads what was appended, also after opening', async () => {
      const { files, directory, application } = await make()
      application.append(`${directory}/a`, 'one\n')
      await using file = await files.open(`${directory}/a`)
      application.append(`${directory}/a`, 'two\n')
      const target = new Uint8Array(100)
      expect(await file.read(0, target)).toBe(8)
      expect(await file.read(4, target)).toBe(4)
      expect(await file.read(8, target)).toBe(0)
      expect((await file.stat()).size).toBe(8)
    })

    test('a handle follows its file through rename and removal', async () => {
      const { files, directory, application } = await make()
      application.append(`${directory}/a`, 'old')
      await using file = await files.open(`${directory}/a`)
      application.rename(`${directory}/a`, `${directory}/a.1`)
      application.append(`${directory}/a`, 'new')
      application.append(`${directory}/a.1`, '+')
      application.remove(`${directory}/a.1`)
      const target = new Uint8Array(10)
      expect(new TextDecoder().decode(target.subarray(0, await file.read(0, target)))).toBe('old+')
      const [handle, path] = [await file.stat(), await files.stat(`${directory}/a`)]
      expect(handle.ino).not.toBe(path?.ino)
    })

    test('a renamed file keeps its identity', async () => {
      const { files, directory, application } = await make()
      application.append(`${directory}/a`, 'x')
      const before = await files.stat(`${directory}/a`)
      application.rename(`${directory}/a`, `${directory}/b`)
      const after = await files.stat(`${directory}/b`)
      expect([after?.dev, after?.ino, after?.birthtimeNs]).toEqual([
        before?.dev,
        before?.ino,
        before?.birthtimeNs,
      ])
    })

    test('a truncated file is the same file, shorter', async () => {
      const { files, directory, application } = await make()
      application.append(`${directory}/a`, 'abc')
      const before = await files.stat(`${directory}/a`)
      application.truncate(`${directory}/a`)
      const after = await files.stat(`${directory}/a`)
      expect(after?.size).toBe(0)
      expect(after?.ino).toBe(before?.ino)
    })

    test('a file is removed when it is the expected one, and who has it open reads on', async () => {
      const { files, directory, application } = await make()
      const target = `${directory}/a`
      application.append(target, 'abc')
      await using file = await files.open(target)
      expect(await files.remove(target, await file.stat())).toBe('removed')
      expect(await files.stat(target)).toBeNull()
      expect(await file.read(0, new Uint8Array(9))).toBe(3)
    })

    test('a file that has grown, another one and none are not removed', async () => {
      const { files, directory, application } = await make()
      const target = `${directory}/a`
      application.append(target, 'abc')
      const expected = await statOf(files, target)
      application.append(target, '+')
      expect(await files.remove(target, expected)).toBe('changed')
      application.rename(target, `${directory}/b`)
      expect(await files.remove(target, expected)).toBe('changed')
      application.append(target, 'abc')
      expect(await files.remove(target, await statOf(files, `${directory}/b`))).toBe('changed')
      expect(await files.list(directory)).toHaveLength(2)
    })

    test('one of two names of a file is not removed', async () => {
      const { files, directory, application } = await make()
      const target = `${directory}/a`
      application.append(target, 'abc')
      application.link(target, `${directory}/b`)
      expect(await files.remove(target, await statOf(files, target))).toBe('hard_link')
      expect(await files.list(directory)).toHaveLength(2)
      application.remove(`${directory}/b`)
      expect(await files.remove(target, await statOf(files, target))).toBe('removed')
    })
  })
}

async function statOf(files: Files, path: string): Promise<FileStat> {
  const stat = await files.stat(path)
  if (stat === null) throw new Error(`${path} is not there`)
  return stat
}
