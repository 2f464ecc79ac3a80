// A stream of bytes that a test writes: the simulated ByteStream.
import type { ByteStream } from '../../core/runtime.ts'

export class WrittenStream implements ByteStream {
  readonly #chunks: Uint8Array[] = []
  #ended = false
  #wake: (() => void) | null = null
  /** Bytes that were read. */
  taken = 0

  write(text: string): void {
    this.#chunks.push(Buffer.from(text))
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async read(): Promise<Uint8Array | null> {
    while (true) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.taken += chunk.length
        return chunk
      }
      if (this.#ended) return null
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#chunks.length = 0
    this.end()
  }
}
