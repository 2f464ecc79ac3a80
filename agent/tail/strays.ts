// Strays: files that were rotated out of the globs while nobody followed them, found beside the paths they had.
import type { Runtime } from '../../core/runtime.ts'
import type { Checkpoint } from '../state/checkpoint.ts'
import type { Checkpoints } from '../state/checkpoints.ts'
import { isUnobservable, type Scan } from './discover.ts'
import { Neighbourhood, type Relative } from './relatives.ts'
import type { Sighting } from './sighting.ts'

interface StraysDeps {
  readonly runtime: Pick<Runtime, 'files'>
  readonly checkpoints: Checkpoints
  /** Somebody reads the file, by the key of its locator. */
  isLive(key: string): boolean
  /** Follows a rotated file to its end, known by the path it had when it was written. */
  adopt(relative: Relative, input: string, path: string): void
  /** No way leads to the file. */
  gone(checkpoint: Checkpoint): void
}

export class Strays {
  readonly #deps: StraysDeps

  constructor(deps: StraysDeps) {
    this.#deps = deps
  }

  /**
   * Files of these inputs that were rotated while no agent, or no input of this one, followed them. The last known one of
   * a path is followed even when it was read to its end: as long as it is, files that take its place are looked for.
   */
  async findLost(scan: Scan, inputs: ReadonlySet<string>): Promise<void> {
    const { runtime, checkpoints, adopt, gone } = this.#deps
    const latest = checkpoints.latest(() => true)
    const neighbourhood = new Neighbourhood(runtime.files)
    for (const checkpoint of checkpoints.all) {
      const { key, path, input, position, size, missing } = checkpoint
      if (scan.files.has(key) || !inputs.has(input)) continue
      const { self, later } = await neighbourhood.find(path, checkpoint.locator)
      for (const relative of later) this.adoptLater(relative, input, path)
      const wanted = self !== null && (self.stat.size > position || latest.get(path) === checkpoint)
      if (wanted) adopt(self, input, path)
      const isGone = self === null && !isUnobservable(scan, path)
      if (isGone && size > position && missing === 0) gone(checkpoint)
    }
  }

  /** New files at paths whose last one is followed no more: were others there between, and rotated before any scan? */
  async findBetween(arrived: readonly Sighting[]): Promise<void> {
    const { runtime, checkpoints, isLive } = this.#deps
    const latest = checkpoints.latest(({ key }) => !isLive(key))
    const neighbourhood = new Neighbourhood(runtime.files)
    for (const { path, input } of arrived) {
      const known = latest.get(path)
      if (known === undefined) continue
      const { later } = await neighbourhood.find(path, known.locator)
      for (const relative of later) this.adoptLater(relative, input, path)
    }
  }

  /** Adopts one that came after, unless it was read to its end before and did not change since. */
  adoptLater(relative: Relative, input: string, path: string): void {
    const known = this.#deps.checkpoints.find(relative.stat)
    const { size, mtimeMs } = relative.stat
    if (known === null || known.position !== size || known.mtimeMs !== mtimeMs)
      this.#deps.adopt(relative, input, path)
  }
}
