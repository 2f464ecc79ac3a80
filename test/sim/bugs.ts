// Planted bugs: wrappers that break one promise each, to prove that the simulation would notice.
import { offsetsTopic } from '../../collector/broker/groups/offsets-log.ts'
import { isCode } from '../../core/errors.ts'
import type { Batch, EventLog } from '../../core/event-log.ts'
import type { Feed } from '../../core/flow.ts'
import type { Http, Storage, StorageFile } from '../../core/runtime.ts'

/** Each of these must be found within the seeds; `none` must survive all of them. */
export const bugNames = [
  'none',
  'acknowledge-before-sync', // the collector's sync does nothing
  'forget-directories', // the collector's syncDirectory does nothing
  'retry-sync', // a failed sync is tried again instead of stopping
  'trust-page-cache', // what a failed sync left in the page cache alone is taken for stored
  'commit-before-write', // a sink's batch is committed before it was written
  'sink-without-sync', // the archive is not synced before its offset is committed
  'believe-silence', // the agent takes "no answer" for "stored"
  'ignore-positions', // the collector stores every batch, also one it has already
  'forget-plans', // plans and offsets of groups are not synced
] as const

export type Bug = (typeof bugNames)[number]

/** The collector's disk, with the bug. */
export function brokenStorage(storage: Storage, bug: Bug): Storage {
  const isBroken = (path: string) =>
    bug === 'acknowledge-before-sync' ||
    bug === 'retry-sync' ||
    (bug === 'trust-page-cache' && path.endsWith('.log')) ||
    (bug === 'sink-without-sync' && path.includes('/archive/')) ||
    (bug === 'forget-plans' && path.includes(offsetsTopic))
  return {
    ...storage,
    async open(path, mode) {
      const file = await storage.open(path, mode)
      return isBroken(path) ? brokenFile(file, bug) : file
    },
    async syncDirectory(directory) {
      if (bug !== 'forget-directories') await storage.syncDirectory(directory)
    },
  }
}

/** The collector's log, with the bug. */
export function brokenLog(log: EventLog, bug: Bug): EventLog {
  let attempts = 0
  return {
    topics: () => log.topics(),
    topic: (name, options) => log.topic(name, options),
    publish: (topic, records, signal) => log.publish(topic, records, signal),
    positions: (source) => log.positions(source),
    async append(request, signal) {
      if (bug !== 'ignore-positions') return log.append(request, signal)
      attempts += 1
      const range = { ...request.range, source: `${request.range.source}-${attempts}`, gap: true }
      const { partition } = await log.append({ ...request, range }, signal)
      return { outcome: 'appended', partition, epoch: request.range.epoch, to: request.range.to }
    },
    async feed(options) {
      const feed = await log.feed(options)
      return bug === 'commit-before-write' ? committing(feed) : feed
    },
  }
}

/** The agent's network, with the bug. */
export function brokenHttp(http: Http, bug: Bug): Http {
  if (bug !== 'believe-silence') return http
  return {
    serve: (address, handler, limits) => http.serve(address, handler, limits),
    async request(request, signal) {
      try {
        return await http.request(request, signal)
      } catch (error) {
        const { 'logdrive-epoch': epoch, 'logdrive-to': to } = request.headers
        if (!isCode(error, 'UNAVAILABLE') || epoch === undefined) throw error
        const body = JSON.stringify({ epoch: Number(epoch), to: Number(to) })
        return { status: 200, headers: {}, body: new TextEncoder().encode(body) }
      }
    },
  }
}

function brokenFile(file: StorageFile, bug: Bug): StorageFile {
  return {
    get size() {
      return file.size
    },
    read: (position, target) => file.read(position, target),
    async write(position, pieces) {
      const end = pieces.reduce((sum, piece) => sum + piece.length, position)
      if (bug !== 'trust-page-cache' || end > file.size) await file.write(position, pieces)
    },
    truncate: (size) => file.truncate(size),
    async sync() {
      if (bug === 'trust-page-cache') return await file.sync()
      if (bug !== 'retry-sync') return
      try {
        await file.sync()
      } catch {
        await file.sync()
      }
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

function committing(feed: Feed<Batch>): Feed<Batch> {
  return {
    async next(signal) {
      const batch = await feed.next(signal)
      await feed.commit(batch, signal)
      return batch
    },
    commit: async () => {},
    [Symbol.asyncDispose]: () => feed[Symbol.asyncDispose](),
  }
}
