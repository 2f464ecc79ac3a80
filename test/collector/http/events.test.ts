// Tracker events become rows with the columns of their tables; hostile ones are dropped with a reason.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchFacts, mapEvent } from '../../../collector/http/events.ts'

const receivedAt = Date.UTC(2026, 10, 21, 12, 0, 0)
const id = '0192f1d4-7b1a-7c3e-8f21-000000000001'
const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36'

const facts = (change: object = {}, reception: object = {}) =>
  batchFacts(
    {
      v: 1,
      site: 'shop',
      source: 'source-1',
      sent_at: receivedAt - 100,
      anonymous_id: 'visitor-1',
      user_id: '',
      session_id: 'session-1',
      tab_id: 'tab-1',
      context: {
        locale: 'en-GB',
        timezone: 'Europe/Berlin',
        screen: [1920, 1080],
        viewport: [1200, 800],
        lib: 'logdrive.js',
        lib_version: '0.1.0',
      },
      ...change,
    },
    { receivedAt, userAgent: chrome, client: '203.0.113.77', origin: '', uuid: () => id, ...reception },
  )
const event = (change: object = {}) => ({ id, n: 3, type: 'page_view', ts: receivedAt - 150, ...change })
const row = (change: object, batch = facts()) => {
  const mapped = mapEvent(batch, event(change))
  if (mapped.kind !== 'row') throw new Error(`dropped: ${mapped.reason}`)
  return mapped.row
}
const dropped = (change: unknown, batch = facts()) => {
  const mapped = mapEvent(batch, change)
  return mapped.kind === 'drop' ? `${mapped.topic} ${mapped.field}: ${mapped.reason}` : 'stored'
}

test('a page view becomes a row of page_views', () => {
  const mapped = mapEvent(
    facts(),
    event({
      page_view_id: 'pv-1',
      url: 'https://user:pass@shop.example/a?q=x&utm_source=news&gclid=1#top',
      title: 'A',
      referrer: 'https://www.search.example/?q=shoes',
      props: { navigation_type: 'reload', colour: 'red', count: 2, on: true },
    }),
  )
  expect(mapped).toMatchInlineSnapshot(`
    {
      "id": "0192f1d4-7b1a-7c3e-8f21-000000000001",
      "key": "visitor-1",
      "kind": "row",
      "position": 3,
      "row": {
        "anonymous_id": "visitor-1",
        "bot_reason": "",
        "browser": "Chrome",
        "browser_version": "147",
        "click_id_type": "gclid",
        "client_ts": "2026-11-21T11:59:59.850Z",
        "consent": "",
        "device_type": "desktop",
        "event_id": "0192f1d4-7b1a-7c3e-8f21-000000000001",
        "hostname": "shop.example",
        "ip_prefix": "203.0.113.0/24",
        "is_bot": false,
        "lib": "logdrive.js",
        "lib_version": "0.1.0",
        "locale": "en-GB",
        "navigation_type": "reload",
        "os": "Windows",
        "os_version": "10.0",
        "page_view_id": "pv-1",
        "path": "/a",
        "props_bool": {
          "on": true,
        },
        "props_number": {
          "count": 2,
        },
        "props_string": {
          "colour": "red",
        },
        "query": "q=x&utm_source=news&gclid=1",
        "received_at": "2026-11-21T12:00:00.000Z",
        "referrer": "https://www.search.example/?q=shoes",
        "referrer_domain": "www.search.example",
        "screen_height": 1080,
        "screen_width": 1920,
        "seq": 3,
        "session_id": "session-1",
        "site_id": "shop",
        "skew_ms": 100,
        "tab_id": "tab-1",
        "timezone": "Europe/Berlin",
        "title": "A",
        "ts": "2026-11-21T11:59:59.850Z",
        "url": "https://shop.example/a?q=x&utm_source=news&gclid=1#top",
        "user_id": "",
        "utm_source": "news",
        "viewport_height": 800,
        "viewport_width": 1200,
      },
      "topic": "page_views",
    }
  `)
})

