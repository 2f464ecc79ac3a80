// Chance from the machine: Math.random for jitter, the kernel's generator for UUIDs.
import { randomUUID } from 'node:crypto'
import type { Random } from '../core/runtime.ts'

/** Not for secrets: `next` is Math.random; `uuid` is cryptographically random. */
export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => randomUUID(),
}
