// KeptRecords: records of groups that are kept by their keys without being looked into; whoever wrote them reads them.
//
// Keys and values are copies: what is given is a piece of a read of the log, or of Node's pool of buffers (measured: a
// member of a group took 12 kB with what its records held on to, 3 kB since).
import { type Change, changeOf, Kept } from '../kept.ts'
import type { OffsetsRecord } from './offsets-log.ts'

interface Place {
  readonly key: Uint8Array
  readonly kept: Kept<Uint8Array>
}

/** A record that is durable. */
export interface KeptRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export class KeptRecords {
  readonly #groups = new Map<string, Map<string, Place>>()

  /** Groups that have records. */
  names(): Iterable<string> {
    return this.#groups.keys()
  }

  /** What is durable of the group. */
  ofGroup(group: string): readonly KeptRecord[] {
    const places = this.#groups.get(group)?.values() ?? []
    return [...places].flatMap(({ key, kept: { durable: value } }) => (value === null ? [] : { key, value }))
  }

  /** What was read from the log at this offset. */
  restore(group: string, { key, value }: OffsetsRecord, at: number): void {
    this.#place(group, key).kept.take(value && Uint8Array.from(value), at)
    this.sweep(group, [key])
  }

  changes(group: string, records: readonly OffsetsRecord[]): readonly Change<OffsetsRecord>[] {
    return records.map((record) => {
      const value = record.value && Uint8Array.from(record.value)
      return changeOf(this.#place(group, record.key).kept, value, record)
    })
  }

  /** Takes back all that the group has, or is about to have. */
  removal(group: string): readonly Change<OffsetsRecord>[] {
    const places = [...(this.#groups.get(group)?.values() ?? [])]
    const records = places.map(({ key }) => ({ key, value: null }))
    return this.changes(group, records)
  }

  /** Everything that counts, each with who is to hear where its copy stands. */
  *copies(): Generator<{ readonly record: OffsetsRecord; readonly copied: (at: number) => void }> {
    for (const places of this.#groups.values()) {
      for (const { key, kept } of places.values()) {
        const { latest } = kept
        if (latest === null) continue
        yield { record: { key, value: latest }, copied: (at) => kept.copied(latest, at) }
      }
    }
  }

  /** Places that hold nothing any more go. */
  sweep(group: string, keys: readonly Uint8Array[]): void {
    const places = this.#groups.get(group)
    if (places === undefined) return
    for (const key of keys) if (places.get(textOf(key))?.kept.isGone === true) places.delete(textOf(key))
    if (places.size === 0) this.#groups.delete(group)
  }

  #place(group: string, key: Uint8Array): Place {
    const places = this.#groups.get(group) ?? new Map<string, Place>()
    this.#groups.set(group, places)
    const text = textOf(key)
    const place = places.get(text) ?? { key: Uint8Array.from(key), kept: new Kept<Uint8Array>() }
    places.set(text, place)
    return place
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}
