// Tracker events to rows: one event of a browser becomes one row of its ClickHouse table, or is dropped with a reason.
import { addressPrefix } from './addresses.ts'
import { cutText, field, integer, isRecord, splitProps, text, toNumber } from './event-fields.ts'
import { type EventType, eventTypes, expectedOf, hrefColumns, traitsOf } from './event-types.ts'
import { campaignColumns, pageColumns } from './page.ts'
import { classifyUserAgent } from './user-agent.ts'

/** What the collector knows about a batch besides its body. */
export interface Reception {
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  readonly userAgent: string
  /** The client's address; only its prefix is kept. */
  readonly client: string
  readonly origin: string
  /** Makes an id for an event that has none. */
  uuid(): string
}

/** A batch's own facts, read once. */
export interface BatchFacts {
  readonly receivedAt: number
  readonly origin: string
  /** received - sent in ms: clock skew and travel time. */
  readonly skewMs: number
  readonly site: string
  readonly source: string
  readonly anonymousId: string
  readonly userId: string
  readonly sessionId: string
  readonly tabId: string
  readonly lib: string
  readonly libVersion: string
  /** Columns that all events of the batch share. */
  readonly device: Readonly<Record<string, unknown>>
  uuid(): string
}

/** What became of one event. */
export type Mapped =
  | {
      readonly kind: 'row'
      readonly id: string
      readonly topic: string
      /** The record's key: the visitor. */
      readonly key: string
      /** Its place in the source, or null when it has none. */
      readonly position: number | null
      readonly row: Readonly<Record<string, unknown>>
    }
  | {
      readonly kind: 'drop'
      /** The event's id, or null when it has no good one. */
      readonly id: string | null
      readonly topic: string
      readonly position: number | null
      readonly field: string
      readonly expected: string
      readonly reason: string
    }

/** Smaller skews are network delay, and correcting them reorders events and defeats deduplication. */
const skewStepMs = 5 * 60_000
/** Times farther off are a broken clock: the partitions of a table are months, and must not become hundreds. */
const pastMsMax = 400 * 86_400_000
const futureMsMax = 86_400_000
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const id128 = text(128)
const uint16 = integer(0, 65_535)

/** Reads what stands around the events. Never throws: what is wrong is empty. */
export function batchFacts(body: Readonly<Record<string, unknown>>, reception: Reception): BatchFacts {
  const given = field(body, 'context')
  const context = isRecord(given) ? given : {}
  const shown = (name: string, lengthMax: number) => text(lengthMax)(field(context, name)) ?? ''
  const sentAt = toNumber(field(body, 'sent_at'))
  const lib = shown('lib', 64)
  const libVersion = shown('lib_version', 32)
  return {
    receivedAt: reception.receivedAt,
    origin: cutText(reception.origin, 256),
    skewMs: sentAt === undefined ? 0 : Math.round(reception.receivedAt - sentAt),
    site: text(64)(field(body, 'site')) ?? '',
    source: id128(field(body, 'source')) ?? '',
    anonymousId: id128(field(body, 'anonymous_id')) ?? '',
    userId: id128(field(body, 'user_id')) ?? '',
    sessionId: id128(field(body, 'session_id')) ?? '',
    tabId: id128(field(body, 'tab_id')) ?? '',
    lib,
    libVersion,
    device: {
      ...classifyUserAgent(reception.userAgent),
      ...sizeColumns('screen', field(context, 'screen')),
      ...sizeColumns('viewport', field(context, 'viewport')),
      locale: shown('locale', 35),
      timezone: shown('timezone', 64),
      ip_prefix: addressPrefix(reception.client),
      consent: shown('consent', 64),
      lib,
      lib_version: libVersion,
    },
    uuid: () => reception.uuid(),
  }
}

