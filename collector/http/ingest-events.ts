// POST /v1/e and GET /v1/p.gif: what browsers send.
import { createHash } from 'node:crypto'
import { LogdriveError } from '../../core/errors.ts'
import type { ServerResponse } from '../../core/runtime.ts'
import { json } from './errors.ts'
import { field } from './event-fields.ts'
import { batchFacts, type Mapped, mapEvent, type Reception } from './events.ts'
import type { Ingest } from './ingest.ts'
import { parseBody, schemaInvalid } from './json-body.ts'
import { mediaType, typeUnsupported, withBody } from './limits.ts'
import type { Call, Route } from './router.ts'
import { type EventResult, type Judged, storeEvents } from './store-events.ts'

/** The smallest transparent GIF: 43 bytes. */
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64')
const dayMs = 86_400_000

/** The routes. */
export function eventRoutes(ingest: Ingest): readonly Route[] {
  const visitorOf = dailyVisitor(ingest)
  return [
    {
      method: 'POST',
      path: '/v1/e',
      access: 'track',
      about: "Stores a batch of the tracker's events; one result an event.",
      handle: (call) => storeBatch(ingest, call),
    },
    {
      method: 'GET',
      path: '/v1/p.gif',
      access: 'track',
      about: 'Stores a page view of a browser without JavaScript and answers a transparent pixel.',
      handle: (call) => storePixel(ingest, call, visitorOf),
    },
  ]
}

async function storeBatch(ingest: Ingest, call: Call): Promise<ServerResponse> {
  const { request } = call
  const type = mediaType(request)
  if (type !== '' && type !== 'text/plain' && type !== 'application/json') {
    throw typeUnsupported(request, 'text/plain (no preflight) or application/json')
  }
  const { browserBodyBytesMax: bytesMax, eventsMax } = ingest.limits
  const packing = packingOf(call)
  return await withBody(request, { bytesMax, packing }, ingest.budget, async (bytes) => {
    const body = parseBody(bytes)
    const events = field(body, 'events')
    const version = field(body, 'v') ?? 1
    if (version !== 1) throw schemaInvalid('v must be 1')
    if (!Array.isArray(events)) throw schemaInvalid('events must be an array')
    if (events.length > eventsMax) {
      throw new LogdriveError('REQUEST_TOO_LARGE', `a batch holds at most ${eventsMax} events`, {
        hint: 'Send the events in smaller batches.',
      })
    }
    const mayHoldLarge = bytes.byteLength > ingest.limits.eventBytesMax
    const results = await storeParsed(ingest, call, { body, events, mayHoldLarge })
    return json(200, { results: Object.fromEntries(results) })
  })
}

/** What the request says about its sender. */
export function receptionOf(ingest: Ingest, call: Call): Reception {
  const { headers } = call.request
  return {
    receivedAt: ingest.runtime.clock.now(),
    userAgent: headers['user-agent'] ?? '',
    client: call.client,
    origin: headers.origin ?? '',
    uuid: () => ingest.runtime.random.uuid(),
  }
}

interface ParsedBatch {
  readonly body: Readonly<Record<string, unknown>>
  readonly events: readonly unknown[]
  /** The body is larger than one event may be, so one of them may be too. */
  readonly mayHoldLarge: boolean
}

async function storeParsed(
  ingest: Ingest,
  call: Call,
  parsed: ParsedBatch,
): Promise<ReadonlyMap<string, EventResult>> {
  const { body, events, mayHoldLarge } = parsed
  const { eventBytesMax } = ingest.limits
  const facts = batchFacts(body, receptionOf(ingest, call))
  const judged = events.map((event, index): Judged => {
    const raw = () => JSON.stringify(event)
    const mapped = mapEvent(facts, event)
    const isLarge = mayHoldLarge && Buffer.byteLength(raw()) > eventBytesMax
    const id = mapped.id ?? `events[${index}]`
    return { id, mapped: isLarge ? oversized(mapped, eventBytesMax) : mapped, raw }
  })
  const { source, origin, receivedAt } = facts
  const store = { source, origin, receivedAt, rawBytesMax: eventBytesMax }
  return await storeEvents(ingest, judged, store, ingest.signal)
}

function oversized(mapped: Mapped, eventBytesMax: number): Mapped {
  const { id, topic, position } = mapped
  const reason = 'the event is too large'
  return {
    kind: 'drop',
    id,
    topic,
    position,
    field: 'event',
    expected: `at most ${eventBytesMax} bytes`,
    reason,
  }
}

async function storePixel(
  ingest: Ingest,
  call: Call,
  visitorOf: (call: Call, site: string) => string,
): Promise<ServerResponse> {
  const { query, request } = call
  const url = query.get('url') ?? request.headers.referer ?? ''
  if (url === '') throw schemaInvalid('the page is unknown: neither ?url= nor a Referer says it')
  const site = query.get('site') ?? ''
  const body = {
    site,
    anonymous_id: query.get('anonymous_id') ?? visitorOf(call, site),
    context: { lib: 'p.gif' },
  }
  const page = { url, title: query.get('title') ?? '', referrer: query.get('referrer') ?? '' }
  const events = [{ type: 'page_view', ...page, props: {} }]
  await storeParsed(ingest, call, { body, events, mayHoldLarge: false })
  const headers = {
    'content-type': 'image/gif',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
  return { status: 200, headers, body: pixel }
}

/**
 * A visitor id without a cookie: a hash of address, user agent and site under a salt that lives for a day and only in
 * memory, so that nobody can be followed from day to day.
 */
function dailyVisitor(ingest: Ingest): (call: Call, site: string) => string {
  let day = -1
  let salt = ''
  return (call, site) => {
    const today = Math.floor(ingest.runtime.clock.now() / dayMs)
    if (today !== day) {
      day = today
      salt = ingest.runtime.random.uuid()
    }
    const parts = [salt, call.client, call.request.headers['user-agent'] ?? '', site]
    return `day-${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)}`
  }
}

function packingOf(call: Call): 'gzip' | null {
  const { request } = call
  if (!request.query.includes('c=')) return null
  const packing = call.query.get('c')
  if (packing === null || packing === '') return null
  if (packing === 'gz' || packing === 'gzip') return 'gzip'
  throw new LogdriveError('TYPE_UNSUPPORTED', 'only c=gz is known', { hint: 'Leave ?c= away or send gzip.' })
}
