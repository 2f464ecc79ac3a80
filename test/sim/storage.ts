// A simulated disk: what was not synced may be lost, torn or reordered at a crash; calls may fail as disks do.
import path from 'node:path'
import { type ErrorCode, LogdriveError } from '../../core/errors.ts'
import type { Storage, StorageFile } from '../../core/runtime.ts'
import { type CrashMode, Inode } from './inode.ts'
import { Names } from './names.ts'
import type { SeededRandom } from './random.ts'

export type DiskVerb =
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'syncDirectory'

/** One call, numbered from 1 over the life of the disk. */
export interface DiskCall {
  readonly number: number
  readonly verb: DiskVerb
  readonly path: string
}

/** What an interceptor decides: `fail` is DISK_FAILED, `full` is DISK_FULL, `crash` cuts the power before it. */
export type Verdict = 'go' | 'fail' | 'full' | 'crash'

export interface DiskOptions {
  readonly random: SeededRandom
  /**
   * `ordered`: as ext4 does, names in order and every file a prefix of what was written. `hostile`: any subset
   * of what was not synced, in any order, torn anywhere; a name counts only after syncDirectory.
   */
  readonly mode: CrashMode
  /** Latency: a call takes effect when this resolves; at once by default. */
  readonly wait?: (call: DiskCall) => Promise<void>
  /** Told of each fault by kind. */
  readonly count?: (fault: string) => void
}

/** The disk of one simulated machine. It outlives crashes; views of it do not. */
export class SimulatedDisk {
  /** Bytes that fit; writes past it are cut short and answer DISK_FULL. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** Probabilities per call. */
  faults = { read: 0, write: 0, sync: 0 }
  /** Decides about each call before chance does. */
  intercept: ((call: DiskCall) => Verdict) | null = null
  /** Calls so far. */
  calls = 0
  /** May be changed between crashes. */
  mode: CrashMode
  readonly #options: DiskOptions
  readonly #names = new Names()
  #generation = 0
  #crashed = Promise.withResolvers<void>()

  constructor(options: DiskOptions) {
    this.#options = options
    this.mode = options.mode
  }

