// A compressed file that is read as the plain one, piece by piece, while others use the same memory.
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { PackedFile } from '../../../agent/tail/packed-file.ts'
import { SimulatedFiles } from '../../sim/files.ts'
import { SeededRandom } from '../../sim/random.ts'

const packed = gzipSync('one\ntwo\nthree\n')

async function opened(bytes: Uint8Array) {
  const files = new SimulatedFiles({ random: new SeededRandom(1, 'files'), now: () => 1 })
  files.append('/a.gz', bytes)
  const file = new PackedFile(await files.view().open('/a.gz'), 'gzip', () => {})
  return { files, file }
}

test('what was read last is still known when the memory it was read into was used for another file', async () => {
  const { files, file } = await opened(packed.subarray(0, packed.length >> 1))
  const slab = Buffer.alloc(2000)
  const first = await file.read(0, slab)
  expect(first).toBeGreaterThan(0)
  slab.fill('#')
  files.append('/a.gz', packed.subarray(packed.length >> 1))
  const count = await file.read(0, slab)
  expect(slab.subarray(0, count).toString()).toBe('one\ntwo\nthree\n')
})

test('it is whole at its end and nowhere else, when nothing is missing; reading goes on as before', async () => {
  const { files, file } = await opened(packed.subarray(0, packed.length - 1))
  expect(await file.isWhole(14)).toBe(false)
  files.append('/a.gz', packed.subarray(packed.length - 1))
  expect(await Promise.all([file.isWhole(14), file.isWhole(13), file.isWhole(15)])).toEqual([
    true,
    false,
    false,
  ])
  const target = new Uint8Array(6)
  expect(await file.read(8, target)).toBe(6)
  expect(Buffer.from(target).toString()).toBe('three\n')
})
