// A sink that posts every batch as a JSON array to a URL: your first sink, in forty lines.
import { z } from 'zod'
import { LogdriveError } from '../core/errors.ts'
import { type Refusal, Rejected } from '../core/flow.ts'
import { defineSink } from '../sinks/define.ts'
import { jsonRow, lineFacts } from '../sinks/json-rows.ts'
import { unreadableRefusal } from '../sinks/refusals.ts'

export const webhookSink = defineSink({
  type: 'webhook',
  config: z.strictObject({ url: z.url(), rows: z.int().min(1).default(500) }),
  batching: ({ rows }) => ({ rowsMax: rows, bytesMax: 1024 * 1024, ageMs: 1_000 }),
  open: async ({ url }, { runtime }) => ({
    details: () => ({ url }),
    async write(batch, signal) {
      const rows: string[] = []
      const refusals: Refusal[] = []
      for await (const part of batch.read(signal)) {
        if ('unreadable' in part) refusals.push(unreadableRefusal(part))
        else {
          const facts = lineFacts(part)
          for (let index = 0; index < part.count; index += 1) rows.push(jsonRow(batch, part, index, facts))
        }
      }
      const id = `${batch.topic}-${batch.partition}-${batch.firstOffset}-${batch.lastOffset}`
      const headers = { 'content-type': 'application/json', 'idempotency-key': id }
      const body = Buffer.from(`[${rows.join(',')}]`)
      const answer = await runtime.http.request(
        { method: 'POST', url, headers, body, timeoutMs: 30_000 },
        signal,
      )
      // 4xx but 408 and 429: these rows will never be taken, set them aside. Everything else: try again, same id.
      const never =
        answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429
      if (never) throw new Rejected(`webhook answered ${answer.status}`)
      if (answer.status >= 300) throw new LogdriveError('UNAVAILABLE', `webhook answered ${answer.status}`)
      return refusals
    },
    async [Symbol.asyncDispose]() {},
  }),
})
