// ProducerIds: numbers for producers, never given twice: taken from durable blocks.

import { LogdriveError } from '../../../core/errors.ts'
import type { Storage } from '../../../core/runtime.ts'
import { readState, writeState } from '../../log/state-file.ts'

const fileName = 'producer-ids'
/** Ids of one block; what is left of it at a stop is never given out. */
const blockSize = 1000

/** Reads where the next block begins; `floor` is above every id that the logs know. Throws STATE_CORRUPT. */
export async function openProducerIds(folder: string, floor: number, storage: Storage): Promise<ProducerIds> {
  const value = await readState(storage, folder, fileName, 'producerIds')
  const next = value === null ? 0 : (value as Record<string, unknown>).next
  if (!Number.isSafeInteger(next))
    throw new LogdriveError('STATE_CORRUPT', `${folder}/${fileName} has no number`)
  return new ProducerIds(folder, Math.max(next as number, floor), storage)
}

export class ProducerIds {
  readonly #folder: string
  readonly #storage: Storage
  #next: number
  #blockEnd: number
  #taking: Promise<void> | null = null

  constructor(folder: string, next: number, storage: Storage) {
    this.#folder = folder
    this.#storage = storage
    this.#next = next
    this.#blockEnd = next
  }

  /** An id that nobody has or had. Throws DISK_FULL, DISK_FAILED. */
  async next(): Promise<number> {
    while (this.#next >= this.#blockEnd) {
      this.#taking ??= this.#takeBlock()
      await this.#taking
    }
    this.#next += 1
    return this.#next - 1
  }

  async #takeBlock(): Promise<void> {
    try {
      const end = this.#blockEnd + blockSize
      await writeState(this.#storage, this.#folder, fileName, 'producerIds', { next: end })
      this.#blockEnd = end
    } finally {
      this.#taking = null
    }
  }
}
