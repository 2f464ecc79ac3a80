// The recorder of a run: what clients did and saw, for the checker, and what may never be seen at all.
import type { GroupEvent } from '../checker/groups.ts'
import { type Operation, operation, type Step, type Verb } from '../checker/history.ts'
import { type FetchedPartition, type Isolation, keyOf } from '../kafka-client/consumer.ts'

/** An operation that has begun; without an end its outcome is `info`. */
export interface Pending {
  readonly process: string
  readonly verb: Verb
  readonly steps: Step[]
}

/** Records after which a sentence about the same thing is not kept again. */
const troublesMax = 50

export class Recorder {
  readonly operations: Operation[] = []
  readonly groupEvents: GroupEvent[] = []
  /** Sentences about what must not be. */
  readonly troubles: string[] = []
  readonly #pending = new Set<Pending>()
  readonly #batches = new Map<string, string>()
  readonly #highWatermarks = new Map<string, number>()
  readonly #lastStableOffsets = new Map<string, number>()
  #value = 0

  /** A value that nobody sent yet. */
  nextValue(): number {
    this.#value += 1
    return this.#value
  }

  /** Values handed out so far. */
  get values(): number {
    return this.#value
  }

  begin(process: string, verb: Verb, steps: readonly Step[] = []): Pending {
    const pending = { process, verb, steps: [...steps] }
    this.#pending.add(pending)
    return pending
  }

  end(pending: Pending, outcome: Operation['outcome'], steps: readonly Step[] = pending.steps): void {
    if (!this.#pending.delete(pending)) return
    this.operations.push(operation({ ...pending, steps, outcome }))
  }

  /** A client took partitions: by itself, or by its group. */
  take(process: string, verb: 'assign' | 'subscribe', keys: readonly string[]): void {
    this.operations.push(operation({ process, verb, keys }))
  }

  /** A client died, or begins to read anew. */
  crash(process: string): void {
    for (const pending of this.#pending) if (pending.process === process) this.end(pending, 'info')
    this.operations.push(operation({ process, verb: 'crash' }))
  }

  /** What is under way now has no known end. */
  close(): void {
    for (const pending of this.#pending) this.end(pending, 'info')
  }

  trouble(sentence: string): void {
    if (this.troubles.length < troublesMax) this.troubles.push(sentence)
  }

  /** What every answer after now must reach: call it before a fetch and give the result to `fetched`. */
  floor(): ReadonlyMap<string, number> {
    return new Map(this.#highWatermarks)
  }

  /** Checks an answer against everything that anybody was told before. */
  fetched(
    process: string,
    part: FetchedPartition,
    floor: ReadonlyMap<string, number>,
    isolation: Isolation,
  ): void {
    const key = keyOf(part)
    const { highWatermark, lastStableOffset, seen, errorCode } = part
    if (errorCode !== 0) {
      // Nothing is ever deleted here: an offset that was there is there.
      if (errorCode === 1) this.trouble(`${process}: ${key} is out of range at ${seen.position}`)
      return
    }
    const before = floor.get(key) ?? 0
    if (highWatermark < before)
      this.trouble(`${key}: the high watermark fell from ${before} to ${highWatermark}`)
    this.#highWatermarks.set(key, Math.max(this.#highWatermarks.get(key) ?? 0, highWatermark))
    if (lastStableOffset > highWatermark)
      this.trouble(`${key}: stable up to ${lastStableOffset}, high watermark ${highWatermark}`)
    this.#lastStableOffsets.set(key, lastStableOffset)
    const bound = isolation === 'read_committed' ? lastStableOffset : highWatermark
    for (const { baseOffset, lastOffset, fingerprint } of seen.batches) {
      if (lastOffset >= bound) this.trouble(`${key}@${lastOffset} was read beyond ${bound} (${isolation})`)
      const place = `${key}@${baseOffset}`
      const known = this.#batches.get(place)
      const now = `${fingerprint}-${lastOffset}`
      if (known === undefined) this.#batches.set(place, now)
      else if (known !== now) this.trouble(`${place} was ${known} and is ${now}`)
    }
  }
}
