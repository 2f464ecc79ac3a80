// File systems in files: an ext4 image inside an XFS image with shared extents; copying the inner one cuts the power.
//
// A clone of the inner image by reference is atomic and takes milliseconds: it is what the disk would hold had the
// machine lost its power at that moment, while the live system goes on. Mounting the clone replays the journal of ext4
// as a reboot does. Writes reach the image in the order they were issued: a disk that reorders is simulated elsewhere.
import { spawnSync } from 'node:child_process'
import {
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const prefix = 'logdrive-power-cut-'
const outerBytes = 3 * 1024 ** 3
const innerBytes = 512 * 1024 ** 2

/** The two images, mounted. Disposal unmounts and removes everything. Throws, with the reason, where that cannot be done. */
export class Images implements Disposable {
  readonly folder: string
  /** The mounted inner file system: where the collector's data goes. */
  readonly data: string
  readonly #outer: string
  #cuts = 0

  constructor() {
    removeLeftovers()
    if (process.getuid?.() !== 0) throw new Error('mounting needs root')
    this.folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
    this.#outer = join(this.folder, 'outer')
    this.data = join(this.folder, 'data')
    try {
      const outerImage = join(this.folder, 'outer.img')
      makeFile(outerImage, outerBytes)
      run('mkfs.xfs', ['-q', '-m', 'reflink=1', outerImage])
      mount(outerImage, this.#outer)
      const innerImage = join(this.#outer, 'inner.img')
      makeFile(innerImage, innerBytes)
      run('mkfs.ext4', ['-q', '-F', innerImage])
      mount(innerImage, this.data)
      // The first clone tells whether the kernel can do it at all.
      this.cut()[Symbol.dispose]()
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** Cuts the power now and comes up again beside the live system. */
  cut(): PowerCut {
    this.#cuts += 1
    const image = join(this.#outer, `crash-${this.#cuts}.img`)
    const path = join(this.folder, `crash-${this.#cuts}`)
    copyFileSync(join(this.#outer, 'inner.img'), image, constants.COPYFILE_FICLONE_FORCE)
    mount(image, path)
    return {
      path,
      [Symbol.dispose]() {
        unmount(path)
        rmSync(path, { recursive: true, force: true })
        rmSync(image, { force: true })
      },
    }
  }

  [Symbol.dispose](): void {
    remove(this.folder)
  }
}

/** What a machine finds after the power came back. */
export interface PowerCut extends Disposable {
  readonly path: string
}

/** A tmpfs of its own, unmounted and removed at disposal. Throws, with the reason, where it cannot be mounted. */
export function mountTmpfs(
  bytes: number,
): { readonly path: string; resize(bytes: number): void } & Disposable {
  removeLeftovers()
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
  const path = join(folder, 'small')
  try {
    mkdirSync(path)
    run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  } catch (error) {
    remove(folder)
    throw error
  }
  return {
    path,
    resize: (size) => run('mount', ['-o', `remount,size=${size}`, path]),
    [Symbol.dispose]: () => remove(folder),
  }
}

/** Mounts of test processes that were killed and could not clean up after themselves. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue
    const pid = Number(name.slice(prefix.length).split('-')[0])
    if (!isAlive(pid)) remove(join(tmpdir(), name))
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Unmounts whatever is mounted below the folder, innermost first, and removes it. */
function remove(folder: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
  for (const path of mounts.reverse()) unmount(path)
  rmSync(folder, { recursive: true, force: true })
}

function mount(image: string, path: string): void {
  mkdirSync(path, { recursive: true })
  run('mount', ['-o', 'loop', image, path])
}

/** mount(8) attaches the loop device so that it goes with the last unmount. */
function unmount(path: string): void {
  if (spawnSync('umount', [path]).status === 0) return
  // Somebody still has a file open there: the rest goes when they do.
  run('umount', ['-l', path])
}

function makeFile(path: string, bytes: number): void {
  writeFileSync(path, '')
  truncateSync(path, bytes)
}

function run(command: string, args: readonly string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8' })
  if (done.error !== undefined) throw new Error(`${basename(command)}: ${done.error.message}`)
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stderr.trim()}`)
}
