// GroupRoom: the memory that the members of all groups take, of both protocols together; a running sum with a bound.

export class GroupRoom {
  readonly #bytesMax: number
  readonly #taken = new Map<object, number>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** What the members of a group take now, in bytes; 0 when the group is gone. */
  set(members: object, bytes: number): void {
    this.#bytes += bytes - (this.#taken.get(members) ?? 0)
    if (bytes === 0) this.#taken.delete(members)
    else this.#taken.set(members, bytes)
  }

  /** Whether so many bytes more may be taken. */
  has(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax
  }
}
