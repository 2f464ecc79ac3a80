// Kept: one value of a log of records by key: what is durable of it, what was last asked for, and where that stands.

/** A value that is written and taken back; null means that there is none. Positions decide what is newer, not answers. */
export class Kept<Value> {
  #durable: Value | null = null
  #latest: Value | null = null
  #writing = 0
  /** The log's offset of the record that holds what is durable; -1 without one. */
  at = -1

  /** What survives a crash. */
  get durable(): Value | null {
    return this.#durable
  }

  /** What will be durable once everything on its way is. */
  get latest(): Value | null {
    return this.#latest
  }

  /** Neither is there anything, nor on its way. */
  get isGone(): boolean {
    return this.#durable === null && this.#latest === null && this.#writing === 0
  }

  /** The record is on its way. */
  begin(value: Value | null): void {
    this.#writing += 1
    this.#latest = value
  }

  /** The record that `begin` spoke of is durable. */
  end(value: Value | null, at: number): void {
    this.#writing -= 1
    this.take(value, at)
  }

  /** The record that `begin` spoke of was not stored: nothing behind it was, either. */
  fail(): void {
    this.#writing -= 1
    if (this.#writing === 0) this.#latest = this.#durable
  }

  /** The same value was written again, at this offset. */
  copied(value: Value, at: number): void {
    if (this.#durable === value) this.at = at
  }

  /** A record is known to be durable at this offset. An older one changes nothing. */
  take(value: Value | null, at: number): void {
    if (at >= this.at) {
      this.#durable = value
      this.at = at
    }
    if (this.#writing === 0) this.#latest = this.#durable
  }
}

/** One value on its way and the record that says it. */
export interface Change<Said> {
  readonly record: Said
  begin(): void
  end(at: number): void
  fail(): void
}

/** Sets a kept value by writing a record. */
export function changeOf<Value, Said>(kept: Kept<Value>, value: Value | null, record: Said): Change<Said> {
  return {
    record,
    begin: () => kept.begin(value),
    end: (at) => kept.end(value, at),
    fail: () => kept.fail(),
  }
}
