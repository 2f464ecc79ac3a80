// The real disk: the conformance suite, and errors as the kernel gives them.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { nodeStorage } from '../../runtime/storage.ts'
import { storageConformance } from '../conformance/storage.ts'

const folders: string[] = []

function folder(): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-storage-'))
  folders.push(made)
  return made
}

afterEach(() => {
  for (const made of folders.splice(0)) {
    spawnSync('umount', [made], { stdio: 'ignore' })
    fs.rmSync(made, { recursive: true, force: true })
  }
})

storageConformance('nodeStorage', async () => ({ storage: nodeStorage, directory: folder() }))

test('a full device is DISK_FULL, with a hint', async () => {
  await using file = await nodeStorage.open('/dev/full', 'write')
  await expect(file.write(0, [new Uint8Array(10)])).rejects.toMatchObject({
    code: 'DISK_FULL',
    hint: expect.stringContaining('Free space'),
  })
})

test('a write that only fits in part is DISK_FULL and the size stays', async (context) => {
  const made = folder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', made], { stdio: 'ignore' })
  if (mounted.status !== 0) context.skip('needs the right to mount a tmpfs')
  await using file = await nodeStorage.open(`${made}/a`, 'write')
  await file.write(0, [new Uint8Array(40_000)])
  const pieces = [new Uint8Array(20_000), new Uint8Array(20_000)]
  await expect(file.write(40_000, pieces)).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(file.size).toBe(40_000)
  await file.truncate(40_000)
  await nodeStorage.remove(`${made}/a`)
})

test('a directory that is opened for writing is DISK_FAILED', async () => {
  await expect(nodeStorage.open(folder(), 'write')).rejects.toMatchObject({ code: 'DISK_FAILED' })
})

test('disposing twice closes the descriptor once', async () => {
  const made = folder()
  const file = await nodeStorage.open(`${made}/a`, 'write')
  await file[Symbol.asyncDispose]()
  const other = await nodeStorage.open(`${made}/b`, 'write')
  await file[Symbol.asyncDispose]()
  await other.write(0, [new Uint8Array(1)])
  await other[Symbol.asyncDispose]()
})
