// Real log folders: the conformance suite, and things that are not log files.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { FileStat } from '../../core/runtime.ts'
import { nodeFiles, removeFile } from '../../runtime/files.ts'
import { filesConformance } from '../conformance/files.ts'
import { MemoryLogger } from '../sim/logger.ts'

const folders: string[] = []
const watches: AsyncDisposable[] = []

function folder(): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-files-'))
  folders.push(made)
  return made
}

afterEach(async () => {
  for (const each of watches.splice(0)) await each[Symbol.asyncDispose]()
  for (const made of folders.splice(0)) fs.rmSync(made, { recursive: true, force: true })
})

filesConformance('nodeFiles', async () => ({
  files: nodeFiles(new MemoryLogger()),
  directory: folder(),
  application: {
    append: (target, text) => fs.appendFileSync(target, text),
    rename: (from, to) => fs.renameSync(from, to),
    truncate: (target) => fs.truncateSync(target),
    remove: (target) => fs.unlinkSync(target),
    link: (from, to) => fs.linkSync(from, to),
    makeDirectory: (target) => fs.mkdirSync(target),
  },
}))

test('a FIFO does not hang: TYPE_UNSUPPORTED', async (context) => {
  const fifo = `${folder()}/fifo`
  if (spawnSync('mkfifo', [fifo]).status !== 0) context.skip('needs mkfifo')
  const files = nodeFiles(new MemoryLogger())
  await expect(files.open(fifo)).rejects.toMatchObject({ code: 'TYPE_UNSUPPORTED' })
  expect((await files.stat(fifo))?.kind).toBe('other')
})

test('a device is TYPE_UNSUPPORTED', async () => {
  const files = nodeFiles(new MemoryLogger())
  await expect(files.open('/dev/null')).rejects.toMatchObject({ code: 'TYPE_UNSUPPORTED' })
})

test('links are followed by stat and open, and named by list', async () => {
  const directory = folder()
  fs.writeFileSync(`${directory}/real`, 'abc')
  fs.symlinkSync('real', `${directory}/link`)
  fs.symlinkSync('nowhere', `${directory}/dangling`)
  fs.symlinkSync('loop', `${directory}/loop`)
  const files = nodeFiles(new MemoryLogger())
  expect((await files.list(directory)).find((entry) => entry.name === 'link')?.kind).toBe('link')
  expect((await files.stat(`${directory}/link`))?.ino).toBe((await files.stat(`${directory}/real`))?.ino)
  expect(await files.stat(`${directory}/dangling`)).toBeNull()
  expect(await files.stat(`${directory}/loop`)).toBeNull()
})

test('neither a link nor what a linked folder leads to is removed', async () => {
  const directory = folder()
  fs.mkdirSync(`${directory}/real`)
  fs.writeFileSync(`${directory}/real/file`, 'abc')
  fs.symlinkSync('real/file', `${directory}/link`)
  fs.symlinkSync('real', `${directory}/folder`)
  const files = nodeFiles(new MemoryLogger())
  for (const name of ['link', 'folder/file']) {
    const target = `${directory}/${name}`
    expect(await files.remove(target, (await files.stat(target)) as FileStat)).toBe('symbolic_link')
  }
  expect(fs.readFileSync(`${directory}/real/file`, 'utf8')).toBe('abc')
})

test('a name that another file took between the look and the removal is told', async () => {
  const target = `${folder()}/a`
  fs.writeFileSync(target, 'old')
  const expected = (await nodeFiles(new MemoryLogger()).stat(target)) as FileStat
  const removal = await removeFile(target, expected, async (path) => {
    fs.renameSync(path, `${path}.1`)
    fs.writeFileSync(path, 'new')
    fs.unlinkSync(path)
  })
  expect(removal).toBe('mistaken')
  expect(fs.readFileSync(`${target}.1`, 'utf8')).toBe('old')
})

test('a disk that is read-only is FORBIDDEN and says so', async () => {
  const target = `${folder()}/a`
  fs.writeFileSync(target, 'x')
  const expected = (await nodeFiles(new MemoryLogger()).stat(target)) as FileStat
  const readOnly = async () => {
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
  }
  await expect(removeFile(target, expected, readOnly)).rejects.toMatchObject({
    code: 'FORBIDDEN',
    details: { readOnly: true },
  })
})

test('a hint comes after an append, a new file and a rotation', async () => {
  const directory = folder()
  fs.writeFileSync(`${directory}/a.log`, 'x')
  let hints = 0
  const files = nodeFiles(new MemoryLogger())
  watches.push(
    await files.watch([directory], (changed) => {
      expect(changed).toBe(directory)
      hints += 1
    }),
  )
  const steps = [
    () => fs.appendFileSync(`${directory}/a.log`, 'y'),
    () => fs.renameSync(`${directory}/a.log`, `${directory}/a.log.1`),
    () => fs.writeFileSync(`${directory}/a.log`, 'z'),
  ]
  for (const step of steps) {
    const before = hints
    step()
    await expect.poll(() => hints, { timeout: 5_000 }).toBeGreaterThan(before)
  }
})

test('hints come for a directory behind a link too, by the name that was asked', async () => {
  const directory = folder()
  fs.mkdirSync(`${directory}/real`)
  fs.symlinkSync('real', `${directory}/link`)
  const changed = new Set<string>()
  const files = nodeFiles(new MemoryLogger())
  watches.push(await files.watch([`${directory}/link`], (name) => changed.add(name)))
  fs.writeFileSync(`${directory}/real/a.log`, 'x')
  await expect.poll(() => [...changed], { timeout: 5_000 }).toEqual([`${directory}/link`])
})

test('no hints any more after disposal', async () => {
  const directory = folder()
  let hints = 0
  const files = nodeFiles(new MemoryLogger())
  const watch = await files.watch([directory], () => {
    hints += 1
  })
  await watch[Symbol.asyncDispose]()
  fs.writeFileSync(`${directory}/a.log`, 'x')
  const other = await files.watch([directory], () => {
    hints += 100
  })
  watches.push(other)
  fs.writeFileSync(`${directory}/b.log`, 'x')
  await expect.poll(() => hints, { timeout: 5_000 }).toBeGreaterThanOrEqual(100)
  expect(hints % 100).toBe(0)
})

test('a kernel that refuses watches costs the hints, one warning and nothing else', (context) => {
  const directory = folder()
  const root = path.resolve(import.meta.dirname, '../..')
  const script = `
    import { nodeFiles } from ${JSON.stringify(`${root}/runtime/files.ts`)}
    const logger = { warn: (fields) => console.log('warned', fields.err.code) }
    const watch = await nodeFiles(logger).watch(['${directory}', '${root}/core'], () => {})
    await watch[Symbol.asyncDispose]()
    console.log('done')`
  // A user namespace has limits of its own: nobody else on this machine is touched.
  const inside = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$0" --input-type=module -e "$1"'
  const ran = spawnSync('unshare', ['-Ur', 'sh', '-c', inside, process.execPath, script], {
    encoding: 'utf8',
  })
  if (ran.error !== undefined || ran.stderr.includes('unshare')) context.skip('needs user namespaces')
  expect(ran.stdout).toBe('warned ENOSPC\ndone\n')
})
