// DirectWrites: whether the next write to a file may be made on the spot, by how long the last such ones took.

/** A write on the spot that took this long met a disk that holds writers up, or lost its core for a while. */
const slowMs = 2
/** What the hop to another thread and back costs a write where cores are busy (measured: 0.18 for 200 kB, of it 0.03 CPU). */
const hopMs = 0.15
const pauseWritesMax = 1000

/**
 * Of one file. After a slow write as many go to another thread as cost together what it has cost: a short while where it
 * only lost its core, a long one for a disk that holds writers up again and again.
 */
export class DirectWrites {
  #pause = 0

  /** Asked once for each write. */
  mayWrite(): boolean {
    if (this.#pause === 0) return true
    this.#pause -= 1
    return false
  }

  /** Told how long a write on the spot took. */
  took(ms: number): void {
    if (ms > slowMs) this.#pause = Math.min(pauseWritesMax, Math.ceil(ms / hopMs))
  }
}
