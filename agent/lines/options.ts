// What an input is told about its lines beyond parsing: their encoding, and which belong together.
import type { Patterns } from './patterns.ts'
import type { Preset } from './presets.ts'

/** Lines that become one record. */
export interface MultilineOptions {
  /** Presets to join by, or patterns. */
  readonly by: readonly Preset[] | Patterns
  readonly linesMax: number
  readonly bytesMax: number
  readonly waitMs: number
}

export interface FramingOptions {
  /** As `TextDecoder` calls it, or `utf-16`: as the byte order mark says, little end first without one. */
  readonly encoding: string
  readonly multiline: MultilineOptions | null
  /** Lines are those of containers: parts of long messages are joined. */
  readonly container: 'cri' | 'docker' | null
}

/** Lines of parts of messages that become one record, and of other streams between them. */
export const partsMax = 256
/** Bytes of parts of messages that become one record. */
export const partsBytesMax = 1024 * 1024
