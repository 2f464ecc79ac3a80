// One process a folder: a lock that the kernel releases when its owner dies, however it dies.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { LogdriveError } from '../core/errors.ts'
import { makeFolders } from './make-folders.ts'

/** Locks that are held. A collected database would close and let go, so somebody has to remember it. */
const held = new Set<object>()

/** SQLite's answer when another connection holds the lock. */
const sqliteBusy = 5

/**
 * Takes the folder for this process (made when missing) until disposal or death. Throws DATA_LOCKED, naming the
 * owner. The lock is SQLite's exclusive one, an fcntl lock: it holds across containers that share the folder, and
 * node has no other door to such a lock. Nothing else may ever open `.lock`: closing it would drop the lock.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  await makeFolders(folder).catch((error: unknown) => {
    throw new LogdriveError('FORBIDDEN', `cannot make the folder ${folder}: ${reasonOf(error)}`, {
      cause: error,
      hint: 'Choose another folder, or give the user that runs Logdrive the right to it.',
    })
  })
  // Loaded only here: an idle agent that shares no folder should not carry a database.
  const { DatabaseSync } = await import('node:sqlite')
  const ownerPath = path.join(folder, '.lock-owner')
  try {
    const database = new DatabaseSync(path.join(folder, '.lock'), { timeout: 0 })
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
      const since = new Date().toISOString()
      const owner = { pid: process.pid, host: os.hostname(), since }
      // Only so that others can name the owner: a full disk keeps nobody from starting.
      await fs.promises.writeFile(ownerPath, `${JSON.stringify(owner)}\n`).catch(() => undefined)
    } catch (error) {
      database.close()
      throw error
    }
    held.add(database)
    return {
      async [Symbol.asyncDispose]() {
        if (!held.delete(database)) return
        await fs.promises.rm(ownerPath, { force: true })
        database.close()
      },
    }
  } catch (error) {
    throw lockError(folder, ownerPath, error)
  }
}

function lockError(folder: string, ownerPath: string, error: unknown): LogdriveError {
  if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) {
    const owner = readOwner(ownerPath)
    return new LogdriveError('DATA_LOCKED', `${folder} is in use by ${owner}`, {
      cause: error,
      hint: 'Stop that process, or give this one a folder of its own (data: or agent.state: in the YAML).',
    })
  }
  return new LogdriveError('FORBIDDEN', `cannot lock the folder ${folder}: ${reasonOf(error)}`, {
    cause: error,
    hint: 'The folder must be writable and on a file system with locks (not every NFS has them).',
  })
}

/** What the owner wrote beside the lock; it may be missing for a moment after the lock was taken. */
function readOwner(ownerPath: string): string {
  try {
    const owner: unknown = JSON.parse(fs.readFileSync(ownerPath, 'utf8'))
    if (typeof owner !== 'object' || owner === null) return 'another process'
    const { pid, host } = owner as Partial<Record<'pid' | 'host', unknown>>
    if (!Number.isInteger(pid)) return 'another process'
    return `process ${pid}${typeof host === 'string' ? ` on ${host}` : ''}`
  } catch {
    return 'another process'
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
