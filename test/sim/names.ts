// The names of the simulated disk: paths to inodes, with changes that are durable only once synced.
import path from 'node:path'
import type { CrashMode, Inode } from './inode.ts'
import type { SeededRandom } from './random.ts'

/** Names that change together: a rename is one of these; a crash keeps it whole or not at all. */
export interface NameChange {
  readonly directory: string
  readonly entries: readonly (readonly [name: string, inode: Inode | null])[]
}

/** All paths are absolute and normal. Directories themselves are durable at once, as makeDirectory promises. */
export class Names {
  readonly directories = new Set<string>(['/'])
  #live = new Map<string, Inode>()
  readonly #durable = new Map<string, Inode>()
  #unsynced: NameChange[] = []

  find(target: string): Inode | undefined {
    return this.#live.get(target)
  }

  findDurable(target: string): Inode | undefined {
    return this.#durable.get(target)
  }

  paths(): readonly string[] {
    return [...this.#live.keys()].sort()
  }

  inodes(): ReadonlySet<Inode> {
    return new Set(this.#live.values())
  }

  /** Names of files and directories directly in a directory, sorted. */
  list(directory: string): readonly string[] {
    const names: string[] = []
    for (const each of [...this.#live.keys(), ...this.directories]) {
      if (each !== directory && path.dirname(each) === directory) names.push(path.basename(each))
    }
    return names.sort()
  }

  makeDirectory(directory: string): void {
    for (let each = directory; !this.directories.has(each); each = path.dirname(each))
      this.directories.add(each)
  }

  change(change: NameChange): void {
    for (const [name, inode] of change.entries) {
      if (inode === null) this.#live.delete(name)
      else this.#live.set(name, inode)
    }
    this.#unsynced.push(change)
  }

  /** Makes the changes in one directory durable, or all of them. */
  promote(directory: string | null): void {
    const keep: NameChange[] = []
    for (const change of this.#unsynced) {
      if (directory === null || change.directory === directory) this.#harden(change)
      else keep.push(change)
    }
    this.#unsynced = keep
  }

  /** A directory moves with all below it, durably: nothing of ours depends on losing such a move. */
  moveDirectory(from: string, to: string): void {
    this.promote(null)
    const below = (each: string) => each === from || each.startsWith(`${from}/`)
    const moved = (each: string) => to + each.slice(from.length)
    for (const each of [...this.directories].filter(below)) {
      this.directories.delete(each)
      this.directories.add(moved(each))
    }
    for (const names of [this.#live, this.#durable]) {
      for (const [each, inode] of [...names]) {
        if (!below(each)) continue
        names.delete(each)
        names.set(moved(each), inode)
      }
    }
  }

  /** The power goes; returns how many changes did not make it. */
  crash(mode: CrashMode, random: SeededRandom): number {
    let lost = 0
    const kept = random.below(this.#unsynced.length + 1)
    for (const [index, change] of this.#unsynced.entries()) {
      if (mode === 'ordered' ? index < kept : random.chance(0.5)) this.#harden(change)
      else lost += 1
    }
    this.#unsynced = []
    this.#live = new Map(this.#durable)
    return lost
  }

  #harden(change: NameChange): void {
    for (const [name, inode] of change.entries) {
      if (inode === null) this.#durable.delete(name)
      else {
        // A lost rename before this one must not leave the file with two names.
        for (const [other, held] of this.#durable) if (held === inode) this.#durable.delete(other)
        this.#durable.set(name, inode)
      }
    }
  }
}
