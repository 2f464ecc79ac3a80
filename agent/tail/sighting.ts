// Sighting: a regular file as it was seen under one path. One is kept for each file at rest, as small as it can be.
import path from 'node:path'
import type { FileStat } from '../../core/runtime.ts'
import { locatorKey, locatorOf } from './identity.ts'

/** A path, cut before its last name: the directory's text is shared by all in it. */
export interface Place {
  readonly directory: string
  readonly name: string
}

/** What tells whether the content of a file is another now, as far as a stat can. */
type Content = Pick<FileStat, 'size' | 'mtimeMs'>

/** Path and stat are made when they are asked for: texts and big integers of 20,000 files would be megabytes. */
export class Sighting {
  readonly input: string
  /** The key of its locator. */
  readonly key: string
  readonly size: number
  readonly mtimeMs: number
  readonly #directory: string
  readonly #name: string

  constructor(input: string, { directory, name }: Place, key: string, { size, mtimeMs }: Content) {
    this.input = input
    this.key = key
    this.size = size
    this.mtimeMs = mtimeMs
    this.#directory = directory
    this.#name = name
  }

  static at(input: string, file: string, stat: FileStat): Sighting {
    const place = { directory: path.dirname(file), name: path.basename(file) }
    return new Sighting(input, place, locatorKey(stat), stat)
  }

  get path(): string {
    return joinPlace(this.#directory, this.#name)
  }

  get place(): Place {
    return { directory: this.#directory, name: this.#name }
  }

  get stat(): FileStat {
    return { kind: 'file', ...locatorOf(this.key), size: this.size, mtimeMs: this.mtimeMs }
  }

  /** The same file under the same path with another content. */
  changed(content: Content): Sighting {
    return new Sighting(this.input, this.place, this.key, content)
  }
}

/** Its content is another now, as far as a stat tells. */
export function isChanged(before: Content, now: Content): boolean {
  return before.size !== now.size || before.mtimeMs !== now.mtimeMs
}

/** The path of a name in a directory, as `path.dirname` and `path.basename` cut it. */
export function joinPlace(directory: string, name: string): string {
  return directory === '.' ? name : directory === '/' ? `/${name}` : `${directory}/${name}`
}
