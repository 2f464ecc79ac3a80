// A stream of node behind ByteStream: nothing more than its own small buffer is read before somebody asks.
import type { Readable } from 'node:stream'
import { LogdriveError } from '../core/errors.ts'
import type { ByteStream } from '../core/runtime.ts'

/** Owns the stream. */
export function byteStream(stream: Readable, what: string): ByteStream {
  return new PulledStream(stream, what)
}

/** Standard input of this process. */
export function standardInput(): ByteStream {
  return byteStream(process.stdin, 'standard input')
}

class PulledStream implements ByteStream {
  readonly #stream: Readable
  #over = false
  #failure: Error | null = null
  #wake: (() => void) | null = null
  readonly #what: string

  constructor(stream: Readable, what: string) {
    this.#stream = stream
    this.#what = what
    const over = () => {
      this.#over = true
      this.#wake?.()
    }
    stream.on('readable', () => this.#wake?.())
    stream.on('error', (error) => {
      this.#failure = error
      over()
    })
    stream.once('end', over)
    stream.once('close', over)
  }

  async read(): Promise<Uint8Array | null> {
    while (true) {
      const chunk: Uint8Array | null = this.#stream.read()
      if (chunk !== null) return chunk
      if (this.#failure !== null) {
        const message = `cannot read ${this.#what}: ${this.#failure.message}`
        throw new LogdriveError('UNAVAILABLE', message, { cause: this.#failure })
      }
      if (this.#over) return null
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.destroy()
    this.#over = true
    this.#wake?.()
  }
}
