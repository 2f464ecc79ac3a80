// The stdout sink: each record as one JSON line. The smallest sink, and the one to read first.
import { z } from 'zod'
import type { Batch } from '../../core/event-log.ts'
import type { Refusal } from '../../core/flow.ts'
import { defineSink, type OpenSink } from '../define.ts'
import { jsonRow, lineFacts } from '../json-rows.ts'
import { readableParts } from '../refusals.ts'

/** How the lines leave; given by whoever owns the terminal. Resolves when it has taken the text. */
export type WriteText = (text: string) => Promise<void>

/** `type: stdout`, for looking and for pipes. A line may come twice after a crash: a pipe keeps no positions. */
export function stdoutSink(writeText: WriteText) {
  return defineSink({
    type: 'stdout',
    config: z.strictObject({}),
    batching: () => ({ rowsMax: 10_000, bytesMax: 4 * 1024 * 1024, ageMs: 50 }),
    open: async () => new StdoutSink(writeText),
  })
}

class StdoutSink implements OpenSink {
  readonly #writeText: WriteText
  #lines = 0

  constructor(writeText: WriteText) {
    this.#writeText = writeText
  }

  details() {
    return { lines: this.#lines }
  }

  async write(batch: Batch, signal: AbortSignal): Promise<readonly Refusal[]> {
    const refusals: Refusal[] = []
    for await (const part of readableParts(batch, refusals, signal)) {
      const facts = lineFacts(part)
      const rows = Array.from({ length: part.count }, (_, index) => jsonRow(batch, part, index, facts))
      await this.#writeText(`${rows.join('\n')}\n`)
      this.#lines += rows.length
    }
    return refusals
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
