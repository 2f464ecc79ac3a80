// Other people's files: listed, inspected, read by descriptor, and removed with care. Hints come from watch.ts.
import fs from 'node:fs'
import nodePath from 'node:path'
import { LogdriveError } from '../core/errors.ts'
import type {
  DirectoryEntry,
  FileStat,
  FileSystemSpace,
  Files,
  Logger,
  ReadableFile,
  Removal,
} from '../core/runtime.ts'
import { Looks } from './looks.ts'
import { readFully } from './read-fully.ts'
import { watchDirectories } from './watch.ts'

/** The files of this machine; `logger` hears once when change hints are not to be had. */
export function nodeFiles(logger: Logger): Files {
  const looks = new Looks()
  return {
    list: listEntries,
    stat: (path) => statPath(looks, path),
    open: openFile,
    space: spaceOf,
    watch: (directories, hint) => watchDirectories(directories, hint, logger),
    remove: removeFile,
  }
}

/**
 * `Files.remove`. Between the look at the file and `unlink` its name may be given to another file: no system call removes a name
 * only if it leads to a certain file. So the file is held open, and asked afterwards whether it was the one.
 */
export async function removeFile(
  path: string,
  expected: FileStat,
  unlink: (path: string) => Promise<void> = fs.promises.unlink,
): Promise<Removal> {
  try {
    if ((await fs.promises.realpath(path)) !== nodePath.resolve(path)) return 'symbolic_link'
    const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW
    await using file = await fs.promises.open(path, flags)
    const stat = await file.stat({ bigint: true })
    if (!isSame(factsOf(stat), expected)) return 'changed'
    if (stat.nlink !== 1n) return 'hard_link'
    await unlink(path)
    return (await file.stat({ bigint: true })).nlink === 0n ? 'removed' : 'mistaken'
  } catch (error) {
    if (isOneOf(error, ['ENOENT', 'ENOTDIR', 'ELOOP'])) return 'changed'
    throw filesError('remove', path, error)
  }
}

async function listEntries(directory: string): Promise<readonly DirectoryEntry[]> {
  try {
    const entries = await fs.promises.readdir(directory, { withFileTypes: true })
    return entries.map((entry) => ({ name: entry.name, kind: entryKind(entry) }))
  } catch (error) {
    throw filesError('list', directory, error)
  }
}

async function statPath(looks: Looks, path: string): Promise<FileStat | null> {
  try {
    const stat = await looks.stat(path)
    return stat === null ? null : factsOf(stat)
  } catch (error) {
    // ELOOP leads nowhere too.
    if (isOneOf(error, ['ENOENT', 'ENOTDIR', 'ELOOP'])) return null
    throw filesError('stat', path, error)
  }
}

/** O_NONBLOCK: opening a FIFO without a writer would wait for ever; for regular files it changes nothing. */
async function openFile(path: string): Promise<ReadableFile> {
  let fd: number
  try {
    fd = await openDescriptor(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  } catch (error) {
    throw filesError('open', path, error)
  }
  const file = new NodeReadableFile(path, fd)
  try {
    const { kind } = await file.stat()
    if (kind === 'file') return file
    throw new LogdriveError('TYPE_UNSUPPORTED', `open ${path}: not a regular file but a ${kind}`)
  } catch (error) {
    await file[Symbol.asyncDispose]()
    throw error
  }
}

async function spaceOf(path: string): Promise<FileSystemSpace> {
  try {
    const { bsize, blocks, bfree, bavail, files, ffree } = await fs.promises.statfs(path)
    return {
      sizeBytes: blocks * bsize,
      freeBytes: bfree * bsize,
      availableBytes: bavail * bsize,
      inodes: files,
      inodesFree: ffree,
    }
  } catch (error) {
    throw filesError('statfs', path, error)
  }
}

class NodeReadableFile implements ReadableFile {
  readonly #path: string
  readonly #fd: number
  #open = true

  constructor(path: string, fd: number) {
    this.#path = path
    this.#fd = fd
  }

  stat(): Promise<FileStat> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#fd, { bigint: true }, (error, stat) => {
        if (error !== null) reject(filesError('stat', this.#path, error))
        else resolve(factsOf(stat))
      })
    })
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    try {
      return await readFully(this.#fd, position, target)
    } catch (error) {
      throw filesError('read', this.#path, error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await new Promise<void>((resolve, reject) => {
      fs.close(this.#fd, (error) => (error ? reject(filesError('close', this.#path, error)) : resolve()))
    })
  }
}

function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, (error, fd) => (error === null ? resolve(fd) : reject(error)))
  })
}

function entryKind(entry: fs.Dirent): DirectoryEntry['kind'] {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'directory'
  return entry.isSymbolicLink() ? 'link' : 'other'
}

function factsOf(stat: fs.BigIntStats): FileStat {
  return {
    kind: stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other',
    dev: stat.dev,
    ino: stat.ino,
    birthtimeNs: stat.birthtimeNs,
    size: Number(stat.size),
    mtimeMs: Number(stat.mtimeNs / 1000n) / 1000,
  }
}

function isSame(one: FileStat, other: FileStat): boolean {
  const isSameFile = one.dev === other.dev && one.ino === other.ino && one.birthtimeNs === other.birthtimeNs
  const isUnchanged = one.size === other.size && one.mtimeMs === other.mtimeMs
  return one.kind === 'file' && isSameFile && isUnchanged
}

function filesError(verb: string, path: string, error: unknown): LogdriveError {
  if (error instanceof LogdriveError) return error
  // Node repeats verb and path behind a comma.
  const reason = error instanceof Error ? error.message.replace(/, \w+( '.*)?$/s, '') : String(error)
  const message = `cannot ${verb} ${path}: ${reason}`
  const isReadOnly = isOneOf(error, ['EROFS'])
  const options = { cause: error, details: { path, ...(isReadOnly ? { readOnly: true } : {}) } }
  if (isOneOf(error, ['ENOENT', 'ENOTDIR', 'ELOOP'])) return new LogdriveError('NOT_FOUND', message, options)
  if (isReadOnly || isOneOf(error, ['EACCES', 'EPERM'])) {
    const hint =
      verb === 'remove'
        ? 'Give the user that runs the agent the right to write to the folder; see docs/install.md.'
        : 'Give the user that runs the agent the right to read it, such as group adm.'
    return new LogdriveError('FORBIDDEN', message, { ...options, hint })
  }
  if (isOneOf(error, ['EMFILE', 'ENFILE'])) {
    const hint = 'Raise the limit of open files (ulimit -n).'
    return new LogdriveError('OVERLOADED', message, { ...options, hint })
  }
  // A socket or a device without a driver answers ENXIO or ENODEV to open.
  if (isOneOf(error, ['ENXIO', 'ENODEV', 'EISDIR'])) {
    return new LogdriveError('TYPE_UNSUPPORTED', message, options)
  }
  return new LogdriveError('UNAVAILABLE', message, options)
}

function isOneOf(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
