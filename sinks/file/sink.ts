// The file sink: a planned range of a partition becomes one NDJSON file a folder, visible only when whole and synced.
import { dirname } from 'node:path'
import { z } from 'zod'
import { count, duration, size } from '../../config/fields.ts'
import type { Batch } from '../../core/event-log.ts'
import type { Refusal } from '../../core/flow.ts'
import type { Storage } from '../../core/runtime.ts'
import { defineSink, type OpenSink } from '../define.ts'
import { jsonRow, lineFacts } from '../json-rows.ts'
import { readableParts } from '../refusals.ts'
import { isPathTemplate, type PathTemplate, parsePath, renderPath } from './path.ts'
import { type FileCompression, RowFile } from './writer.ts'

/** Folders that one batch may open at once; rows for more go to the folder of the batch's own time. */
const foldersMax = 64

const config = z.strictObject({
  path: z
    .string()
    .min(1)
    .refine(isPathTemplate, 'unknown field: there are {topic}, {partition}, and {ts:...} with %Y %m %d %H')
    .meta({ description: 'Folder of the files; {topic}, {partition}, {ts:%Y-%m-%d} (UTC: %Y %m %d %H).' }),
  format: z
    .literal('ndjson', { error: formatError })
    .default('ndjson')
    .meta({ description: 'One JSON object a line.' }),
  compression: z
    .enum(['none', 'gzip', 'zstd'])
    .default('none')
    .meta({ description: 'The whole file is packed; its name ends in .gz or .zst.' }),
  rotate: z
    .strictObject({
      rows: count({ min: 1, max: 10_000_000 }).prefault('1M').meta({ description: 'Most rows in a file.' }),
      bytes: size({ min: 1024 }).prefault('128MiB').meta({ description: 'Most unpacked bytes in a file.' }),
      age: duration({ min: 100 })
        .prefault('5m')
        .meta({ description: 'A file is finished this long after its first row.' }),
    })
    .prefault({})
    .meta({ description: 'When a file is finished; the first that is reached counts.' }),
})

/** Formats of the contract that are still to come. */
const formatsNotBuilt = ['csv', 'parquet']

function formatError({ input }: { readonly input?: unknown }): string {
  const isKnown = typeof input === 'string' && formatsNotBuilt.includes(input)
  return isKnown ? `${input} is not built yet: use ndjson` : 'expected ndjson'
}

/** `type: file`: NDJSON files that appear whole or not at all. */
export const fileSink = defineSink({
  type: 'file',
  config,
  batching: ({ rotate }) => ({ rowsMax: rotate.rows, bytesMax: rotate.bytes, ageMs: rotate.age }),
  open: async (settings, { runtime }) =>
    new FileSink(runtime.storage, parsePath(settings.path), settings.compression, settings.path),
})

class FileSink implements OpenSink {
  readonly #storage: Storage
  readonly #template: PathTemplate
  readonly #compression: FileCompression
  readonly #path: string
  readonly #madeFolders = new Set<string>()
  #files = 0

  constructor(storage: Storage, template: PathTemplate, compression: FileCompression, path: string) {
    this.#storage = storage
    this.#template = template
    this.#compression = compression
    this.#path = path
  }

  details() {
    return { path: this.#path, files: this.#files }
  }

  /** The name carries the range, and the range was planned durably: writing it again replaces the same files. */
  async write(batch: Batch, signal: AbortSignal): Promise<readonly Refusal[]> {
    const open = new Map<string, RowFile>()
    try {
      const refusals = await this.#writeRows(batch, open, signal)
      for (const file of open.values()) await file.finish()
      this.#files += open.size
      return refusals
    } catch (error) {
      for (const file of open.values()) await file.abandon()
      throw error
    }
  }

  async #writeRows(batch: Batch, open: Map<string, RowFile>, signal: AbortSignal): Promise<Refusal[]> {
    const refusals: Refusal[] = []
    for await (const part of readableParts(batch, refusals, signal)) {
      const facts = lineFacts(part)
      for (let index = 0; index < part.count; index += 1) {
        const file = await this.#fileFor(batch, part.timestamps[index] ?? 0, open)
        await file.append(jsonRow(batch, part, index, facts))
      }
      signal.throwIfAborted()
    }
    return refusals
  }

  async #fileFor(batch: Batch, timestamp: number, open: Map<string, RowFile>): Promise<RowFile> {
    let folder = renderPath(this.#template, batch.topic, batch.partition, timestamp)
    const known = open.get(folder)
    if (known !== undefined) return known
    if (open.size >= foldersMax) {
      folder = renderPath(this.#template, batch.topic, batch.partition, batch.plannedAt)
      const fallback = open.get(folder)
      if (fallback !== undefined) return fallback
    }
    await this.#makeFolder(folder)
    const file = await RowFile.start(
      this.#storage,
      folder,
      fileName(batch, this.#compression),
      this.#compression,
    )
    open.set(folder, file)
    return file
  }

  /** A new folder is durable only when its parent's entry is; parents up to the first known one are synced too. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#madeFolders.has(folder)) return
    await this.#storage.makeDirectory(folder)
    for (let child = folder; ; child = dirname(child)) {
      const parent = dirname(child)
      if (parent === child || this.#madeFolders.has(child)) break
      await this.#storage.syncDirectory(parent)
      this.#madeFolders.add(child)
      if (parent === '.') break
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const endings: Readonly<Record<FileCompression, string>> = { none: '', gzip: '.gz', zstd: '.zst' }

/** Topic, partition, first and last offset: two files never share a name, and gaps show in a listing. */
function fileName(batch: Batch, compression: FileCompression): string {
  const [first, last] = [batch.firstOffset, batch.lastOffset].map((offset) =>
    String(offset).padStart(20, '0'),
  )
  return `${batch.topic}+${batch.partition}+${first}-${last}.ndjson${endings[compression]}`
}
