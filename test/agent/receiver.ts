// A small honest collector for the agent's tests: compare-and-set positions, decoded records, on any Http.
import { openEnvelope } from '../../collector/http/source-envelope.ts'
import type { HttpHandler, ServerRequest, ServerResponse } from '../../core/runtime.ts'
import { decodeBatch, recordAt } from '../../protocol/batch-decode.ts'
import { defaultLimits, splitBatches } from '../../protocol/batch-header.ts'

/** A line as it arrived. */
export interface Received {
  readonly topic: string
  readonly source: string
  readonly path: string
  readonly line: string
  readonly truncated: string | null
  readonly transformError: string | null
}

interface Range {
  readonly source: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  readonly gap: boolean
}

/** Keeps what a collector would keep; outlives crashes of whoever serves it. */
export class Receiver {
  readonly lines: Received[] = []
  readonly kept = new Map<string, { epoch: number; to: number; guard?: string | undefined }>()
  readonly gaps: Range[] = []
  /** Batches by what became of them. */
  readonly outcomes = { appended: 0, duplicate: 0, conflict: 0, refused: 0 }
  /** Requests with batches. */
  requests = 0
  /** False: as a collector of an older version. */
  takesSources = true
  /** Answers instead of us, when not null. */
  intercept: ((request: ServerRequest) => ServerResponse | null) | null = null
  /** Batches with such a line are refused with 422. */
  refuses: ((line: string) => boolean) | null = null
  /** More records than this in a batch is 413. */
  recordsMax = Number.POSITIVE_INFINITY

  /** Text of all lines, in order of arrival. */
  get texts(): string[] {
    return this.lines.map((received) => received.line)
  }

  readonly handler: HttpHandler = async (request) => {
    const answer = this.intercept?.(request)
    if (answer !== null && answer !== undefined) return answer
    const asked = /^\/v1\/sources\/([^/]+)$/.exec(request.path)
    if (asked !== null) return this.#sources(decodeURIComponent(asked[1] as string))
    const topic = /^\/v1\/topics\/([^/]+)\/batches$/.exec(request.path)?.[1]
    if (topic === undefined || request.method !== 'POST')
      return answerJson(404, { error: { code: 'NOT_FOUND' } })
    const body = await request.body(8 * 1024 * 1024)
    this.requests += 1
    if (request.headers['content-type'] === 'application/vnd.logdrive.sources')
      return this.#sourcesTogether(topic, body)
    const { headers } = request
    const range: Range = {
      source: String(headers['logdrive-source']),
      epoch: Number(headers['logdrive-epoch']),
      from: Number(headers['logdrive-from']),
      to: Number(headers['logdrive-to']),
      gap: headers['logdrive-gap'] === '1',
    }
    return this.#batch(topic, range, body)
  }

  /** Batches of several sources in one request: each is answered as it would be alone. */
  #sourcesTogether(topic: string, body: Uint8Array): ServerResponse {
    if (!this.takesSources) return answerJson(415, { error: { code: 'TYPE_UNSUPPORTED' } })
    const results = openEnvelope(body).map(({ range, bytes }) => {
      const { status, body: answer } = this.#batch(topic, range, bytes)
      return { status, ...JSON.parse(String(answer)) }
    })
    return answerJson(200, { results })
  }

  #batch(topic: string, range: Range, body: Uint8Array): ServerResponse {
    if (!(range.from < range.to)) return answerJson(400, { error: { code: 'REQUEST_INVALID' } })
    const { lines, guard } = this.#decode(topic, range, body)
    if (lines.length > this.recordsMax) return this.#refuse(413, 'too many')
    if (this.refuses !== null && lines.some((line) => this.refuses?.(line.line)))
      return this.#refuse(422, 'no such')
    const key = `${topic}\n${range.source}`
    const kept = this.kept.get(key) ?? { epoch: range.epoch, to: 0 }
    const conflict = () => {
      this.outcomes.conflict += 1
      return answerJson(409, {
        error: { code: 'POSITION_CONFLICT', message: 'no' },
        kept: { partition: 0, ...kept },
      })
    }
    if (range.epoch < kept.epoch) return conflict()
    const keptTo = range.epoch === kept.epoch ? kept.to : 0
    if (range.epoch === kept.epoch && range.to <= keptTo) {
      this.outcomes.duplicate += 1
      return answerJson(200, { partition: 0, ...kept, duplicate: true })
    }
    if (range.from < keptTo || (range.from > keptTo && !range.gap)) return conflict()
    if (range.from > keptTo) this.gaps.push(range)
    this.lines.push(...lines)
    const now = { epoch: range.epoch, to: range.to, guard }
    this.kept.set(key, now)
    this.outcomes.appended += 1
    return answerJson(200, { partition: 0, ...now, duplicate: false })
  }

  #refuse(status: number, message: string): ServerResponse {
    this.outcomes.refused += 1
    return answerJson(status, { error: { code: 'REQUEST_INVALID', message } })
  }

  #decode(topic: string, range: Range, body: Uint8Array): { lines: Received[]; guard: string | undefined } {
    const lines: Received[] = []
    let guard: string | undefined
    for (const placed of splitBatches(body, defaultLimits)) {
      const batch = decodeBatch(body, placed.at, defaultLimits)
      const first = headersOf(batch, 0)
      const facts = [first['ld-source'], first['ld-epoch'], first['ld-from'], first['ld-to']]
      const said = [range.source, String(range.epoch), String(range.from), String(range.to)]
      if (facts.join() !== said.join()) throw new Error(`headers say ${said}, the batch says ${facts}`)
      guard = first['ld-guard']
      for (let index = 0; index < batch.count; index += 1) {
        const value = recordAt(batch, index).value ?? new Uint8Array(0)
        const headers = headersOf(batch, index)
        const truncated = headers['ld-truncated'] ?? null
        const transformError = headers['ld-transform-error'] ?? null
        const line = Buffer.from(value).toString('latin1')
        lines.push({
          topic,
          source: range.source,
          path: String(first['ld-path']),
          line,
          truncated,
          transformError,
        })
      }
    }
    return { lines, guard }
  }

  #sources(source: string): ServerResponse {
    const positions = [...this.kept]
      .filter(([key]) => key.endsWith(`\n${source}`))
      .map(([key, kept]) => ({ topic: key.split('\n')[0], partition: 0, ...kept }))
    return answerJson(200, { source, positions })
  }
}

export function answerJson(
  status: number,
  body: object,
  headers: Record<string, string> = {},
): ServerResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

function headersOf(batch: Parameters<typeof recordAt>[0], index: number): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (const { key, value } of recordAt(batch, index).headers)
    headers[key] = Buffer.from(value ?? []).toString()
  return headers
}
