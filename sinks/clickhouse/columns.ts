// The columns of our ClickHouse tables, by topic. One table an activity type; all other topics share the shape of logs.

/** A table's shape: what stands between the parentheses, and how rows are sorted and cut into partitions. */
export interface TableShape {
  /** `activity` tables take JSON rows only; `logs` tables take anything, into `body`. */
  readonly kind: 'activity' | 'logs'
  readonly columns: readonly string[]
  readonly indexes: readonly string[]
  readonly partitionBy: string
  readonly primaryKey: string
  readonly orderBy: string
  readonly sampleBy: string | null
}

const text = 'String CODEC(ZSTD(3))'
const id = "String DEFAULT '' CODEC(ZSTD(1))"
const optional = "String DEFAULT '' CODEC(ZSTD(3))"
const word = "LowCardinality(String) DEFAULT ''"
const time = "DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))"
const flag = 'Bool DEFAULT false'

/** `name Type` for each of many names of one type. */
function each(type: string, names: string): string[] {
  return names.split(' ').map((name) => `${name} ${type}`)
}

/** Where the row stands in the log. `_log` tells a topic made again, or a wanted replay, from its namesake. */
const origin = [
  '_log LowCardinality(String)',
  '_topic LowCardinality(String)',
  '_partition UInt16',
  '_offset UInt64 CODEC(Delta(8), ZSTD(1))',
]
const originIndex = 'INDEX ix_offset _offset TYPE minmax GRANULARITY 1'

const visitor =
  "visitor_id UInt64 DEFAULT sipHash64(if(anonymous_id != '', anonymous_id, user_id)) CODEC(ZSTD(1))"
const head = [
  'event_id UUID',
  ...each(time, 'ts client_ts received_at'),
  'skew_ms Int64 DEFAULT 0 CODEC(ZSTD(1))',
  "ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))",
  'site_id LowCardinality(String)',
  'anonymous_id String CODEC(ZSTD(1))',
  `user_id ${id}`,
  visitor,
  ...each(id, 'session_id page_view_id tab_id'),
  'seq UInt32 DEFAULT 0 CODEC(T64, ZSTD(1))',
  `url ${text}`,
  'hostname LowCardinality(String)',
  `path ${text}`,
  ...each(optional, 'query title referrer'),
  `referrer_domain ${word}`,
]
const tail = [
  ...each(word, 'utm_source utm_medium'),
  ...each(optional, 'utm_campaign utm_term utm_content'),
  ...each(word, 'click_id_type browser browser_version os os_version device_type'),
  ...each('UInt16 DEFAULT 0', 'screen_width screen_height viewport_width viewport_height'),
  ...each(word, 'locale timezone country region'),
  `city ${optional}`,
  `ip_prefix ${id}`,
  `is_bot ${flag}`,
  ...each(word, 'bot_reason consent lib lib_version'),
  'sample_rate Float32 DEFAULT 1',
  'props_string Map(LowCardinality(String), String) CODEC(ZSTD(1))',
  'props_number Map(LowCardinality(String), Float64) CODEC(ZSTD(1))',
  'props_bool Map(LowCardinality(String), Bool) CODEC(ZSTD(1))',
  `_unmapped ${optional}`,
  ...origin,
]
const activityIndexes = [
  ...['event_id', 'session_id', 'user_id'].map(
    (name) => `INDEX ix_${name} ${name} TYPE bloom_filter(0.01) GRANULARITY 4`,
  ),
  'INDEX ix_received received_at TYPE minmax GRANULARITY 1',
  originIndex,
]

interface Activity {
  readonly own: readonly string[]
  readonly primaryKey: string
  /** What follows the primary key in the order. */
  readonly after: string
  readonly sampled?: boolean
  readonly index?: string
}

function activity({ own, primaryKey, after, sampled = false, index }: Activity): TableShape {
  return {
    kind: 'activity',
    columns: [...head, ...own, ...tail],
    indexes: index === undefined ? activityIndexes : [...activityIndexes, index],
    partitionBy: 'toYYYYMM(ts)',
    primaryKey,
    orderBy: `${primaryKey}, ${after}`,
    sampleBy: sampled ? 'visitor_id' : null,
  }
}

const uint32 = 'UInt32 DEFAULT 0 CODEC(T64, ZSTD(1))'

