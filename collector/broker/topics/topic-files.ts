// Topic files: the folder of a topic, its topic.json, and what is done with folders that cannot be read.
import { isCode, LogdriveError } from '../../../core/errors.ts'
import type { Storage } from '../../../core/runtime.ts'
import { readWhole } from '../../log/state-file.ts'
import { type ConfigOverrides, isTopicConfig } from './topic-configs.ts'

/** What `topic.json` holds. */
export interface TopicRecord {
  readonly version: 2
  /** A UUID, new each time a topic is made. */
  readonly id: string
  readonly name: string
  readonly partitions: number
  /** What differs from the broker's defaults. */
  readonly configs: ConfigOverrides
  /** Wall-clock ms. */
  readonly createdAt: number
}

export const partitionsMax = 1024
const fileName = 'topic.json'
const fileBytesMax = 64 * 1024

/** Throws TOPIC_NAME_INVALID unless Kafka and every file system take the name. */
export function checkTopicName(name: string): void {
  if (isTopicName(name)) return
  throw new LogdriveError('TOPIC_NAME_INVALID', `${JSON.stringify(name.slice(0, 300))} is not a topic name`, {
    hint: 'Use 1 to 249 of A-Z, a-z, 0-9, dot, underscore and hyphen; not "." or "..".',
  })
}

function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}

/** Writes the record durably: aside, synced, renamed. */
export async function writeTopicRecord(
  storage: Storage,
  directory: string,
  record: TopicRecord,
): Promise<void> {
  const aside = `${directory}/${fileName}.tmp`
  {
    await using file = await storage.open(aside, 'write')
    await file.truncate(0)
    await file.write(0, [new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`)])
    await file.sync()
  }
  await storage.rename(aside, `${directory}/${fileName}`)
  await storage.syncDirectory(directory)
}

/**
 * The record of a topic's folder; a sentence saying what is wrong with it (what is no folder of ours at all included:
 * `lost+found`, a stray file); or null for a folder that holds nothing.
 */
export async function readTopicRecord(
  storage: Storage,
  directory: string,
  name: string,
): Promise<TopicRecord | string | null> {
  if (!isTopicName(name)) return 'no topic can have this name'
  const bytes = await readWhole(storage, `${directory}/${fileName}`, fileBytesMax).catch((error: unknown) => {
    if (isCode(error, 'STATE_CORRUPT')) return error.message
    throw error
  })
  if (typeof bytes === 'string') return bytes
  if (bytes === null) {
    const names = await listFolder(storage, directory)
    if (names === null) return 'it is no folder'
    // Making the topic did not get far enough to put anything in.
    return names.every((entry) => entry === `${fileName}.tmp`) ? null : 'topic.json is missing'
  }
  try {
    const record = recordOf(JSON.parse(new TextDecoder().decode(bytes)))
    if (record === null) return 'topic.json does not hold what it should'
    return record.name === name ? record : `topic.json is that of ${JSON.stringify(record.name)}`
  } catch {
    return 'topic.json is not JSON'
  }
}

/** Null for something that is no folder. */
async function listFolder(storage: Storage, path: string): Promise<readonly string[] | null> {
  try {
    return await storage.list(path)
  } catch (error) {
    if (isCode(error, 'NOT_FOUND')) return null
    throw error
  }
}

/** Removes a topic's folder that was renamed aside for it. Only names that we give are touched, and no stray files. */
export async function removeTopicFolder(storage: Storage, directory: string): Promise<void> {
  const entries = await listFolder(storage, directory)
  if (entries === null) return
  for (const entry of entries) {
    if (/^[0-9]+$/.test(entry)) await removePartitionFolder(storage, `${directory}/${entry}`)
    else await storage.remove(`${directory}/${entry}`)
  }
  await storage.remove(directory)
}

async function removePartitionFolder(storage: Storage, directory: string): Promise<void> {
  for (const entry of await storage.list(directory)) {
    const path = `${directory}/${entry}`
    if (entry === 'quarantine') {
      for (const copy of await storage.list(path)) await storage.remove(`${path}/${copy}`)
    }
    await storage.remove(path)
  }
  await storage.remove(directory)
}

/** The record in a value of either version, or null. Version 1 had the two limits of retention and no other config. */
function recordOf(value: unknown): TopicRecord | null {
  if (typeof value !== 'object' || value === null) return null
  const { version, id, name, partitions, createdAt, ...rest } = value as Record<string, unknown>
  if (typeof id !== 'string' || typeof name !== 'string' || typeof createdAt !== 'number') return null
  if (!Number.isInteger(partitions) || (partitions as number) < 1 || (partitions as number) > partitionsMax)
    return null
  const configs = version === 1 ? configsOfLimits(rest) : version === 2 ? configsOf(rest.configs) : null
  if (configs === null) return null
  return { version: 2, id, name, partitions: partitions as number, configs, createdAt }
}

function configsOfLimits(limits: Record<string, unknown>): ConfigOverrides | null {
  const { retentionMs, retentionBytes } = limits
  const isLimit = (limit: unknown) => limit === null || (Number.isFinite(limit) && (limit as number) > 0)
  if (!isLimit(retentionMs) || !isLimit(retentionBytes)) return null
  return { 'retention.ms': String(retentionMs ?? -1), 'retention.bytes': String(retentionBytes ?? -1) }
}

/** A config that this version does not know (a newer one wrote it) is left out, not the whole topic. */
function configsOf(value: unknown): ConfigOverrides | null {
  if (typeof value !== 'object' || value === null) return null
  const entries = Object.entries(value).filter(([name]) => isTopicConfig(name))
  return entries.every(([, config]) => typeof config === 'string') ? Object.fromEntries(entries) : null
}
