// An application under the agent's eyes: writes numbered lines, stops in the middle of one, rotates, truncates, deletes.
import type { SimulatedFiles } from './files.ts'
import type { SeededRandom } from './random.ts'

/** What one file held between its beginning and its end (or truncation): its lines belong together, in order. */
export interface Stretch {
  readonly name: string
  readonly lines: string[]
}

/** A file as the application knows it. */
interface Written {
  path: string
  stretch: Stretch
}

export interface ApplicationOptions {
  readonly name: string
  readonly directory: string
  readonly files: SimulatedFiles
  readonly random: SeededRandom
  /** The agent got an acknowledgement for this line: whoever deletes before loses by their own hand. */
  readonly isAcknowledged: (line: string) => boolean
  readonly count: (action: string) => void
}

/** Lines are unique over the whole run: the application's name, a number, and padding. */
export class Application {
  /** Everything ever written, in order within each stretch. */
  readonly stretches: Stretch[] = []
  readonly #options: ApplicationOptions
  #current: Written
  #rotated: Written[] = []
  #number = 0
  #rotations = 0
  /** The rest of a line that was begun. */
  #unfinished: { readonly line: string; readonly rest: string } | null = null

  constructor(options: ApplicationOptions) {
    this.#options = options
    this.#current = { path: this.#path, stretch: this.#begin() }
  }

  /** One thing that applications and logrotate do. */
  step(): void {
    const { random } = this.#options
    const dice = random.next()
    if (this.#unfinished !== null) this.#finish()
    else if (dice < 0.72) this.#write(1 + random.below(random.chance(0.1) ? 60 : 6))
    else if (dice < 0.82) this.#startLine()
    else if (dice < 0.9) this.#rotate()
    else if (dice < 0.95) this.#truncate()
    else this.#delete()
  }

  /** Finishes what was begun: the application ends. */
  end(): void {
    if (this.#unfinished !== null) this.#finish()
  }

  get #path(): string {
    return `${this.#options.directory}/${this.#options.name}.log`
  }

  #write(count: number): void {
    let text = ''
    for (let i = 0; i < count; i += 1) {
      const line = this.#nextLine()
      this.#current.stretch.lines.push(line)
      text += `${line}\n`
    }
    this.#options.files.append(this.#current.path, text)
  }

  #startLine(): void {
    const line = this.#nextLine()
    const cut = 1 + this.#options.random.below(line.length)
    this.#options.files.append(this.#current.path, line.slice(0, cut))
    this.#unfinished = { line, rest: `${line.slice(cut)}\n` }
    this.#options.count('partial line')
  }

  #finish(): void {
    if (this.#unfinished === null) return
    const { line, rest } = this.#unfinished
    this.#unfinished = null
    this.#options.files.append(this.#current.path, rest)
    this.#current.stretch.lines.push(line)
  }

  /** Renames the file away; the next write makes a new one. */
  #rotate(): void {
    const { files, count } = this.#options
    if (files.content(this.#current.path) === null) return
    // A path's very first file may not leave it unseen: nothing would tell an agent that it ever was.
    if (this.#rotations === 0 && !this.#isSafe(this.#current.stretch)) return
    this.#rotations += 1
    const path = `${this.#path}.${this.#rotations}`
    files.rename(this.#current.path, path)
    this.#rotated.push({ path, stretch: this.#current.stretch })
    this.#current = { path: this.#path, stretch: this.#begin() }
    count('rotation')
  }

  /** Empties the file in place, once nothing in it can be lost. */
  #truncate(): void {
    const { files, count } = this.#options
    const { path, stretch } = this.#current
    if (files.content(path) === null || !this.#isSafe(stretch)) return
    files.truncate(path)
    this.#current = { path, stretch: this.#begin() }
    count('truncation')
    // Sometimes the new content is there, and longer, before anybody looks.
    if (this.#options.random.chance(0.5)) this.#write(stretch.lines.length + 1)
  }

  /** Deletes rotated files that were acknowledged to the last line: now the collector has the only copy. */
  #delete(): void {
    const { files, count } = this.#options
    this.#rotated = this.#rotated.filter((written) => {
      if (!this.#isSafe(written.stretch)) return true
      files.remove(written.path)
      count('deletion')
      return false
    })
  }

  #isSafe(stretch: Stretch): boolean {
    return stretch.lines.every(this.#options.isAcknowledged)
  }

  #begin(): Stretch {
    const stretch = { name: `${this.#options.name}/${this.stretches.length}`, lines: [] }
    this.stretches.push(stretch)
    return stretch
  }

  #nextLine(): string {
    this.#number += 1
    const { name, random } = this.#options
    return `${name} ${this.#number} ${'abcdefgh'.repeat(random.below(random.chance(0.05) ? 200 : 8))}`
  }
}
