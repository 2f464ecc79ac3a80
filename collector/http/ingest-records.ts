// POST /v1/topics/{topic}/records: anything to any topic, as JSON lines or a JSON array.
import type { NewRecord } from '../../core/records.ts'
import type { ServerRequest, ServerResponse } from '../../core/runtime.ts'
import { json, jsonHeaders } from './errors.ts'
import type { Ingest } from './ingest.ts'
import { mediaType, typeUnsupported, withBody } from './limits.ts'
import { type BadLine, type CutRecords, cutRecords } from './records.ts'
import { type Call, param, type Route } from './router.ts'
import { refuseInternal } from './topics.ts'

/** More bad lines than these are counted, not listed. */
const listedMax = 100

/** The route. */
export function recordRoutes(ingest: Ingest): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/topics/{topic}/records',
      access: 'ship',
      about:
        'Stores JSON records: one a line (application/x-ndjson) or a JSON array; ?key=FIELD takes the key.',
      handle: (call) => storeRecords(ingest, call),
    },
  ]
}

function storeRecords(ingest: Ingest, call: Call): Promise<ServerResponse> {
  const { request } = call
  const format = formatOf(request)
  const topic = param(call, 'topic')
  refuseInternal(topic)
  const keyField = request.query === '' ? null : call.query.get('key')
  const options = { bytesMax: ingest.limits.bodyBytesMax, packing: null }
  return withBody(request, options, ingest.budget, (body) => {
    const { eventBytesMax, recordsMax } = ingest.limits
    const timestamp = ingest.runtime.clock.now()
    const cut = cutRecords(body, { format, keyField, timestamp, eventBytesMax, recordsMax })
    if (cut.records.length === 0) return Promise.resolve(allBad(cut.bad))
    return publish(ingest, topic, cut)
  })
}

async function publish(ingest: Ingest, topic: string, cut: CutRecords): Promise<ServerResponse> {
  const records: readonly NewRecord[] = cut.records
  const published = await ingest.log.publish(topic, records, ingest.signal)
  // Built by hand: this answer is on the hottest path of small requests.
  let offsets = ''
  for (const { partition, offset } of published) {
    offsets += `${offsets === '' ? '' : ','}{"partition":${partition},"offset":${offset}}`
  }
  const errors = cut.bad.length === 0 ? '[]' : JSON.stringify(cut.bad.slice(0, listedMax))
  const body = `{"accepted":${published.length},"rejected":${cut.bad.length},"offsets":[${offsets}],"errors":${errors}}`
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
