// Discover: looks again and again, on simulated and on real files. Needs a temporary folder.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Discovery } from '../../../agent/tail/discover.ts'
import { Changes } from '../../../agent/tail/watching.ts'
import { nodeFiles } from '../../../runtime/files.ts'
import { collectGarbage } from '../../garbage.ts'
import { SimulatedFiles } from '../../sim/files.ts'
import { MemoryLogger } from '../../sim/logger.ts'
import { SeededRandom } from '../../sim/random.ts'

const never = new AbortController().signal
const count = 300

/** Simulated files in three directories, and a discovery over them. */
function stage(files = count) {
  const simulated = new SimulatedFiles({ random: new SeededRandom(1), now: () => 1000 })
  for (let n = 0; n < files; n += 1) simulated.append(`/logs/${n % 3}/${n}.log`, `${n}\n`)
  const inputs = [{ name: 'app', paths: ['/logs/**/*.log'], exclude: [] }]
  return { files: simulated, discovery: new Discovery(inputs, simulated.view()) }
}

/** After a first scan. */
async function seenOnce() {
  const { files, discovery } = stage()
  const first = await discovery.scan(never)
  expect(first.files.size).toBe(count)
  files.calls.clear()
  return { files, discovery, first, before: new Map(first.files) }
}

test('where nothing changed a scan looks at each file once and makes nothing anew', async () => {
  const { files, discovery, first, before } = await seenOnce()
  const second = await discovery.scan(never)
  expect(Object.fromEntries(files.calls)).toEqual({ list: 4, stat: count })
  expect(second.files).toBe(first.files)
  expect(second).toMatchObject({ changed: [], isSame: true })
  expect(second.directories).toEqual(first.directories)
  for (const [key, sighting] of second.files) expect(sighting).toBe(before.get(key))
})

test('what changed in place is seen anew, all else is what it was', async () => {
  const { files, discovery, before } = await seenOnce()
  files.append('/logs/1/7.log', 'more\n')
  const { files: seen, changed } = await discovery.scan(never)
  expect(changed).toEqual(['/logs/1/7.log'])
  const others = [...seen].filter(([key, sighting]) => sighting !== before.get(key))
  expect(others.map(([, { path: file, size }]) => ({ file, size }))).toEqual([
    { file: '/logs/1/7.log', size: 7 },
  ])
})

test('what came, went or was replaced is found, and no file at rest is looked at twice', async () => {
  const { files, discovery, before } = await seenOnce()
  files.append('/logs/3/new.log', 'new\n')
  files.remove('/logs/0/3.log')
  files.rename('/logs/1/4.log', '/logs/1/4.log.1')
  files.append('/logs/1/4.log', 'of another file\n')
  const { files: seen, isSame } = await discovery.scan(never)
  expect(isSame).toBe(false)
  expect(files.calls.get('list')).toBe(5)
  expect(files.calls.get('stat')).toBeLessThanOrEqual(count + 4)
  const fresh = [...seen].filter(([key]) => !before.has(key)).map(([, one]) => one.path)
  const gone = [...before].filter(([key]) => !seen.has(key)).map(([, one]) => one.path)
  expect([fresh, gone]).toEqual([
    ['/logs/1/4.log', '/logs/3/new.log'],
    ['/logs/0/3.log', '/logs/1/4.log'],
  ])
  for (const [key, sighting] of seen) if (before.has(key)) expect(sighting).toBe(before.get(key))
})

test('a file that was seen costs less than 500 bytes of heap, also after the next scans', async () => {
  const many = 20_000
  const { discovery } = stage(many)
  const before = heapBytes()
  for (let scans = 0; scans < 3; scans += 1) {
    const { files } = await discovery.scan(never)
    expect((heapBytes() - before) / many).toBeLessThan(500)
    expect(files.size).toBe(many)
  }
})

test('a directory that gives no hints is looked at whole, and only it', async () => {
  const { files, discovery } = await seenOnce()
  files.append('/logs/2/5.log', 'more\n')
  const glance = await discovery.look(new Changes(), ['/logs/2'], never)
  expect(Object.fromEntries(files.calls)).toEqual({ list: 1, stat: count / 3 })
  expect('all' in glance && glance.files.map((one) => one.path)).toEqual(['/logs/2/5.log'])
  files.append('/logs/2/new.log', 'new\n')
  const scan = await discovery.look(new Changes(), ['/logs/2'], never)
  expect('directories' in scan && scan.files.size).toBe(count + 1)
})

test('a link to nowhere, a folder that is not there and a path of no file are looked at again by each scan', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-discover-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  const logs = path.join(folder, 'logs')
  fs.mkdirSync(path.join(logs, 'folder.log'), { recursive: true })
  fs.symlinkSync(path.join(folder, 'elsewhere'), path.join(logs, 'link'))
  const paths = [`${logs}/**/*.log`, `${folder}/later/*.log`]
  const discovery = new Discovery([{ name: 'app', paths, exclude: [] }], nodeFiles(new MemoryLogger()))
  const found = async () => {
    const { files } = await discovery.scan(never)
    return [...files.values()].map((one) => path.relative(folder, one.path)).sort()
  }
  expect(await found()).toEqual([])
  expect(await found()).toEqual([])
  fs.mkdirSync(path.join(folder, 'elsewhere'))
  fs.writeFileSync(path.join(folder, 'elsewhere/a.log'), 'a\n')
  expect(await found()).toEqual(['logs/link/a.log'])
  fs.mkdirSync(path.join(folder, 'later'))
  fs.writeFileSync(path.join(folder, 'later/b.log'), 'b\n')
  expect(await found()).toEqual(['later/b.log', 'logs/link/a.log'])
  fs.rmSync(path.join(folder, 'elsewhere'), { recursive: true })
  fs.rmdirSync(path.join(logs, 'folder.log'))
  fs.writeFileSync(path.join(logs, 'folder.log'), 'a file now\n')
  expect(await found()).toEqual(['later/b.log', 'logs/folder.log'])
})

/** What is alive. */
function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
