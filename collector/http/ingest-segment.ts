// The Segment HTTP API: track, page, screen, identify, alias, group and batch become the same rows as our own events.
import { createHash } from 'node:crypto'
import { LogdriveError } from '../../core/errors.ts'
import type { ServerResponse } from '../../core/runtime.ts'
import { json } from './errors.ts'
import { field, isRecord } from './event-fields.ts'
import { type BatchFacts, batchFacts, type Mapped, mapEvent, type Reception } from './events.ts'
import type { Ingest } from './ingest.ts'
import { receptionOf } from './ingest-events.ts'
import { parseBody, schemaInvalid } from './json-body.ts'
import { mediaType, typeUnsupported, withBody } from './limits.ts'
import type { Call, Route } from './router.ts'
import { type Judged, storeEvents } from './store-events.ts'

type Message = Readonly<Record<string, unknown>>

const kinds = ['track', 'page', 'screen', 'identify', 'alias', 'group'] as const
type Kind = (typeof kinds)[number]

/** Names of track events that have tables of their own, as GA4 and Segment's ecommerce spec say them. */
const reserved: ReadonlyMap<string, string> = new Map([
  ['$click', 'click'],
  ['$search', 'search'],
  ['view_search_results', 'search'],
  ['Products Searched', 'search'],
  ['$metric', 'metric'],
  ['$web_vital', 'metric'],
  ['$error', 'error'],
  ['$exception', 'error'],
])

/** The routes; the write key comes as the user of Basic, or as `writeKey` in the body. */
export function segmentRoutes(ingest: Ingest): readonly Route[] {
  const one = (kind: Kind): Route => ({
    method: 'POST',
    path: `/v1/${kind}`,
    access: 'track',
    keyInBody: true,
    about: `Segment's ${kind} call.`,
    handle: (call) => receive(ingest, call, (body) => [{ ...body, type: kind }]),
  })
  const batch: Route = {
    method: 'POST',
    path: '/v1/batch',
    access: 'track',
    keyInBody: true,
    about: "Segment's batch call: { batch: [...], context?, sentAt?, writeKey? }.",
    handle: (call) => receive(ingest, call, (body) => batchOf(ingest, body)),
  }
  return [...kinds.map(one), batch, { ...batch, path: '/v1/b' }]
}

async function receive(
  ingest: Ingest,
  call: Call,
  messagesOf: (body: Message) => readonly unknown[],
): Promise<ServerResponse> {
  const { request } = call
  const type = mediaType(request)
  if (type !== '' && type !== 'application/json' && type !== 'text/plain') {
    throw typeUnsupported(request, 'application/json')
  }
  const options = { bytesMax: ingest.limits.browserBodyBytesMax, packing: null }
  return await withBody(request, options, ingest.budget, async (bytes) => {
    const body = parseBody(bytes)
    const key = field(body, 'writeKey')
    call.authorizeWith(typeof key === 'string' ? key : null)
    const reception = receptionOf(ingest, call)
    const { eventBytesMax } = ingest.limits
    const judged = messagesOf(body).map((message, index): Judged => {
      const raw = () => JSON.stringify(message)
      const mapped = mapMessage(message, body, reception)
      const isLarge = bytes.byteLength > eventBytesMax && Buffer.byteLength(raw()) > eventBytesMax
      const reason = 'the event is too large'
      const why = { field: 'event', expected: `at most ${eventBytesMax} bytes`, reason }
      const judgedAs: Mapped = isLarge ? { ...mapped, kind: 'drop', ...why } : mapped
      return { id: messageId(message) ?? `batch[${index}]`, mapped: judgedAs, raw }
    })
    const { origin, receivedAt } = reception
    const facts = { source: '', origin, receivedAt, rawBytesMax: eventBytesMax }
    const results = await storeEvents(ingest, judged, facts, ingest.signal)
    // Segment's libraries look at `success` and at the status only.
    return json(200, { success: true, results: Object.fromEntries(results) })
  })
}

function batchOf(ingest: Ingest, body: Message): readonly unknown[] {
  const batch = field(body, 'batch')
  if (!Array.isArray(batch)) throw schemaInvalid('batch must be an array')
  const { eventsMax } = ingest.limits
  if (batch.length > eventsMax) {
    throw new LogdriveError('REQUEST_TOO_LARGE', `a batch holds at most ${eventsMax} events`)
  }
  return batch
}

