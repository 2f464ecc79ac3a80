// POST /v1/topics/{topic}/records: anything to any topic, as JSON lines or a JSON array.
import { LogdriveError } from '../../core/errors.ts'
import type { Published } from '../../core/event-log.ts'
import type { RecordHeader } from '../../core/records.ts'
import type { ServerRequest, ServerResponse } from '../../core/runtime.ts'
import { json, jsonHeaders } from './errors.ts'
import type { Ingest } from './ingest.ts'
import { mediaType, typeUnsupported, withBody } from './limits.ts'
import type { LogAdmin } from './log-admin.ts'
import { type BadLine, cutRecords } from './records.ts'
import { type Call, param, type Route } from './router.ts'
import { refuseInternal } from './topics.ts'

/** More bad lines than these are counted, not listed. */
const listedMax = 100

/** The route. */
export function recordRoutes(ingest: Ingest, admin: Pick<LogAdmin, 'publishTo'>): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/topics/{topic}/records',
      access: 'ship',
      about:
        'Stores JSON records: one a line (application/x-ndjson) or a JSON array; ?key=FIELD takes the key, partition=N and header=NAME:VALUE count for all.',
      handle: (call) => storeRecords(ingest, admin, call),
    },
  ]
}

function storeRecords(
  ingest: Ingest,
  admin: Pick<LogAdmin, 'publishTo'>,
  call: Call,
): Promise<ServerResponse> {
  const { request } = call
  const format = formatOf(request)
  const topic = param(call, 'topic')
  refuseInternal(topic)
  const { keyField, partition, headers } = request.query === '' ? plain : wishesOf(call.query)
  const options = { bytesMax: ingest.limits.bodyBytesMax, packing: null }
  return withBody(request, options, ingest.budget, (body) => {
    const { eventBytesMax, recordsMax } = ingest.limits
    const timestamp = ingest.runtime.clock.now()
    const cut = cutRecords(body, { format, keyField, headers, timestamp, eventBytesMax, recordsMax })
    if (cut.records.length === 0) return Promise.resolve(allBad(cut.bad))
    const { records } = cut
    const publishing =
      partition === null
        ? ingest.log.publish(topic, records, ingest.signal)
        : admin.publishTo(topic, partition, records)
    return publishing.then((published) => stored(published, cut.bad))
  })
}

/** What the query asks for all the records. */
interface Wishes {
  readonly keyField: string | null
  /** Null: by the key. */
  readonly partition: number | null
  readonly headers: readonly RecordHeader[]
}

const plain: Wishes = { keyField: null, partition: null, headers: [] }
const headersMax = 100

function wishesOf(query: URLSearchParams): Wishes {
  const partition = query.get('partition')
  if (partition !== null && !/^\d{1,6}$/.test(partition)) {
    throw new LogdriveError('REQUEST_INVALID', 'partition must be a whole number')
  }
  const texts = query.getAll('header')
  if (texts.length > headersMax) throw new LogdriveError('REQUEST_INVALID', `at most ${headersMax} headers`)
  const headers = texts.map((text) => {
    const at = text.indexOf(':')
    if (at > 0) return { key: text.slice(0, at), value: Buffer.from(text.slice(at + 1)) }
    throw new LogdriveError('REQUEST_INVALID', 'a header is NAME:VALUE')
  })
  return { keyField: query.get('key'), partition: partition === null ? null : Number(partition), headers }
}

function stored(published: readonly Published[], bad: readonly BadLine[]): ServerResponse {
  // Built by hand: this answer is on the hottest path of small requests.
  let offsets = ''
  for (const { partition, offset } of published) {
    offsets += `${offsets === '' ? '' : ','}{"partition":${partition},"offset":${offset}}`
  }
  const errors = bad.length === 0 ? '[]' : JSON.stringify(bad.slice(0, listedMax))
  const body = `{"accepted":${published.length},"rejected":${bad.length},"offsets":[${offsets}],"errors":${errors}}`
  return { status: 200, headers: jsonHeaders, body }
}

/** 413 when the first fault is size, else 422: nothing was stored. */
function allBad(bad: readonly BadLine[]): ServerResponse {
  const tooLarge = bad[0]?.code === 'REQUEST_TOO_LARGE'
  const error = {
    code: tooLarge ? 'REQUEST_TOO_LARGE' : 'SCHEMA_INVALID',
    message: `no record was stored: line ${bad[0]?.line}: ${bad[0]?.message}`,
    hint: 'Each record must be one JSON value within the size limit.',
  }
  const listed = bad.slice(0, listedMax)
  return json(tooLarge ? 413 : 422, { error, accepted: 0, rejected: bad.length, offsets: [], errors: listed })
}

function formatOf(request: ServerRequest): 'ndjson' | 'json' {
  switch (mediaType(request)) {
    case 'application/x-ndjson':
    case 'application/ndjson':
    case 'application/jsonl':
      return 'ndjson'
    case 'application/json':
      return 'json'
    default:
      throw typeUnsupported(request, 'application/x-ndjson or application/json')
  }
}
