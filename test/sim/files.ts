// Other people's files, simulated: inodes, birth times, rotation in all its forms; they survive the agent's crashes.
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { LogdriveError } from '../../core/errors.ts'
import type {
  DirectoryEntry,
  FileStat,
  FileSystemSpace,
  Files,
  Hint,
  ReadableFile,
  Removal,
} from '../../core/runtime.ts'
import { Bytes } from './bytes.ts'
import type { SeededRandom } from './random.ts'

interface LogFile {
  readonly ino: bigint
  readonly birthtimeNs: bigint
  readonly bytes: Bytes
  mtimeMs: number
  links: number
  handles: number
  readable: boolean
  removable: boolean
  looks: Look[]
}

/** How long a reader found a file, and when: one for each time that it was longer than ever. */
export interface Look {
  readonly atMs: number
  readonly size: number
}

export interface FilesOptions {
  readonly random: SeededRandom
  /** Wall-clock ms for birth and modification times. */
  readonly now: () => number
  /** A freed inode number is given to the next new file, as ext4 likes to do. */
  readonly reuseInodes?: boolean
  /** Birth times are 0, as on file systems that have none. */
  readonly birthTimes?: boolean
}

/** Waits for a turn before a call takes effect; at once without a world. */
type Turn = (label: string, ms: number) => Promise<void>

interface Watcher {
  readonly directories: ReadonlySet<string>
  readonly hint: Hint
}

/** The log folders of one machine. Methods are what applications and logrotate do, at once. */
export class SimulatedFiles {
  /** Probability that a read fails with UNAVAILABLE. */
  readFaults = 0
  /** Probability that a change hint is never delivered. */
  hintsLost = 0
  /** Is done between the agent's look at a file and the removal of its name. */
  beforeUnlink: (target: string) => void = () => {}
  /** Calls of the agents, by what they ask for. */
  readonly calls = new Map<string, number>()
  readonly #options: FilesOptions
  readonly #files = new Map<string, LogFile>()
  readonly #directories = new Set<string>(['/'])
  readonly #freed: bigint[] = []
  readonly #watchers = new Set<Watcher>()
  readonly #handles = new Set<() => void>()
  #nextIno = 1000n

  constructor(options: FilesOptions) {
    this.#options = options
  }

  makeDirectory(directory: string): void {
    for (
      let each = path.posix.resolve('/', directory);
      !this.#directories.has(each);
      each = path.dirname(each)
    ) {
      this.#directories.add(each)
      this.#changed(each)
    }
  }

  /** Writes at the end, making the file when it is missing. */
  append(target: string, content: string | Uint8Array): void {
    const file = this.#files.get(target) ?? this.#create(target)
    file.bytes.write(
      file.bytes.size,
      typeof content === 'string' ? new TextEncoder().encode(content) : content,
    )
    this.#touch(target, file)
  }