/** Maps one event; `facts` are its batch's. */
export function mapEvent(facts: BatchFacts, event: unknown): Mapped {
  if (!isRecord(event)) {
    const why = { field: 'event', expected: 'a JSON object', reason: 'the event is no object' }
    return { kind: 'drop', id: null, topic: 'events', position: null, ...why }
  }
  const position = positionOf(field(event, 'n'))
  const id = field(event, 'id') ?? facts.uuid()
  const typeName = field(event, 'type')
  const type = typeof typeName === 'string' ? eventTypes.get(typeName) : undefined
  const topic = type?.topic ?? 'events'
  const shownId = typeof id === 'string' && id.length <= 64 ? id : null
  const fail = (name: string, expected: string, reason: string): Mapped => {
    return { kind: 'drop', id: shownId, topic, position: position ?? null, field: name, expected, reason }
  }
  if (typeof id !== 'string' || !uuidPattern.test(id)) return fail('id', 'a UUID', 'the id is no UUID')
  if (type === undefined) return fail('type', [...eventTypes.keys()].join(' | '), 'the type is unknown')
  if (position === undefined)
    return fail('n', 'a whole number from 1', 'the position is no whole number from 1')
  const clientTs = timeOf(field(event, 'ts'), facts.receivedAt)
  if (clientTs === undefined) return fail('ts', 'milliseconds since 1970', 'the time cannot be read')
  const given = field(event, 'props') ?? {}
  if (!isRecord(given)) return fail('props', 'a JSON object', 'the props are no object')
  const { columns, props } = splitProps(given, type.columns)
  for (const name of type.required) {
    if (columns[name] === undefined) {
      return fail(`props.${name}`, expectedOf(name), `${String(typeName)} needs props.${name}`)
    }
  }
  const ts = correctedTime(clientTs, facts)
  const times = { ts: iso(ts), client_ts: iso(clientTs), received_at: iso(facts.receivedAt) }
  const row =
    type.topic === 'identities'
      ? identityRow(facts, id, times, columns)
      : activityRow(facts, { id, times, event, type, columns, props })
  const key = facts.anonymousId || facts.userId || facts.source || id
  return { kind: 'row', id, topic, key, position, row }
}

type Columns = Readonly<Record<string, unknown>>
type Times = Readonly<Record<'ts' | 'client_ts' | 'received_at', string>>

interface Parts {
  readonly id: string
  readonly times: Times
  readonly event: Columns
  readonly type: EventType
  readonly columns: Columns
  readonly props: object
}

function activityRow(facts: BatchFacts, parts: Parts): Columns {
  const { id, times, event, type, columns, props } = parts
  const shown = (name: string) => {
    const value = field(event, name)
    return typeof value === 'string' ? value : ''
  }
  const page = pageColumns(shown('url'), shown('title'), shown('referrer'))
  return {
    event_id: id,
    ...times,
    skew_ms: facts.skewMs,
    site_id: facts.site || page.hostname,
    anonymous_id: facts.anonymousId,
    user_id: facts.userId,
    session_id: facts.sessionId,
    page_view_id: id128(field(event, 'page_view_id')) ?? '',
    tab_id: facts.tabId,
    seq: integer(0, 4_294_967_295)(field(event, 'n')) ?? 0,
    ...page,
    ...columns,
    ...(type.topic === 'clicks' ? hrefColumns(columns) : {}),
    ...campaignColumns(page.query),
    ...facts.device,
    ...props,
  }
}

function identityRow(facts: BatchFacts, id: string, times: Times, columns: Columns): Columns {
  return {
    event_id: id,
    ts: times.ts,
    received_at: times.received_at,
    site_id: facts.site,
    kind: columns.kind ?? 'identify',
    anonymous_id: facts.anonymousId,
    user_id: columns.user_id,
    previous_id: columns.previous_id ?? '',
    group_id: columns.group_id ?? '',
    traits: traitsOf(columns),
  }
}

/** Null when there is none, undefined when it is nonsense. */
function positionOf(value: unknown): number | null | undefined {
  if (value === undefined || value === null) return null
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? value : undefined
}

/** When it happened by the browser's clock, in ms; the time of arrival when it does not say. */
function timeOf(value: unknown, receivedAt: number): number | undefined {
  if (value === undefined || value === null) return receivedAt
  const ms = typeof value === 'string' && value.length <= 40 ? Date.parse(value) : toNumber(value)
  // 1970 to 2200: what a Date and a DateTime64 both hold.
  if (ms === undefined || !(ms >= 0 && ms <= 7_258_118_400_000)) return undefined
  return Math.round(ms)
}

function correctedTime(clientTs: number, facts: BatchFacts): number {
  const { skewMs, receivedAt } = facts
  const shift = Math.abs(skewMs) >= skewStepMs ? Math.round(skewMs / skewStepMs) * skewStepMs : 0
  const ts = clientTs + shift
  return ts < receivedAt - pastMsMax || ts > receivedAt + futureMsMax ? receivedAt : ts
}

function sizeColumns(name: string, value: unknown): object {
  if (!Array.isArray(value)) return {}
  return { [`${name}_width`]: uint16(value[0]) ?? 0, [`${name}_height`]: uint16(value[1]) ?? 0 }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
