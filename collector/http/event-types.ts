// Event types: which topic an event goes to, which of its props are columns there, which it must have.
import {
  type Coerce,
  integer,
  isRecord,
  jsonText,
  text,
  textMap,
  texts,
  toBoolean,
  toNumber,
} from './event-fields.ts'

/** One type of the tracker's events. */
export interface EventType {
  readonly topic: string
  /** Props that are columns of the table (../../docs/http.md), with how they are coerced. */
  readonly columns: ReadonlyMap<string, Coerce>
  /** Props without which the event is dropped. */
  readonly required: readonly string[]
}

const name = text(128)
const label = text(256)
const url = text(2048)
const uint8 = integer(0, 255)
const uint16 = integer(0, 65_535)
const uint32 = integer(0, 4_294_967_295)
const int32 = integer(-2_147_483_648, 2_147_483_647)

/** Text that is there: not empty. */
const filled =
  (coerce: (value: unknown) => string | undefined): Coerce =>
  (value) =>
    coerce(value) || undefined

/** A Decimal(18,3) as text, so that no digit is lost on the way. */
function money(value: unknown): string | undefined {
  const number = toNumber(value)
  return number === undefined || Math.abs(number) >= 1e12 ? undefined : number.toFixed(3)
}

function type(
  topic: string,
  required: readonly string[],
  columns: Readonly<Record<string, Coerce>>,
): EventType {
  return { topic, required, columns: new Map(Object.entries(columns)) }
}

/** All types by name. */
export const eventTypes: ReadonlyMap<string, EventType> = new Map([
  [
    'page_view',
    type('page_views', [], {
      navigation_type: name,
      is_entry: toBoolean,
      prev_path: url,
      prev_page_view_id: name,
      prev_duration_ms: uint32,
      prev_engaged_ms: uint32,
      prev_scroll_pct: integer(0, 100),
      is_leave: toBoolean,
    }),
  ],
  [
    'click',
    type('clicks', [], {
      action: name,
      el_tag: name,
      el_id: label,
      el_classes: texts(32, 128),
      el_role: name,
      el_name: label,
      el_text: label,
      selector: text(1024),
      href: url,
      is_outbound: toBoolean,
      is_download: toBoolean,
      file_extension: text(32),
      button: uint8,
      x: uint16,
      y: uint16,
      page_x: uint32,
      page_y: uint32,
      is_rage: toBoolean,
      is_dead: toBoolean,
    }),
  ],
  [
    'search',
    type('searches', ['search_term'], {
      search_id: name,
      search_term: filled(text(1024)),
      source: name,
      param: name,
      category: label,
      results_count: int32,
      page: uint16,
      clicked_position: uint16,
      latency_ms: uint32,
      filters: textMap,
    }),
  ],
  [
    'track',
    type('events', ['event'], {
      event: filled(text(200)),
      category: label,
      value: toNumber,
      revenue: money,
      currency: text(16),
    }),
  ],
  [
    'metric',
    type('metrics', ['metric', 'value'], {
      metric: filled(name),
      kind: name,
      value: toNumber,
      delta: toNumber,
      unit: text(32),
      metric_id: name,
      rating: text(32),
      navigation_type: name,
      target: text(1024),
    }),
  ],
  [
    'error',
    type('errors', ['message'], {
      exception_type: label,
      message: filled(text(8_192)),
      stacktrace: text(16_384),
      file: url,
      line: uint32,
      col: uint32,
      mechanism: name,
      handled: toBoolean,
      release: label,
      occurrences: uint32,
    }),
  ],
  [
    'identify',
    type('identities', ['user_id'], {
      user_id: filled(name),
      previous_id: name,
      group_id: name,
      kind: name,
      traits: jsonText(32_768),
    }),
  ],
])

/** What a type's required prop should have been, for the reason of a drop. */
export function expectedOf(prop: string): string {
  return prop === 'value' ? 'a number' : 'a text that is not empty'
}

/** The columns that a click's target adds. */
export function hrefColumns(columns: Readonly<Record<string, unknown>>): object {
  const { href } = columns
  if (typeof href !== 'string' || href === '') return {}
  const parsed = URL.parse(href)
  return parsed === null || parsed.hostname === '' ? {} : { href_domain: parsed.hostname }
}

/** Identities keep their traits as JSON text, also when there are none. */
export function traitsOf(columns: Readonly<Record<string, unknown>>): string {
  const { traits } = columns
  return typeof traits === 'string' && !isRecord(traits) ? traits : '{}'
}