const shapes: ReadonlyMap<string, TableShape> = new Map([
  [
    'page_views',
    activity({
      own: [
        "navigation_type LowCardinality(String) DEFAULT 'navigate'",
        `is_entry ${flag}`,
        `prev_path ${optional}`,
        `prev_page_view_id ${id}`,
        ...each(uint32, 'prev_duration_ms prev_engaged_ms'),
        'prev_scroll_pct UInt8 DEFAULT 0',
        `is_leave ${flag}`,
      ],
      primaryKey: 'site_id, toDate(ts), visitor_id',
      after: 'ts, event_id',
      sampled: true,
    }),
  ],
  [
    'clicks',
    activity({
      own: [
        ...each(word, 'action el_tag'),
        `el_id ${optional}`,
        'el_classes Array(String) CODEC(ZSTD(3))',
        `el_role ${word}`,
        ...each(optional, 'el_name el_text selector href'),
        `href_domain ${word}`,
        ...each(flag, 'is_outbound is_download'),
        `file_extension ${word}`,
        'button UInt8 DEFAULT 0',
        ...each('UInt16 DEFAULT 0', 'x y'),
        ...each('UInt32 DEFAULT 0', 'page_x page_y'),
        ...each(flag, 'is_rage is_dead'),
      ],
      primaryKey: 'site_id, toDate(ts), action, visitor_id',
      after: 'ts, event_id',
      sampled: true,
    }),
  ],
  [
    'searches',
    activity({
      own: [
        `search_id ${id}`,
        `search_term ${text}`,
        "search_term_norm String MATERIALIZED trim(BOTH ' ' FROM lowerUTF8(replaceRegexpAll(search_term, '\\\\s+', ' '))) CODEC(ZSTD(3))",
        "source LowCardinality(String) DEFAULT 'url'",
        ...each(word, 'param category'),
        'results_count Int32 DEFAULT -1',
        'page UInt16 DEFAULT 1',
        'clicked_position UInt16 DEFAULT 0',
        'latency_ms UInt32 DEFAULT 0',
        'filters Map(LowCardinality(String), String) CODEC(ZSTD(1))',
      ],
      primaryKey: 'site_id, toDate(ts), search_term_norm',
      after: 'visitor_id, ts, event_id',
    }),
  ],
  [
    'metrics',
    activity({
      own: [
        'metric LowCardinality(String)',
        "kind LowCardinality(String) DEFAULT 'gauge'",
        'value Float64 CODEC(ZSTD(1))',
        'delta Float64 DEFAULT 0 CODEC(ZSTD(1))',
        `unit ${word}`,
        `metric_id ${id}`,
        ...each(word, 'rating navigation_type'),
        `target ${optional}`,
      ],
      primaryKey: 'site_id, metric, toDate(ts), path',
      after: 'ts, event_id',
    }),
  ],
  [
    'errors',
    activity({
      own: [
        "fingerprint UInt64 DEFAULT sipHash64(exception_type, file, replaceRegexpAll(message, '[0-9]+', '#')) CODEC(ZSTD(1))",
        `exception_type ${word}`,
        `message ${text}`,
        ...each(optional, 'stacktrace file'),
        ...each('UInt32 DEFAULT 0', 'line col'),
        `mechanism ${word}`,
        `handled ${flag}`,
        `release ${word}`,
        'occurrences UInt32 DEFAULT 1',
      ],
      primaryKey: 'site_id, fingerprint',
      after: 'ts, event_id',
      index: 'INDEX ix_message lower(message) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8',
    }),
  ],
  [
    'events',
    activity({
      own: [
        'event LowCardinality(String)',
        `category ${word}`,
        'value Nullable(Float64) CODEC(ZSTD(1))',
        'revenue Nullable(Decimal(18, 3)) CODEC(ZSTD(1))',
        `currency ${word}`,
      ],
      primaryKey: 'site_id, toDate(ts), event, visitor_id',
      after: 'ts, event_id',
      sampled: true,
    }),
  ],
  [
    'identities',
    {
      kind: 'activity',
      columns: [
        'event_id UUID',
        ...each(time, 'ts received_at'),
        ...each('LowCardinality(String)', 'site_id kind'),
        ...each('String CODEC(ZSTD(1))', 'anonymous_id user_id'),
        ...each(id, 'previous_id group_id'),
        "traits String DEFAULT '{}' CODEC(ZSTD(3))",
        ...origin,
      ],
      indexes: [originIndex],
      partitionBy: 'toYYYYMM(ts)',
      primaryKey: 'site_id, anonymous_id, user_id, kind',
      orderBy: 'site_id, anonymous_id, user_id, kind, ts',
      sampleBy: null,
    },
  ],
])

const nanoTime = "DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))"

const logs: TableShape = {
  kind: 'logs',
  columns: [
    'event_id UUID',
    ...each(nanoTime, 'ts observed_ts'),
    "received_at DateTime64(3, 'UTC') DEFAULT observed_ts CODEC(Delta(8), ZSTD(1))",
    "ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))",
    ...each(word, 'site_id service_name host source event_name severity_text'),
    'severity_number UInt8 DEFAULT 0',
    `body ${text}`,
    ...each(id, 'trace_id span_id'),
    'trace_flags UInt8 DEFAULT 0',
    `session_id ${id}`,
    `scope_name ${word}`,
    'resource Map(LowCardinality(String), String) CODEC(ZSTD(1))',
    'attrs_string Map(LowCardinality(String), String) CODEC(ZSTD(1))',
    'attrs_number Map(LowCardinality(String), Float64) CODEC(ZSTD(1))',
    'attrs_bool Map(LowCardinality(String), Bool) CODEC(ZSTD(1))',
    `_unmapped ${optional}`,
    ...origin,
  ],
  indexes: [
    'INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1',
    'INDEX ix_attr_keys mapKeys(attrs_string) TYPE bloom_filter(0.01) GRANULARITY 1',
    'INDEX ix_attr_values mapValues(attrs_string) TYPE bloom_filter(0.01) GRANULARITY 1',
    'INDEX ix_body lower(body) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8',
    'INDEX ix_severity severity_number TYPE set(25) GRANULARITY 4',
    originIndex,
  ],
  partitionBy: 'toDate(ts)',
  primaryKey: 'toStartOfFiveMinutes(ts), site_id, service_name',
  orderBy: 'toStartOfFiveMinutes(ts), site_id, service_name, ts',
  sampleBy: null,
}

/** The shape of a topic's table; a topic that is no known activity has the shape of logs. */
export function shapeOf(topic: string): TableShape {
  return shapes.get(topic) ?? logs
}
