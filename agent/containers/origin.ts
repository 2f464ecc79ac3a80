// Origin: what an input knows of its files by their paths: which it means, and what is true of all their lines.
import type { Files } from '../../core/runtime.ts'
import { type Facts, noFacts } from '../parse/facts.ts'

/** What a path says. */
export interface Place {
  /** Where more may be found, such as the name of the container; null: the path says all. */
  readonly more: string | null
  readonly attributes: Facts['attributes']
}

/** Knows one way to lay out the logs of containers. */
export interface Layout {
  /** What a path says; null when it is none of a container. A path is believed for nothing but its own fields. */
  read(path: string): Place | null
  /** More attributes out of the text of `more`; null when it is not as expected. */
  readMore(text: string): Facts['attributes'] | null
  /** A file with these attributes is meant. */
  chooses(attributes: ReadonlyMap<string, string>): boolean
  /** What is chosen depends on `more`. */
  readonly needsMore: boolean
}

type Opening = Pick<Files, 'open'>

/** A longer text beside a log is none of a runtime. */
const moreBytesMax = 1024 * 1024
/** Paths whose facts are remembered. */
const pathsMax = 20_000

export class Origin {
  readonly #layout: Layout
  readonly #known = new Map<string, Facts>()

  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** The file at this path is meant. One of which not enough can be read yet is not, and is asked about again. */
  async means(path: string, files: Opening): Promise<boolean> {
    const place = this.#layout.read(path)
    if (place === null) return false
    if (!this.#layout.needsMore) return this.#layout.chooses(new Map(place.attributes))
    const facts = await this.#learn(path, place, files)
    return facts !== null && this.#layout.chooses(new Map(facts.attributes))
  }

  /** What is true of the lines of the file at this path, as much of it as can be read. */
  async factsOf(path: string, files: Opening): Promise<Facts> {
    const place = this.#layout.read(path)
    if (place === null) return noFacts
    return (await this.#learn(path, place, files)) ?? { attributes: place.attributes, severity: null }
  }

  /** Null when there is more to know and it cannot be read. */
  async #learn(path: string, { attributes, more }: Place, files: Opening): Promise<Facts | null> {
    const known = this.#known.get(path)
    if (known !== undefined) return known
    const others = more === null ? [] : await this.#readMore(more, files)
    if (others === null) return null
    const facts = { attributes: [...attributes, ...others], severity: null }
    if (this.#known.size >= pathsMax) this.#known.clear()
    this.#known.set(path, facts)
    return facts
  }

  async #readMore(path: string, files: Opening): Promise<Facts['attributes'] | null> {
    try {
      await using file = await files.open(path)
      const bytes = Buffer.alloc(moreBytesMax)
      const count = await file.read(0, bytes)
      return count === bytes.length ? null : this.#layout.readMore(bytes.toString('utf8', 0, count))
    } catch {
      // It may be there at the next look; without it the path still says something.
      return null
    }
  }
}
