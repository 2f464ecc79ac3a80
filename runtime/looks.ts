// Looks: the facts of many files, asked of the kernel at once where it answers at once, else through the pool of threads.
import fs from 'node:fs'
import path from 'node:path'

/** A look that takes longer does not come out of the kernel's memory: a disk or a network answers. */
const quickMs = 5
/** Direct looks in a row before one goes through the pool, which lets everything else have its turn. */
const directMax = 256
/** How long a directory is taken for what it was, in ms. */
const believedMs = 250

/**
 * A direct look costs 2 us of CPU, one through the pool 10, but a direct one holds up the process until it is answered,
 * and a network that is away may never answer. So the first look into a directory goes through the pool, and tells
 * whether the next ones are direct.
 */
export class Looks {
  #directory = ''
  #isQuick = false
  #left = 0
  #until = 0
  /** The look that tells what the directory is. */
  #first: Promise<void> | null = null

  /** Null when nothing is there. Throws what `fs` throws. */
  async stat(file: string): Promise<fs.BigIntStats | null> {
    const directory = path.dirname(file)
    while (this.#first !== null && this.#directory === directory) await this.#first
    const isKnown = this.#directory === directory && performance.now() < this.#until
    if (isKnown && !this.#isQuick) return throughPool(file)
    if (!isKnown || this.#left === 0) return this.#look(directory, file)
    this.#left -= 1
    const began = performance.now()
    const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
    this.#isQuick = performance.now() - began < quickMs
    return stat ?? null
  }

  async #look(directory: string, file: string): Promise<fs.BigIntStats | null> {
    this.#directory = directory
    const looking = throughPool(file)
    const began = performance.now()
    const first = looking.then(
      () => {},
      () => {},
    )
    this.#first = first
    await first
    // Somebody may look into another directory by now.
    if (this.#first === first) {
      const now = performance.now()
      this.#first = null
      this.#isQuick = now - began < quickMs
      this.#left = directMax
      this.#until = now + believedMs
    }
    return looking
  }
}

function throughPool(file: string): Promise<fs.BigIntStats | null> {
  return new Promise((resolve, reject) => {
    fs.stat(file, { bigint: true }, (error, stat) => {
      if (error === null) resolve(stat)
      else if (error.code === 'ENOENT' || error.code === 'ENOTDIR') resolve(null)
      else reject(error)
    })
  })
}
