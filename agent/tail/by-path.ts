// ByPath: a map by path that keeps the text of each directory once.
import path from 'node:path'

export class ByPath<Value> {
  readonly #directories = new Map<string, Map<string, Value>>()

  get(file: string): Value | undefined {
    return this.#directories.get(path.dirname(file))?.get(path.basename(file))
  }

  has(file: string): boolean {
    return this.get(file) !== undefined
  }

  /** What it has at the paths of a directory, by name. */
  in(directory: string): ReadonlyMap<string, Value> {
    return this.#directories.get(directory) ?? new Map()
  }

  /** `name` is kept: not a part of a path, which would keep all of that. */
  set(directory: string, name: string, value: Value): void {
    const names = this.#directories.get(directory)
    if (names === undefined) this.#directories.set(directory, new Map([[name, value]]))
    else names.set(name, value)
  }

  /** Takes another value for a path that it has. */
  replace(file: string, value: Value): void {
    const names = this.#directories.get(path.dirname(file))
    const name = path.basename(file)
    if (names?.has(name)) names.set(name, value)
  }

  /** Directory, name and value of each path, directory after directory. */
  *entries(): Generator<readonly [directory: string, name: string, value: Value]> {
    for (const [directory, names] of this.#directories)
      for (const [name, value] of names) yield [directory, name, value]
  }
}
