// Folders are made with those above them. Needs a temporary folder, and Linux's /proc.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeFolders } from '../../runtime/make-folders.ts'

function temporary(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-folders-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true }))
  return folder
}

test('what was missing is told, the outermost first; a second time nothing was', async () => {
  const folder = temporary()
  const deep = path.join(folder, 'a', 'b', 'c')
  expect(await makeFolders(deep)).toEqual([path.join(folder, 'a'), path.join(folder, 'a', 'b'), deep])
  expect(fs.statSync(deep).mode & 0o777).toBe(0o750)
  expect(await makeFolders(deep)).toEqual([])
  expect(await makeFolders(`${deep}/../d/`)).toEqual([path.join(folder, 'a', 'b', 'd')])
})

test('two at a time make it once', async () => {
  const deep = path.join(temporary(), 'a', 'b')
  await Promise.all(Array.from({ length: 8 }, () => makeFolders(deep)))
  expect(fs.statSync(deep).isDirectory()).toBe(true)
})

test('a link to a folder is one; a file, a link to nothing and a place that takes no folders are errors', async () => {
  const folder = temporary()
  fs.mkdirSync(path.join(folder, 'real'))
  fs.symlinkSync('real', path.join(folder, 'link'))
  fs.symlinkSync('nowhere', path.join(folder, 'dangling'))
  fs.writeFileSync(path.join(folder, 'file'), '')
  expect(await makeFolders(path.join(folder, 'link', 'x'))).toEqual([path.join(folder, 'link', 'x')])
  await expect(makeFolders(path.join(folder, 'file', 'x'))).rejects.toThrow('ENOTDIR')
  await expect(makeFolders(path.join(folder, 'dangling'))).rejects.toThrow('EEXIST')
  // Node's recursive mkdir never ends here.
  await expect(makeFolders('/proc/logdrive/x')).rejects.toThrow('ENOENT')
})
