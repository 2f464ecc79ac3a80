// One file of the simulated disk: what readers see, what is durable, and what lies between.
import { Bytes } from './bytes.ts'
import type { SeededRandom } from './random.ts'

export type CrashMode = 'ordered' | 'hostile'

type Operation =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number }

/** Live bytes, durable bytes, and the operations that are in the first but not yet in the second. */
export class Inode {
  readonly live = new Bytes()
  readonly durable = new Bytes()
  #unsynced: Operation[] = []

  write(position: number, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    const copy = bytes.slice()
    this.live.write(position, copy)
    this.#unsynced.push({ kind: 'write', position, bytes: copy })
  }

  truncate(size: number): void {
    this.live.truncate(size)
    this.#unsynced.push({ kind: 'truncate', size })
  }

  sync(): void {
    for (const operation of this.#unsynced) apply(this.durable, operation)
    this.#unsynced = []
  }

  /** What a kernel does by itself at any time: some of the oldest operations become durable. */
  writeback(random: SeededRandom): void {
    const count = random.below(this.#unsynced.length + 1)
    for (const operation of this.#unsynced.splice(0, count)) apply(this.durable, operation)
  }

  /** fsyncgate: dirty pages are dropped and marked clean; readers still see them, the next sync says fine. */
  failSync(random: SeededRandom): void {
    const kept = random.below(Math.max(1, this.#unsynced.length))
    for (const operation of this.#unsynced.slice(0, kept)) apply(this.durable, operation)
    this.#unsynced = []
  }

  /** The power goes; returns how many operations did not make it. */
  crash(mode: CrashMode, random: SeededRandom): number {
    let lost = 0
    const kept = random.below(this.#unsynced.length + 1)
    for (const [index, operation] of this.#unsynced.entries()) {
      const whole = mode === 'ordered' ? index < kept : random.chance(1 / 3)
      const torn = mode === 'ordered' ? index === kept : random.chance(1 / 2)
      if (whole) apply(this.durable, operation)
      else lost += 1
      if (!whole && torn) this.#tear(operation, mode, random)
    }
    this.#unsynced = []
    // Always: pages that a failed sync marked clean are gone as well.
    this.live.replace(this.durable)
    return lost
  }

  /** Bit rot, in the cache and on the platter. */
  corrupt(position: number, mask: number): void {
    for (const bytes of [this.live, this.durable]) {
      const byte = new Uint8Array(1)
      if (bytes.read(position, byte) === 1) bytes.write(position, Uint8Array.of((byte[0] ?? 0) ^ mask))
    }
  }

  #tear(operation: Operation, mode: CrashMode, random: SeededRandom): void {
    if (operation.kind !== 'write') return
    const cut = random.below(operation.bytes.byteLength)
    // A hostile disk may also keep the end and lose the beginning.
    const from = mode === 'hostile' && random.chance(0.3) ? cut : 0
    const part = from > 0 ? operation.bytes.subarray(from) : operation.bytes.subarray(0, cut)
    if (part.byteLength > 0) this.durable.write(operation.position + from, part)
  }
}

function apply(bytes: Bytes, operation: Operation): void {
  if (operation.kind === 'write') bytes.write(operation.position, operation.bytes)
  else bytes.truncate(operation.size)
}
