// The file sink over a simulated disk: whole files or none, the same names again after a crash.
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Batch } from '../../../core/event-log.ts'
import type { Runtime } from '../../../core/runtime.ts'
import { fileSink } from '../../../sinks/file/sink.ts'
import { SeededRandom } from '../../sim/random.ts'
import { SimulatedDisk } from '../../sim/storage.ts'
import { World } from '../../sim/world.ts'
import { batchOf, type TestRecord } from '../batches.ts'

const never = new AbortController().signal
const records = (count: number, from = 0): TestRecord[] =>
  Array.from({ length: count }, (_, index) => ({ value: `{"n":${from + index}}` }))

test('a batch becomes one file whose name says topic, partition and range', async () => {
  const files = await written({ path: '/out/{topic}' }, [
    batchOf([records(2), records(1, 2)], { firstOffset: 40 }),
  ])
  expect(files).toEqual({
    '/out/things/things+0+00000000000000000040-00000000000000000042.ndjson': [
      '{"_topic":"things","_partition":0,"_offset":40,"n":0}',
      '{"_topic":"things","_partition":0,"_offset":41,"n":1}',
      '{"_topic":"things","_partition":0,"_offset":42,"n":2}',
    ],
  })
})

test.each(['csv', 'parquet'])('%s is said to be missing', (format) => {
  const read = fileSink.config.safeParse({ path: '/out', format })
  expect(read.error?.issues.map(({ message }) => message)).toEqual([`${format} is not built yet: use ndjson`])
})

test('rows go to the folder of their time', async () => {
  const day = 86_400_000
  const batch = batchOf([[0, day, 0].map((timestamp) => ({ value: '{}', timestamp }))])
  const files = await written({ path: '/out/{ts:%Y-%m-%d}' }, [batch])
  expect(Object.entries(files).map(([name, rows]) => [name.split('/')[2], rows.length])).toEqual([
    ['1970-01-01', 2],
    ['1970-01-02', 1],
  ])
})

test('rows of more days than files may be open go to the day of the batch', async () => {
  const days = Array.from({ length: 100 }, (_, day) => ({ value: '{}', timestamp: day * 86_400_000 }))
  const files = await written({ path: '/out/{ts:%Y-%m-%d}' }, [batchOf([days])])
  expect(Object.keys(files)).toHaveLength(65)
  expect(Object.values(files).flat()).toHaveLength(100)
})

test.each(['gzip', 'zstd'] as const)('%s files unpack to the same rows', async (compression) => {
  const files = await written({ path: '/out', compression }, [batchOf([records(30_000)])])
  const [rows] = Object.values(files)
  expect(rows).toHaveLength(30_000)
  expect(rows?.at(-1)).toContain('"n":29999')
})

test('a crash at any call leaves whole files only, and the same batch again completes them', async () => {
  const batch = batchOf([records(50)])
  const total = await crashAt(batch, Number.POSITIVE_INFINITY)
  expect(total.calls).toBe(8)
  for (let call = 1; call <= total.calls; call += 1) {
    const after = await crashAt(batch, call)
    expect(after.visibleRows === 0 || after.visibleRows === 50, `call ${call}`).toBe(true)
    expect(after.rowsAtEnd, `call ${call}`).toBe(50)
  }
})

interface Settings {
  readonly path: string
  readonly compression?: 'gzip' | 'zstd'
}

/** Writes batches with a new sink and gives the rows of all visible files by path. */
async function written(settings: Settings, batches: readonly Batch[]): Promise<Record<string, string[]>> {
  const disk = newDisk()
  await write(disk, settings, batches)
  return visible(disk)
}

async function write(disk: SimulatedDisk, settings: Settings, batches: readonly Batch[]): Promise<void> {
  const config = fileSink.config.parse(settings)
  const { runtime } = new World({ seed: 1 }).process('p')
  const context = { name: 'archive', topics: ['things'], folder: '/data' }
  const own: Runtime = { ...runtime, storage: disk.storage() }
  await using sink = await fileSink.open(config, { ...context, runtime: own }, never)
  for (const batch of batches) expect(await sink.write(batch, never)).toEqual([])
}

/** Crashes at a storage call, looks at what is visible, then writes the same batch again as a restart would. */
async function crashAt(batch: Batch, call: number) {
  const disk = newDisk()
  disk.intercept = ({ number }) => (number === call ? 'crash' : 'go')
  const settings = { path: '/out/{topic}' }
  await Promise.race([write(disk, settings, [batch]), disk.whenCrashed()])
  const calls = disk.calls
  const visibleRows = Object.values(visible(disk)).flat().length
  await write(disk, settings, [batch])
  disk.crash()
  return { calls, visibleRows, rowsAtEnd: Object.values(visible(disk)).flat().length }
}

function newDisk(): SimulatedDisk {
  return new SimulatedDisk({ random: new SeededRandom(3, 'disk'), mode: 'hostile' })
}

function visible(disk: SimulatedDisk): Record<string, string[]> {
  const files: Record<string, string[]> = {}
  for (const path of disk.paths()) {
    if (/\/\.[^/]*$/.test(path)) continue
    const bytes = disk.readLive(path) ?? new Uint8Array()
    const plain = path.endsWith('.gz')
      ? gunzipSync(bytes)
      : path.endsWith('.zst')
        ? zstdDecompressSync(bytes)
        : bytes
    files[path] = Buffer.from(plain).toString('utf8').split('\n').slice(0, -1)
  }
  return files
}