  /** The name moves; whoever has it open keeps reading. Replaces what had the new name. */
  rename(from: string, to: string): void {
    const file = this.#must(from)
    if (this.#files.has(to)) this.remove(to)
    this.#files.delete(from)
    this.#files.set(to, file)
    this.#changed(from)
    this.#changed(to)
  }

  truncate(target: string, size = 0): void {
    const file = this.#must(target)
    file.bytes.truncate(size)
    file.looks = []
    this.#touch(target, file)
  }

  /** What logrotate's copytruncate does: the content under another inode, then the file is emptied. */
  copyTruncate(target: string, copy: string): void {
    if (this.#files.has(copy)) this.remove(copy)
    this.append(copy, this.#must(target).bytes.copy())
    this.truncate(target)
  }

  remove(target: string): void {
    const file = this.#must(target)
    this.#files.delete(target)
    file.links -= 1
    this.#free(file)
    this.#changed(target)
  }

  /** Another name of the same file. */
  link(from: string, to: string): void {
    const file = this.#must(from)
    file.links += 1
    this.#files.set(to, file)
    this.#changed(to)
  }

  /** Takes or gives the right to remove it. */
  allowRemoval(target: string, removable: boolean): void {
    this.#must(target).removable = removable
  }

  /** Takes or gives the right to open it. */
  allow(target: string, readable: boolean): void {
    this.#must(target).readable = readable
  }

  /** What is in it now; null when there is no such file. */
  content(target: string): Uint8Array | null {
    return this.#files.get(target)?.bytes.copy() ?? null
  }

  /** What readers have seen of its content; goes on when it is renamed or removed. Wall-clock ms. */
  looks(target: string): readonly Look[] {
    return this.#must(target).looks
  }

  /** Somebody has it open. */
  isOpen(target: string): boolean {
    return this.#must(target).handles > 0
  }

  /** How many times somebody has one of them open. */
  get handles(): number {
    return this.#handles.size
  }

  paths(): readonly string[] {
    return [...this.#files.keys()].sort()
  }

  /** The reader died: the kernel closes its handles and forgets its watches. */
  release(): void {
    this.#watchers.clear()
    for (const close of this.#handles) close()
  }

  /** The Files of one incarnation. */
  view(turn: Turn = async () => {}): Files {
    const wait = (verb: string) => {
      this.calls.set(verb, (this.calls.get(verb) ?? 0) + 1)
      return turn(`files ${verb}`, this.#options.random.next() * 0.2)
    }
    return {
      list: async (directory) => {
        await wait('list')
        return this.#list(directory)
      },
      stat: async (target) => {
        await wait('stat')
        const file = this.#files.get(target)
        if (file !== undefined) return this.#facts(file)
        return this.#directories.has(target) ? directoryFacts : null
      },
      open: async (target) => {
        await wait('open')
        return this.#open(target, wait)
      },
      space: async (target) => {
        await wait('statfs')
        if (this.#files.has(target) || this.#directories.has(target)) return simulatedSpace
        throw new LogdriveError('NOT_FOUND', `statfs ${target}: simulated ENOENT`)
      },
      remove: async (target, expected) => {
        await wait('remove')
        return this.#remove(target, expected)
      },
      watch: async (directories, hint) => {
        await wait('watch')
        const deliver: Hint = (directory, name) => {
          void turn('files hint', this.#options.random.next() * 5).then(() => hint(directory, name))
        }
        const watcher = { directories: new Set(directories), hint: deliver }
        this.#watchers.add(watcher)
        const blind: ReadonlySet<string> = new Set()
        return { blind, [Symbol.asyncDispose]: async () => void this.#watchers.delete(watcher) }
      },
    }
  }

  #open(target: string, wait: (verb: string) => Promise<void>): ReadableFile {
    const file = this.#files.get(target)
    if (file === undefined) {
      const code = this.#directories.has(target) ? 'TYPE_UNSUPPORTED' : 'NOT_FOUND'
      throw new LogdriveError(code, `open ${target}: simulated ${code}`)
    }
    if (!file.readable) throw new LogdriveError('FORBIDDEN', `open ${target}: simulated EACCES`)
    file.handles += 1
    const close = () => {
      if (!this.#handles.delete(close)) return
      file.handles -= 1
      this.#free(file)
    }
    this.#handles.add(close)
    return {
      stat: async () => {
        await wait('fstat')
        return this.#facts(file)
      },
      read: async (position, into) => {
        await wait('read')
        if (this.#options.random.chance(this.readFaults)) {
          throw new LogdriveError('UNAVAILABLE', `read ${target}: simulated EIO`)
        }
        const count = file.bytes.read(position, into)
        this.#looked(file, position + count)
        return count
      },
      [Symbol.asyncDispose]: async () => close(),
    }
  }

  #remove(target: string, expected: FileStat): Removal {
    const file = this.#files.get(target)
    if (file === undefined || !isDeepStrictEqual(this.#facts(file), expected)) return 'changed'
    if (file.links > 1) return 'hard_link'
    if (!file.removable) throw new LogdriveError('FORBIDDEN', `remove ${target}: simulated EACCES`)
    this.beforeUnlink(target)
    this.remove(target)
    return file.links === 0 ? 'removed' : 'mistaken'
  }

  #create(target: string): LogFile {
    this.makeDirectory(path.dirname(target))
    const nowMs = this.#options.now()
    const reused = this.#options.reuseInodes === true ? this.#freed.pop() : undefined
    const ino = reused ?? this.#nextIno++
    const birthtimeNs = this.#options.birthTimes === false ? 0n : BigInt(Math.floor(nowMs * 1e6))
    const file: LogFile = {
      ino,
      birthtimeNs,
      bytes: new Bytes(),
      mtimeMs: nowMs,
      links: 1,
      handles: 0,
      readable: true,
      removable: true,
      looks: [],
    }
    this.#files.set(target, file)
    return file
  }

  /** The inode number is free once no name and no reader holds it. */
  #free(file: LogFile): void {
    if (file.links === 0 && file.handles === 0) this.#freed.push(file.ino)
  }

  #must(target: string): LogFile {
    const file = this.#files.get(target)
    if (file === undefined) throw new LogdriveError('NOT_FOUND', `${target}: no such simulated file`)
    return file
  }

  #touch(target: string, file: LogFile): void {
    file.mtimeMs = this.#options.now()
    this.#changed(target)
  }

  #changed(target: string): void {
    const directory = path.dirname(target)
    for (const watcher of this.#watchers) {
      if (!watcher.directories.has(directory)) continue
      if (!this.#options.random.chance(this.hintsLost)) watcher.hint(directory, path.basename(target))
    }
  }

  #list(directory: string): readonly DirectoryEntry[] {
    if (!this.#directories.has(directory)) {
      throw new LogdriveError('NOT_FOUND', `list ${directory}: simulated ENOENT`)
    }
    const entries: DirectoryEntry[] = []
    for (const each of this.#files.keys()) {
      if (path.dirname(each) === directory) entries.push({ name: path.basename(each), kind: 'file' })
    }
    for (const each of this.#directories) {
      if (each !== '/' && path.dirname(each) === directory) {
        entries.push({ name: path.basename(each), kind: 'directory' })
      }
    }
    return entries
  }

  #looked({ looks }: LogFile, size: number): void {
    if (size > (looks.at(-1)?.size ?? 0)) looks.push({ atMs: this.#options.now(), size })
  }

  #facts(file: LogFile): FileStat {
    const { ino, birthtimeNs, bytes, mtimeMs } = file
    this.#looked(file, bytes.size)
    return { kind: 'file', dev: 1n, ino, birthtimeNs, size: bytes.size, mtimeMs }
  }
}

const directoryFacts: FileStat = {
  kind: 'directory',
  dev: 1n,
  ino: 2n,
  birthtimeNs: 0n,
  size: 0,
  mtimeMs: 0,
}

const simulatedSpace: FileSystemSpace = {
  sizeBytes: 1000,
  freeBytes: 400,
  availableBytes: 300,
  inodes: 50,
  inodesFree: 40,
}

/** A machine without log files. */
export const noFiles: Files = {
  list: async (directory) => {
    throw new LogdriveError('NOT_FOUND', `list ${directory}: there are no files here`)
  },
  stat: async () => null,
  open: async (target) => {
    throw new LogdriveError('NOT_FOUND', `open ${target}: there are no files here`)
  },
  space: async (target) => {
    throw new LogdriveError('NOT_FOUND', `statfs ${target}: there are no files here`)
  },
  watch: async () => ({ blind: new Set(), async [Symbol.asyncDispose]() {} }),
  remove: async () => 'changed',
}
