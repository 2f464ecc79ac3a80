// The members of a group of the newer protocol, by id and by instance id, and who of them has which partition.
import { strict as assert } from 'node:assert'
import type { ConsumerMember } from './consumer-member.ts'
import type { PartitionSet } from './partition-set.ts'

export class ConsumerMembers {
  readonly #byId = new Map<string, ConsumerMember>()
  readonly #staticIds = new Map<string, string>()
  readonly #owners = new Map<string, Map<number, string>>()
  #bytes = 0
  #owned = 0

  get size(): number {
    return this.#byId.size
  }

  /** Bytes of what the members say of themselves. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many partitions somebody has. */
  get owned(): number {
    return this.#owned
  }

  find(id: string): ConsumerMember | null {
    return this.#byId.get(id) ?? null
  }

  findStatic(instanceId: string): ConsumerMember | null {
    return this.find(this.#staticIds.get(instanceId) ?? '')
  }

  /** In the order they came. */
  values(): IterableIterator<ConsumerMember> {
    return this.#byId.values()
  }

  /** Nobody reads the partition, or has it to give back. */
  isFree(topicId: string, partition: number): boolean {
    return this.#owners.get(topicId)?.has(partition) !== true
  }

  /** Puts the member in the place of the one with its id. */
  put(member: ConsumerMember): void {
    const before = this.#byId.get(member.id)
    if (before !== undefined) this.#take(before)
    this.#own(member, member.assigned)
    this.#own(member, member.revoking)
    this.#bytes += bytesOf(member)
    this.#byId.set(member.id, member)
    if (member.instanceId !== null) this.#staticIds.set(member.instanceId, member.id)
  }

  remove(member: ConsumerMember): void {
    this.#take(member)
    this.#byId.delete(member.id)
    if (member.instanceId !== null) this.#staticIds.delete(member.instanceId)
  }

  #take(member: ConsumerMember): void {
    this.#bytes -= bytesOf(member)
    for (const set of [member.assigned, member.revoking]) {
      for (const [topicId, partitions] of set) {
        const owners = this.#owners.get(topicId)
        for (const partition of partitions) owners?.delete(partition)
        this.#owned -= partitions.size
        if (owners?.size === 0) this.#owners.delete(topicId)
      }
    }
  }

  #own(member: ConsumerMember, set: PartitionSet): void {
    for (const [topicId, partitions] of set) {
      const owners = this.#owners.get(topicId) ?? new Map<number, string>()
      this.#owners.set(topicId, owners)
      this.#owned += partitions.size
      for (const partition of partitions) {
        assert(!owners.has(partition), 'a partition has one owner')
        owners.set(partition, member.id)
      }
    }
  }
}

/** What a member says of itself, in bytes; all of it is text. */
export function bytesOf({
  topicNames,
  topicRegex,
}: Pick<ConsumerMember, 'topicNames' | 'topicRegex'>): number {
  let bytes = topicRegex.length
  for (const name of topicNames) bytes += name.length
  return bytes
}
