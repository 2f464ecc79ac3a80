// GroupRoom: the memory that the members of all groups take, of both protocols together; a running sum with a bound.

/** A group, as far as its memory goes. */
interface Taking {
  /** Of its members, roughly; 0 without any. */
  readonly memoryBytes: number
}

export class GroupRoom {
  readonly #bytesMax: number
  readonly #taken = new Map<Taking, number>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The members of the group may be others than before, or say something else. */
  count(group: Taking): void {
    this.#set(group, group.memoryBytes)
  }

  /** The group is gone. */
  forget(group: Taking): void {
    this.#set(group, 0)
  }

  /** Whether so many bytes more may be taken. */
  has(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax
  }

  #set(group: Taking, bytes: number): void {
    this.#bytes += bytes - (this.#taken.get(group) ?? 0)
    if (bytes === 0) this.#taken.delete(group)
    else this.#taken.set(group, bytes)
  }
}
