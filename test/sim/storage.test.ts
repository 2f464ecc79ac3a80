// The simulated disk: it conforms, and it loses exactly what disks lose.
import { expect, test } from 'vitest'
import type { Storage } from '../../core/runtime.ts'
import { storageConformance } from '../conformance/storage.ts'
import { SeededRandom } from './random.ts'
import { SimulatedDisk } from './storage.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array | null) => (data === null ? null : new TextDecoder().decode(data))

function diskOf(seed: number, mode: 'ordered' | 'hostile'): SimulatedDisk {
  return new SimulatedDisk({ random: new SeededRandom(seed, 'disk'), mode })
}

for (const mode of ['ordered', 'hostile'] as const) {
  storageConformance(`SimulatedDisk (${mode})`, async () => {
    const storage = diskOf(1, mode).storage()
    await storage.makeDirectory('/data')
    return { storage, directory: '/data' }
  })
}

async function append(storage: Storage, path: string, position: number, what: string): Promise<void> {
  await using file = await storage.open(path, 'write')
  await file.write(position, [bytes(what)])
}

async function appendSynced(storage: Storage, path: string, position: number, what: string): Promise<void> {
  await using file = await storage.open(path, 'write')
  await file.write(position, [bytes(what)])
  await file.sync()
}

/** Runs the same story on many seeds and gives all the contents a crash left behind. */
async function outcomes(
  mode: 'ordered' | 'hostile',
  path: string,
  story: (storage: Storage, disk: SimulatedDisk) => Promise<void>,
): Promise<Set<string | null>> {
  const seen = new Set<string | null>()
  for (let seed = 0; seed < 200; seed += 1) {
    const disk = diskOf(seed, mode)
    await story(disk.storage(), disk)
    disk.crash()
    seen.add(text(disk.readLive(path)))
  }
  return seen
}

test('synced bytes always survive, unsynced ones vanish, tear or stay', async () => {
  const seen = await outcomes('ordered', '/a', async (storage) => {
    await appendSynced(storage, '/a', 0, 'safe')
    await append(storage, '/a', 4, '12')
  })
  expect([...seen].sort()).toEqual(['safe', 'safe1', 'safe12'])
})

test('an ordered disk keeps a prefix of the writes of a file', async () => {
  const seen = await outcomes('ordered', '/a', async (storage) => {
    await appendSynced(storage, '/a', 0, '.')
    await append(storage, '/a', 1, 'A')
    await append(storage, '/a', 2, 'B')
    await append(storage, '/a', 3, 'C')
  })
  expect([...seen].sort()).toEqual(['.', '.A', '.AB', '.ABC'])
})

test('a hostile disk keeps later writes without earlier ones', async () => {
  const seen = await outcomes('hostile', '/a', async (storage) => {
    await appendSynced(storage, '/a', 0, '.')
    await storage.syncDirectory('/')
    await append(storage, '/a', 1, 'A')
    await append(storage, '/a', 2, 'B')
  })
  expect(seen).toContain('.\0B')
  expect([...seen].every((content) => content?.startsWith('.'))).toBe(true)
})

test('on a hostile disk a new name without syncDirectory may be lost although the file was synced', async () => {
  const seen = await outcomes('hostile', '/a', (storage) => appendSynced(storage, '/a', 0, 'x'))
  expect(seen).toEqual(new Set(['x', null]))
  const synced = await outcomes('hostile', '/a', async (storage) => {
    await appendSynced(storage, '/a', 0, 'x')
    await storage.syncDirectory('/')
  })
  expect(synced).toEqual(new Set(['x']))
})

test('a rename that was not synced is there whole or not at all', async () => {
  const seen = await outcomes('hostile', '/a', async (storage) => {
    await appendSynced(storage, '/a', 0, 'old')
    await appendSynced(storage, '/a.tmp', 0, 'new')
    await storage.syncDirectory('/')
    await storage.rename('/a.tmp', '/a')
  })
  expect(seen).toEqual(new Set(['old', 'new']))
})

test('fsyncgate: after a failed sync the next one succeeds and the bytes are gone', async () => {
  const disk = diskOf(7, 'ordered')
  const storage = disk.storage()
  await using file = await storage.open('/a', 'write')
  await file.write(0, [bytes('lost')])
  disk.intercept = (call) => (call.verb === 'sync' ? 'fail' : 'go')
  await expect(file.sync()).rejects.toMatchObject({ code: 'DISK_FAILED' })
  disk.intercept = null
  await file.sync()
  expect(text(disk.readLive('/a'))).toBe('lost')
  disk.crash()
  expect(text(disk.readLive('/a'))).toBe('')
})

test('a full disk takes a part and says DISK_FULL; room brings it back', async () => {
  const disk = diskOf(1, 'ordered')
  const storage = disk.storage()
  await using file = await storage.open('/a', 'write')
  disk.capacityBytes = 6
  await file.write(0, [bytes('four')])
  await expect(file.write(4, [bytes('more')])).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(file.size).toBe(4)
  expect(text(disk.readLive('/a'))).toBe('fourmo')
  disk.capacityBytes = 100
  await file.write(4, [bytes('more')])
  expect(text(disk.readLive('/a'))).toBe('fourmore')
})

test('after a crash the calls of the old view never settle; a kill loses no bytes', async () => {
  const disk = diskOf(1, 'ordered')
  const old = disk.storage()
  const file = await old.open('/a', 'write')
  await file.write(0, [bytes('cached')])
  disk.kill()
  let settled = false
  const late = () => {
    settled = true
  }
  file.write(6, [bytes('late')]).then(late, late)
  old.list('/').then(late, late)
  await new Promise(setImmediate)
  expect(settled).toBe(false)
  expect(text(disk.readLive('/a'))).toBe('cached')
})

test('an interceptor crashes before the call of its choice', async () => {
  const disk = diskOf(1, 'ordered')
  const storage = disk.storage()
  disk.intercept = (call) => (call.verb === 'sync' ? 'crash' : 'go')
  const work = appendSynced(storage, '/a', 0, 'x').then(() => 'finished')
  expect(await Promise.race([work, disk.whenCrashed().then(() => 'crashed')])).toBe('crashed')
})
