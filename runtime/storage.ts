// Our own disk through node:fs, by file descriptor: explicit positions, checked counts, named errors.
import fs from 'node:fs'
import path from 'node:path'
import { type ErrorCode, LogdriveError } from '../core/errors.ts'
import type { Storage, StorageFile } from '../core/runtime.ts'
import { DirectWrites } from './direct-writes.ts'
import { makeFolders } from './make-folders.ts'
import { readFully } from './read-fully.ts'

/** The disk of this machine. Paths are relative to the working directory or absolute. */
export const nodeStorage: Storage = {
  open: openFile,

  async list(directory) {
    try {
      return (await fs.promises.readdir(directory)).sort()
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return []
      throw storageError('list', directory, error)
    }
  },

  async makeDirectory(directory) {
    try {
      // The entries of everything just made live in the parents.
      for (const made of await makeFolders(directory)) await syncEntries(path.dirname(made))
    } catch (error) {
      throw storageError('make directory', directory, error)
    }
  },

  async rename(from, to) {
    try {
      await fs.promises.rename(from, to)
    } catch (error) {
      throw storageError('rename', from, error)
    }
  },

  async remove(target) {
    try {
      const kind = await fs.promises.lstat(target)
      if (kind.isDirectory()) await fs.promises.rmdir(target)
      else await fs.promises.unlink(target)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return
      throw storageError('remove', target, error)
    }
  },

  async syncDirectory(directory) {
    try {
      await syncEntries(directory)
    } catch (error) {
      throw storageError('sync directory', directory, error)
    }
  },
}

async function openFile(target: string, mode: 'read' | 'write'): Promise<StorageFile> {
  const flags = mode === 'read' ? fs.constants.O_RDONLY : fs.constants.O_RDWR | fs.constants.O_CREAT
  try {
    const fd = await openDescriptor(target, flags)
    const { size } = await statDescriptor(fd)
    return new NodeFile(target, fd, size)
  } catch (error) {
    throw storageError('open', target, error)
  }
}

/**
 * A write up to this many bytes is made on the spot: into the page cache it takes some 10 us for 64 KiB that were just
 * received, and no hop to another thread, whose core would have to fetch them first. The sync behind it always leaves the
 * thread.
 */
const directBytesMax = 1024 * 1024

/** One open descriptor. Positions are explicit, so calls may overlap as long as their ranges do not. */
class NodeFile implements StorageFile {
  readonly #path: string
  readonly #fd: number
  #size: number
  #open = true
  readonly #direct = new DirectWrites()

  constructor(target: string, fd: number, size: number) {
    this.#path = target
    this.#fd = fd
    this.#size = size
  }

  get size(): number {
    return this.#size
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    try {
      return await readFully(this.#fd, position, target)
    } catch (error) {
      throw storageError('read', this.#path, error)
    }
  }

  async write(position: number, pieces: readonly Uint8Array[]): Promise<void> {
    let total = 0
    for (const piece of pieces) total += piece.byteLength
    if (total === 0) return
    let written = total <= directBytesMax ? this.#writeDirect(position, pieces) : null
    written ??= await this.#writeOnce(position, pieces)
    // A disk with little room takes a part without an error; the next call says why. A whole rest is fine.
    while (written < total) {
      const more = await this.#writeOnce(position + written, skip(pieces, written))
      if (more === 0) {
        const message = `write ${this.#path}: ${written} of ${total} bytes were taken`
        throw new LogdriveError('DISK_FAILED', message, { details: { path: this.#path } })
      }
      written += more
    }
    if (position + total > this.#size) this.#size = position + total
  }

  truncate(size: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#fd, size, (error) => {
        if (error !== null) return reject(storageError('truncate', this.#path, error))
        this.#size = size
        resolve()
      })
    })
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => {
        if (error === null) return resolve()
        // Even ENOSPC is final here: the kernel may have dropped the pages already.
        reject(named('DISK_FAILED', 'sync', this.#path, error))
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return
    this.#open = false
    try {
      await closeDescriptor(this.#fd)
    } catch (error) {
      throw storageError('close', this.#path, error)
    }
  }

  /** Null when the disk was slow lately: then not from this thread. */
  #writeDirect(position: number, pieces: readonly Uint8Array[]): number | null {
    if (!this.#direct.mayWrite()) return null
    const started = performance.now()
    try {
      return fs.writevSync(this.#fd, pieces, position)
    } catch (error) {
      throw storageError('write', this.#path, error)
    } finally {
      this.#direct.took(performance.now() - started)
    }
  }

  #writeOnce(position: number, pieces: readonly Uint8Array[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, count: number) => {
        if (error !== null) reject(storageError('write', this.#path, error))
        else resolve(count)
      }
      const [only] = pieces
      if (pieces.length === 1 && only !== undefined) {
        fs.write(this.#fd, only, 0, only.byteLength, position, done)
      } else {
        fs.writev(this.#fd, pieces, position, done)
      }
    })
  }
}

/** The pieces without their first `count` bytes; views, no copies. */
function skip(pieces: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  const rest: Uint8Array[] = []
  let left = count
  for (const piece of pieces) {
    if (left >= piece.byteLength) left -= piece.byteLength
    else {
      rest.push(left === 0 ? piece : piece.subarray(left))
      left = 0
    }
  }
  return rest
}

async function syncEntries(directory: string): Promise<void> {
  const fd = await openDescriptor(directory, fs.constants.O_RDONLY)
  try {
    await new Promise<void>((resolve, reject) => {
      fs.fsync(fd, (error) => (error === null ? resolve() : reject(error)))
    })
  } finally {
    await closeDescriptor(fd)
  }
}

function openDescriptor(target: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(target, flags, 0o640, (error, fd) => (error === null ? resolve(fd) : reject(error)))
  })
}

function statDescriptor(fd: number): Promise<fs.Stats> {
  return new Promise((resolve, reject) => {
    fs.fstat(fd, (error, stat) => (error === null ? resolve(stat) : reject(error)))
  })
}

function closeDescriptor(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.close(fd, (error) => (error ? reject(error) : resolve()))
  })
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
  ENOENT: 'NOT_FOUND',
  ENOTDIR: 'NOT_FOUND',
  EACCES: 'FORBIDDEN',
  EPERM: 'FORBIDDEN',
  EMFILE: 'OVERLOADED',
  ENFILE: 'OVERLOADED',
}

const hints: Partial<Record<ErrorCode, string>> = {
  DISK_FULL: 'Free space on that disk or shorten the retention; writing resumes by itself.',
  FORBIDDEN: 'Give the user that runs Logdrive the right to that path.',
  OVERLOADED: 'Raise the limit of open files (ulimit -n).',
}

function storageError(verb: string, target: string, error: unknown): LogdriveError {
  if (error instanceof LogdriveError) return error
  // Nothing was begun on a disk that takes no writes; the same from a write or a sync means that one has failed.
  if (verb === 'open' && hasCode(error, 'EROFS')) return named('FORBIDDEN', verb, target, error)
  const code = error instanceof Error && 'code' in error ? codes[String(error.code)] : undefined
  return named(code ?? 'DISK_FAILED', verb, target, error)
}

function named(code: ErrorCode, verb: string, target: string, cause: unknown): LogdriveError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const hint = hints[code]
  return new LogdriveError(code, `${verb} ${target}: ${reason}`, {
    cause,
    details: { path: target },
    ...(hint === undefined ? {} : { hint }),
  })
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
