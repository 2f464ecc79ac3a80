// Content of one file of the model: its lines, and how much of it the agent must know of, by what it was shown.
import type { Look } from '../sim/files.ts'

/** What an agent has seen for so long is in its state folder. */
const keptAfterMs = 2500

export interface Line {
  readonly text: string
  /** Where it begins. */
  readonly at: number
  /** Nobody can say whether the agent could read it. */
  lost: boolean
}

interface Bounds {
  readonly least: number
  readonly most: number
}

/** The content of one file, wherever that is. Times are wall-clock ms. */
export class Content {
  readonly lines: Line[] = []
  /** Only a handle of the agent leads to it: it is lost when that is closed by its death. */
  isOrphan = false
  /** The file was truncated. */
  isCut = false
  readonly #looks: readonly Look[]
  /** Those of earlier lives of the agent. */
  #looksBefore = 0
  #known: Bounds = { least: 0, most: 0 }
  #length = 0

  /** `looks`: what readers see of it, as that grows. */
  constructor(looks: readonly Look[]) {
    this.#looks = looks
  }

  /** Takes over bytes that were written at its end, where lines end that begin in it. */
  append(bytes: string, texts: readonly string[]): readonly Line[] {
    this.#length += bytes.length
    let at = this.#length - texts.reduce((sum, text) => sum + text.length + 1, 0)
    const lines: Line[] = []
    for (const text of texts) {
      lines.push({ text, at, lost: false })
      at += text.length + 1
    }
    this.lines.push(...lines)
    return lines
  }

  /** The agent knows only what it had written down; `now` is null where nobody can say what that is. */
  agentDied(now: number | null): void {
    this.#known = this.#knownAt(now === null ? Number.NEGATIVE_INFINITY : now - keptAfterMs)
    this.#looksBefore = this.#looks.length
  }

  /** How many bytes of lines that are not among the `arrived` the agent knows of. */
  missing(arrived: ReadonlySet<string>, now: number): Bounds {
    const known = this.#knownAt(now)
    let [least, most] = [0, 0]
    for (const { text, at } of this.lines) {
      if (arrived.has(text)) continue
      least += Math.min(text.length + 1, Math.max(0, known.least - at))
      most += Math.min(text.length + 1, Math.max(0, known.most - at))
    }
    return { least, most }
  }

  /** How long it is by what the agent surely knew at a time, and by all that it was ever shown. */
  #knownAt(time: number): Bounds {
    const now = this.#looks.slice(this.#looksBefore)
    const least = now.findLast(({ atMs }) => atMs <= time)?.size ?? 0
    const most = now.at(-1)?.size ?? 0
    return { least: Math.max(this.#known.least, least), most: Math.max(this.#known.most, most) }
  }
}