describe('every type goes to its topic with its own columns', () => {
  test.each([
    [
      'click',
      {
        x: 10,
        y: 1e9,
        el_tag: 'a',
        href: 'https://other.example/x',
        is_outbound: true,
        el_classes: ['a', 'b'],
      },
      'clicks',
    ],
    ['search', { search_term: 'shoes', source: 'url', results_count: 0, filters: { size: 42 } }, 'searches'],
    ['track', { event: 'Order Completed', revenue: 12.5, currency: 'EUR', value: 3, plan: 'pro' }, 'events'],
    ['metric', { metric: 'lcp', value: 1234.5, unit: 'ms', rating: 'good' }, 'metrics'],
    ['error', { message: 'boom', line: 12, handled: false }, 'errors'],
    ['identify', { user_id: 'u-1', traits: { plan: 'pro' } }, 'identities'],
  ])('%s', (type, props, topic) => {
    const mapped = mapEvent(facts(), event({ type, props, url: 'https://shop.example/p' }))
    expect(mapped).toMatchObject({ kind: 'row', topic, key: 'visitor-1', position: 3 })
    if (mapped.kind === 'row') expect({ ...mapped.row }).toMatchSnapshot()
  })
})

test('what is needed and not there, or not what it should be, drops the event with the reason', () => {
  expect([
    dropped(null),
    dropped([]),
    dropped('x'),
    dropped(event({ id: 'no-uuid' })),
    dropped(event({ type: 'nonsense' })),
    dropped(event({ type: '__proto__' })),
    dropped(event({ type: 7 })),
    dropped(event({ n: 0 })),
    dropped(event({ n: 1.5 })),
    dropped(event({ n: '3' })),
    dropped(event({ ts: 'yesterday' })),
    dropped(event({ ts: -1 })),
    dropped(event({ ts: 1e300 })),
    dropped(event({ props: [] })),
    dropped(event({ type: 'search', props: { search_term: '' } })),
    dropped(event({ type: 'track' })),
    dropped(event({ type: 'metric', props: { metric: 'lcp', value: 'fast' } })),
    dropped(event({ type: 'error', props: {} })),
    dropped(event({ type: 'identify', props: { user_id: {} } })),
  ]).toMatchInlineSnapshot(`
    [
      "events event: the event is no object",
      "events event: the event is no object",
      "events event: the event is no object",
      "page_views id: the id is no UUID",
      "events type: the type is unknown",
      "events type: the type is unknown",
      "events type: the type is unknown",
      "page_views n: the position is no whole number from 1",
      "page_views n: the position is no whole number from 1",
      "page_views n: the position is no whole number from 1",
      "page_views ts: the time cannot be read",
      "page_views ts: the time cannot be read",
      "page_views ts: the time cannot be read",
      "page_views props: the props are no object",
      "searches props.search_term: search needs props.search_term",
      "events props.event: track needs props.event",
      "metrics props.value: metric needs props.value",
      "errors props.message: error needs props.message",
      "identities props.user_id: identify needs props.user_id",
    ]
  `)
})

test('an event without id, time or position is stored all the same, only not deduplicated', () => {
  const mapped = mapEvent(facts(), { type: 'page_view' })
  expect(mapped).toMatchObject({ kind: 'row', id, position: null })
})

test('a small skew is left alone, a large one is corrected in steps of five minutes', () => {
  const ts = (sentAt: number, clientTs: number) => row({ ts: clientTs }, facts({ sent_at: sentAt })).ts
  const minute = 60_000
  expect(ts(receivedAt - 4 * minute, receivedAt - 5 * minute)).toBe('2026-11-21T11:55:00.000Z')
  expect(ts(receivedAt - 61 * minute, receivedAt - 62 * minute)).toBe('2026-11-21T11:58:00.000Z')
  // The same event, sent again two minutes later, keeps its time.
  expect(ts(receivedAt - 62 * minute, receivedAt - 62 * minute)).toBe('2026-11-21T11:58:00.000Z')
  expect(ts(receivedAt + 120 * minute, receivedAt + 119 * minute)).toBe('2026-11-21T11:59:00.000Z')
})