  /** A view that works until the next crash or kill; after it, its calls never settle. */
  storage(): Storage {
    const turn = this.#turn(this.#generation)
    return {
      open: async (target, mode) => {
        await turn('open', target)
        const inode = this.#open(absolute(target), mode)
        return new SimulatedFile(inode, absolute(target), turn, this)
      },
      list: async (directory) => {
        await turn('list', directory)
        return this.#names.list(absolute(directory))
      },
      makeDirectory: async (directory) => {
        await turn('makeDirectory', directory)
        this.#names.makeDirectory(absolute(directory))
      },
      rename: async (from, to) => {
        await turn('rename', from)
        this.#rename(absolute(from), absolute(to))
      },
      remove: async (target) => {
        await turn('remove', target)
        this.#remove(absolute(target))
      },
      syncDirectory: async (directory) => {
        await turn('syncDirectory', directory)
        if (!this.#names.directories.has(absolute(directory))) throw missing('sync directory', directory)
        this.#names.promote(this.mode === 'ordered' ? null : absolute(directory))
      },
    }
  }

  /** The power goes: views die and only what was synced surely remains. */
  crash(): void {
    this.kill()
    const { random } = this.#options
    this.#count('power cut')
    this.#count('unsynced name lost', this.#names.crash(this.mode, random))
    // After the names: a file whose removal was lost is back, and so are its losses.
    for (const inode of this.#names.inodes())
      this.#count('unsynced write lost', inode.crash(this.mode, random))
  }

  /** The process goes (kill -9): views die, the page cache stays. */
  kill(): void {
    this.#generation += 1
    this.#crashed.resolve()
    this.#crashed = Promise.withResolvers<void>()
  }

  /** Resolves at the next crash or kill: race it against work that may never settle. */
  whenCrashed(): Promise<void> {
    return this.#crashed.promise
  }

  /** What a kernel does by itself at any time: some of the oldest unsynced bytes become durable. */
  writeback(): void {
    for (const inode of this.#names.inodes()) inode.writeback(this.#options.random)
  }

  /** White box: what a file would surely hold after a crash; null when its name is not durable. */
  readDurable(target: string): Uint8Array | null {
    return this.#names.findDurable(absolute(target))?.durable.copy() ?? null
  }

  /** White box: what a reader sees now; null when there is no such file. */
  readLive(target: string): Uint8Array | null {
    return this.#names.find(absolute(target))?.live.copy() ?? null
  }

  /** White box: all file paths, sorted. */
  paths(): readonly string[] {
    return this.#names.paths()
  }

  /** Bit rot: flips bits of a byte at rest. */
  corrupt(target: string, position: number, mask: number): void {
    const inode = this.#names.find(absolute(target))
    if (inode === undefined) throw missing('corrupt', target)
    inode.corrupt(position, mask)
  }

  /** For file handles: writes as far as there is room; a short write throws and leaves its part behind. */
  write(inode: Inode, target: string, position: number, bytes: Uint8Array): void {
    const grows = Math.max(0, position + bytes.byteLength - inode.live.size)
    const room = this.#room()
    const fits = grows <= room ? bytes.byteLength : Math.max(0, bytes.byteLength - (grows - room))
    inode.write(position, bytes.subarray(0, fits))
    if (fits === bytes.byteLength) return
    this.#count('disk full')
    throw trouble('DISK_FULL', 'write', target)
  }

  /** For file handles: a write that the device refused half way; some prefix of it is in the file. */
  failWrite(inode: Inode, position: number, bytes: Uint8Array): void {
    inode.write(position, bytes.subarray(0, this.#options.random.below(bytes.byteLength + 1)))
  }

  /** For file handles. */
  sync(inode: Inode): void {
    inode.sync()
    // ext4 commits its journal with the file, and with it every name so far.
    if (this.mode === 'ordered') this.#names.promote(null)
  }

  /** For file handles. */
  failSync(inode: Inode): void {
    inode.failSync(this.#options.random)
  }

  #turn(generation: number): Turn {
    return async (verb, target) => {
      if (generation !== this.#generation) return never()
      this.calls += 1
      const call = { number: this.calls, verb, path: absolute(target) }
      const verdict = this.#verdict(call)
      if (verdict === 'crash') this.crash()
      await this.#options.wait?.(call)
      if (generation !== this.#generation) return never()
      if (verdict === 'go' || verdict === 'crash') return 'go'
      this.#count(verdict === 'full' ? 'disk full' : `${verb} failed`)
      if (verb === 'write' || verb === 'sync') return verdict
      throw trouble(verdict === 'full' ? 'DISK_FULL' : 'DISK_FAILED', verb, target)
    }
  }

  #verdict(call: DiskCall): Verdict {
    const decided = this.intercept?.(call) ?? 'go'
    if (decided !== 'go') return decided
    const { random } = this.#options
    if (call.verb === 'read' && random.chance(this.faults.read)) return 'fail'
    if (call.verb === 'write' && random.chance(this.faults.write)) return 'fail'
    const syncs = call.verb === 'sync' || call.verb === 'syncDirectory'
    return syncs && random.chance(this.faults.sync) ? 'fail' : 'go'
  }

  #room(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return this.capacityBytes
    let used = 0
    for (const inode of this.#names.inodes()) used += inode.live.size
    return Math.max(0, this.capacityBytes - used)
  }

  #open(target: string, mode: 'read' | 'write'): Inode {
    const existing = this.#names.find(target)
    if (existing !== undefined) return existing
    const { directories } = this.#names
    if (directories.has(target)) throw trouble('DISK_FAILED', 'open', target)
    const directory = path.dirname(target)
    if (mode === 'read' || !directories.has(directory)) throw missing('open', target)
    const inode = new Inode()
    this.#names.change({ directory, entries: [[target, inode]] })
    return inode
  }

  #rename(from: string, to: string): void {
    const { directories } = this.#names
    const directory = path.dirname(to)
    if (!directories.has(directory)) throw missing('rename', to)
    const inode = this.#names.find(from)
    if (inode !== undefined) {
      if (from === to) return
      const entries = [[from, null] as const, [to, inode] as const]
      this.#names.change({ directory, entries })
    } else if (directories.has(from)) this.#names.moveDirectory(from, to)
    else throw missing('rename', from)
  }

  #remove(target: string): void {
    const names = this.#names
    if (names.find(target) !== undefined) {
      names.change({ directory: path.dirname(target), entries: [[target, null]] })
    } else if (names.directories.has(target)) {
      if (names.list(target).length > 0) throw trouble('DISK_FAILED', 'remove (not empty)', target)
      names.promote(target)
      names.directories.delete(target)
    }
  }

  #count(fault: string, times = 1): void {
    for (let i = 0; i < times; i += 1) this.#options.count?.(fault)
  }
}

type Turn = (verb: DiskVerb, target: string) => Promise<'go' | 'fail' | 'full'>

class SimulatedFile implements StorageFile {
  readonly #inode: Inode
  readonly #path: string
  readonly #turn: Turn
  readonly #disk: SimulatedDisk
  #size: number

  constructor(inode: Inode, target: string, turn: Turn, disk: SimulatedDisk) {
    this.#inode = inode
    this.#path = target
    this.#turn = turn
    this.#disk = disk
    this.#size = inode.live.size
  }

  get size(): number {
    return this.#size
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    await this.#turn('read', this.#path)
    return this.#inode.live.read(position, target)
  }

  async write(position: number, pieces: readonly Uint8Array[]): Promise<void> {
    const verdict = await this.#turn('write', this.#path)
    const bytes = Buffer.concat(pieces)
    if (verdict !== 'go') {
      this.#disk.failWrite(this.#inode, position, bytes)
      throw trouble(verdict === 'full' ? 'DISK_FULL' : 'DISK_FAILED', 'write', this.#path)
    }
    this.#disk.write(this.#inode, this.#path, position, bytes)
    this.#size = Math.max(this.#size, position + bytes.byteLength)
  }

  async truncate(size: number): Promise<void> {
    await this.#turn('truncate', this.#path)
    this.#inode.truncate(size)
    this.#size = size
  }

  async sync(): Promise<void> {
    if ((await this.#turn('sync', this.#path)) === 'go') {
      this.#disk.sync(this.#inode)
      return
    }
    this.#disk.failSync(this.#inode)
    throw trouble('DISK_FAILED', 'sync', this.#path)
  }

  /** Closing neither syncs nor fails. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

function absolute(target: string): string {
  return path.posix.resolve('/', target)
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}

function missing(verb: string, target: string): LogdriveError {
  return trouble('NOT_FOUND', verb, target)
}

function trouble(code: ErrorCode, verb: string, target: string): LogdriveError {
  return new LogdriveError(code, `${verb} ${target}: simulated ${code}`, { details: { path: target } })
}