/** One message as one of our events: Segment's names become ours, the shared context stands in for a missing one. */
function mapMessage(message: unknown, body: Message, reception: Reception): Mapped {
  if (!isRecord(message)) return mapEvent(batchFacts({}, reception), message)
  const context = objectOf(field(message, 'context') ?? field(body, 'context'))
  const page = objectOf(field(context, 'page'))
  const screen = objectOf(field(context, 'screen'))
  const library = objectOf(field(context, 'library'))
  const shared = {
    site: field(context, 'site') ?? textOf(field(objectOf(field(context, 'app')), 'name')),
    sent_at: timeOf(field(message, 'sentAt') ?? field(body, 'sentAt')),
    anonymous_id: field(message, 'anonymousId'),
    user_id: field(message, 'userId'),
    session_id: field(context, 'sessionId'),
    context: {
      locale: field(context, 'locale'),
      timezone: field(context, 'timezone'),
      screen: [field(screen, 'width'), field(screen, 'height')],
      lib: field(library, 'name'),
      lib_version: field(library, 'version'),
    },
  }
  const facts = factsOf(shared, context, reception)
  const { type, props } = typed(message)
  return mapEvent(facts, {
    id: uuidOf(messageId(message)) ?? facts.uuid(),
    type,
    ts: field(message, 'originalTimestamp') ?? field(message, 'timestamp'),
    url: textOf(field(props, 'url')) || textOf(field(page, 'url')),
    title: textOf(field(props, 'title')) || textOf(field(page, 'title')) || textOf(field(message, 'name')),
    referrer: textOf(field(props, 'referrer')) || textOf(field(page, 'referrer')),
    props,
  })
}

/** A server's library speaks for a visitor: the visitor's browser and address are what the context says, or unknown. */
function factsOf(shared: Message, context: Message, reception: Reception): BatchFacts {
  const userAgent = textOf(field(context, 'userAgent'))
  const client = textOf(field(context, 'ip')) || reception.client
  const facts = batchFacts(shared, { ...reception, userAgent, client })
  if (userAgent !== '') return facts
  return { ...facts, device: { ...facts.device, is_bot: false, bot_reason: '', device_type: '' } }
}

function typed(message: Message): { readonly type: unknown; readonly props: Message } {
  const kind = field(message, 'type')
  const properties = objectOf(field(message, 'properties'))
  const user = field(message, 'userId') || field(message, 'anonymousId')
  switch (kind) {
    case 'page':
    case 'screen':
      return { type: 'page_view', props: properties }
    case 'identify':
      return { type: 'identify', props: { user_id: user, kind, traits: field(message, 'traits') ?? {} } }
    case 'alias':
      return {
        type: 'identify',
        props: { user_id: field(message, 'userId'), kind, previous_id: field(message, 'previousId') },
      }
    case 'group': {
      const group = { group_id: field(message, 'groupId'), traits: field(message, 'traits') ?? {} }
      return { type: 'identify', props: { user_id: user, kind, ...group } }
    }
    case 'track':
      return typedTrack(message, properties)
    default:
      return { type: kind, props: properties }
  }
}

function typedTrack(
  message: Message,
  properties: Message,
): { readonly type: string; readonly props: Message } {
  const event = field(message, 'event')
  const own = typeof event === 'string' ? reserved.get(event) : undefined
  if (own === undefined) return { type: 'track', props: { ...properties, event } }
  if (own !== 'search') return { type: own, props: properties }
  const term = field(properties, 'search_term') ?? field(properties, 'query')
  return { type: 'search', props: { source: 'api', ...properties, search_term: term } }
}

function messageId(message: unknown): string | null {
  const id = isRecord(message) ? field(message, 'messageId') : undefined
  return typeof id === 'string' && id !== '' && id.length <= 100 ? id : null
}

/** A message id that is no UUID gets one that is always the same for it. */
function uuidOf(id: string | null): string | null {
  if (id === null) return null
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id
  const hex = createHash('sha256').update(id).digest('hex')
  // Version 8: made by a rule of our own (RFC 9562).
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || value.length > 40) return undefined
  const ms = Date.parse(value)
  return Number.isFinite(ms) ? ms : undefined
}

function objectOf(value: unknown): Message {
  return isRecord(value) ? value : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