test('a broken clock cannot open partitions in other centuries', () => {
  expect(row({ ts: 0 }).ts).toBe('2026-11-21T12:00:00.000Z')
  expect(row({ ts: Date.UTC(2150, 0) }).ts).toBe('2026-11-21T12:00:00.000Z')
  expect(row({ ts: 0 }).client_ts).toBe('1970-01-01T00:00:00.000Z')
})

test('numbers are clamped to their columns instead of wrapping', () => {
  const click = (props: object) => row({ type: 'click', props })
  expect(click({ x: 5e9, y: -3, button: 256, page_y: 1.6 })).toMatchObject({
    x: 65535,
    y: 0,
    button: 255,
    page_y: 2,
  })
  const bad = click({ x: 'abc', y: {}, button: null })
  expect(bad.x).toBeUndefined()
  expect(bad._unmapped).toBe('{"x":"abc","y":"{}"}')
})

test('texts are cut without half a character, and lone surrogates do not get through', () => {
  const long = row({ title: `${'x'.repeat(511)}😀` }).title
  expect(long).toBe(`${'x'.repeat(511)}\ufffd`)
  expect(row({ props: { broken: '\ud800', ok: '😀' } }).props_string).toEqual({ broken: '\ufffd', ok: '😀' })
})

test('__proto__ and its friends are dropped at every depth and pollute nothing', () => {
  const props = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":"x","nested":{"__proto__":{"polluted":1},"ok":1},"a":1}',
  )
  const mapped = row({ type: 'track', props: { event: 'x', ...props, ['__proto__']: 1 } })
  expect(JSON.stringify(mapped)).not.toContain('polluted')
  expect(JSON.stringify(mapped)).not.toContain('constructor')
  expect(mapped.props_string).toEqual({ nested: '{"ok":1}' })
  const traits = JSON.parse('{"user_id":"u","traits":{"__proto__":{"polluted":1},"a":{"prototype":1,"b":2}}}')
  expect(row({ type: 'identify', props: traits }).traits).toBe('{"a":{"b":2}}')
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

test('property maps are bounded', () => {
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`p${index}`, index]))
  expect(Object.keys(row({ props: many }).props_number as object)).toHaveLength(200)
  const long = row({ props: { ['n'.repeat(500)]: 'v'.repeat(20_000) } }).props_string as Record<
    string,
    string
  >
  expect(Object.entries(long).map(([name, value]) => [name.length, value.length])).toEqual([[128, 8192]])
})

test('an address that is no web address is kept as text and splits into nothing', () => {
  expect(row({ url: 'javascript:alert(1)', referrer: '::' })).toMatchObject({
    url: 'javascript:alert(1)',
    hostname: '',
    path: '',
    referrer: '::',
    referrer_domain: '',
  })
})

test('the site defaults to the host of the page, the key to the next best identity', () => {
  const bare = facts({ site: '', anonymous_id: '', user_id: 'u' })
  expect(row({ url: 'https://shop.example/' }, bare).site_id).toBe('shop.example')
  expect(mapEvent(bare, event())).toMatchObject({ key: 'u' })
  expect(mapEvent(facts({ anonymous_id: '', user_id: '' }), event())).toMatchObject({ key: 'source-1' })
})

test('no JSON makes it throw, and every row can be written as JSON', () => {
  const type = fc.constantFrom('page_view', 'click', 'search', 'track', 'metric', 'error', 'identify')
  const wild = fc.jsonValue({ maxDepth: 4 })
  fc.assert(
    fc.property(type, wild, wild, wild, wild, (name, props, body, context, other) => {
      const given = { id, n: 1, type: name, props, url: other, title: other, ts: other }
      const batch = facts({ context, ...(typeof body === 'object' && !Array.isArray(body) ? body : {}) })
      for (const one of [given, props, { ...given, ts: 1 }]) {
        const mapped = mapEvent(batch, one)
        const text = JSON.stringify(mapped)
        expect(text.isWellFormed()).toBe(true)
        expect(/\\ud[89a-f]/i.test(text)).toBe(false)
      }
    }),
    { numRuns: 500 },
  )
})
