// Spool files: the rows of one insert on their way into the engine, in memory (/dev/shm) where there is room.
import { createHash } from 'node:crypto'
import { constants, promises as files, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { EngineError } from './engine.ts'

/** Left free on /dev/shm, so that a large insert does not starve the machine. */
const memoryBytesFree = 256 * 1024 * 1024
/** Pieces are gathered up to this size before they are written. */
const writeBytesMin = 1024 * 1024

export interface SpoolFile extends AsyncDisposable {
  readonly path: string
  readonly bytes: number
  /** Lines that are not empty. */
  readonly lines: number
}

/** Disposing removes the folder in memory: nobody else would. */
export interface Spool extends Disposable {
  /** Writes all pieces to a new file; disposing the file removes it. Throws what the pieces throw. */
  write(pieces: AsyncIterable<Uint8Array>, bytesHint: number): Promise<SpoolFile>
}

/**
 * Prepares both folders and removes what a killed predecessor left there: the folder's name is made from the data
 * folder's path and only one process owns that.
 */
export async function openSpool(dataFolder: string): Promise<Spool> {
  const own = createHash('sha256').update(resolve(dataFolder)).digest('hex').slice(0, 16)
  const memory = await prepare(join('/dev/shm', `logdrive-${own}`), '/dev/shm')
  // file() reads these characters as patterns.
  const plain = /[*?{}[\]]/.test(resolve(dataFolder))
    ? join(tmpdir(), `logdrive-${own}`)
    : join(dataFolder, 'spool')
  const disk = await prepare(resolve(plain), null)
  if (disk === null)
    throw new EngineError(243, `Code: 243. DB::Exception: No spool folder at ${plain}. (NOT_ENOUGH_SPACE)`)
  let count = 0
  return {
    async write(pieces, bytesHint) {
      const folder = memory !== null && (await hasRoom(memory, bytesHint)) ? memory : disk
      count += 1
      return await writeFile(join(folder, `insert-${count}`), pieces)
    },
    [Symbol.dispose]() {
      if (memory !== null) rmSync(memory, { recursive: true, force: true })
    },
  }
}

/** A folder that is ours alone, emptied; null when it cannot be (somebody else made it, no such file system). */
async function prepare(folder: string, parent: string | null): Promise<string | null> {
  try {
    if (parent !== null) await files.access(parent, constants.W_OK)
    await files.mkdir(folder, { recursive: parent === null, mode: 0o700 }).catch(ignoreExisting)
    const stat = await files.lstat(folder)
    if (!stat.isDirectory() || (process.getuid !== undefined && stat.uid !== process.getuid())) return null
    await files.chmod(folder, 0o700)
    for (const name of await files.readdir(folder)) await files.rm(join(folder, name), { force: true })
    return folder
  } catch {
    return null
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

async function hasRoom(folder: string, bytes: number): Promise<boolean> {
  // A folder that somebody swept away has no room either: the disk then serves.
  const facts = await files.statfs(folder).catch(() => null)
  return facts !== null && facts.bavail * facts.bsize >= bytes + memoryBytesFree
}

async function writeFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<SpoolFile> {
  const removal = { [Symbol.asyncDispose]: () => files.rm(path, { force: true }) }
  let bytes = 0
  let lines = 0
  let lineBytes = 0
  try {
    await using handle = await files.open(path, 'wx', 0o600)
    let waiting: Uint8Array[] = []
    let waitingBytes = 0
    const flush = async () => {
      const { bytesWritten } = await handle.writev(waiting)
      if (bytesWritten !== waitingBytes) throw new Error('short write to a spool file')
      waiting = []
      waitingBytes = 0
    }
    for await (const piece of pieces) {
      if (piece.length === 0) continue
      waiting.push(piece)
      waitingBytes += piece.length
      bytes += piece.length
      let from = 0
      for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
        if (lineBytes + end - from > 0) lines += 1
        lineBytes = 0
        from = end + 1
      }
      lineBytes += piece.length - from
      if (waitingBytes >= writeBytesMin) await flush()
    }
    if (waitingBytes > 0) await flush()
  } catch (error) {
    await removal[Symbol.asyncDispose]()
    throw asSpoolError(error)
  }
  return { path, bytes, lines: lines + (lineBytes > 0 ? 1 : 0), ...removal }
}

function asSpoolError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new EngineError(
    243,
    'Code: 243. DB::Exception: No room for the rows of the insert. (NOT_ENOUGH_SPACE)',
  )
}
