// Facts: what an input knows of its lines beside what they say, such as the container they come from.
import type { Severity } from './severity.ts'

/** Attributes of every record, and the severity of lines that have none. One object is good for many batches. */
export interface Facts {
  readonly attributes: readonly (readonly [name: string, value: string])[]
  readonly severity: Severity | null
}

export const noFacts: Facts = { attributes: [], severity: null }
