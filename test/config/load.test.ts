// From YAML text to a configuration: what comes out, and where problems are placed. Needs nothing.
import { describe, expect, test } from 'vitest'
import { config, load, problems } from './samples.ts'

describe('a right file', () => {
  test('needs nothing but its version, and every default is filled in', () => {
    expect(config('version: 1\n')).toMatchInlineSnapshot(`
      {
        "collector": {
          "auto_create_topics": true,
          "flush": "commit",
          "http": {
            "listen": {
              "host": "127.0.0.1",
              "port": 8750,
            },
            "trusted_proxies": [],
          },
          "keys": {},
          "limits": {
            "body": 8388608,
            "browser_body": 1048576,
            "connections": 10000,
            "event": 65536,
            "events": 500,
            "in_flight": 268435456,
            "records": 20000,
          },
          "log": "embedded",
        },
        "data": "./logdrive-data",
        "sinks": {},
        "tests": {},
        "topics": {},
        "version": 1,
      }
    `)
  })

  test('yields units of the program, not of the file', () => {
    const read = config(`version: 1
topics: { web: { partitions: 8, retention: { age: 36h, bytes: 20GiB } } }
collector: { flush: { interval: 200ms } }
sinks: { w: { type: clickhouse, topics: [web], batch: { rows: 10k, age: 500ms }, retry: { wait_max: 1m } } }
`)
    expect(read.topics.web).toEqual({
      partitions: 8,
      replication: 1,
      retention: { age: 129_600_000, bytes: 21_474_836_480 },
    })
    expect(read.collector.flush).toEqual({ interval: 200 })
    expect(read.sinks.w).toMatchObject({ batch: { rows: 10_000, bytes: 33_554_432, age: 500 }, port: 8123 })
    expect(read.sinks.w?.retry).toEqual({ wait_min: 100, wait_max: 60_000 })
  })

  test('may use anchors', () => {
    const read = config(`version: 1
topics: { a: &small { partitions: 1 }, b: *small }
`)
    expect(read.topics.b?.partitions).toBe(1)
  })

  test('may be written with Windows line ends and a byte order mark', () => {
    expect(config('\uFEFFversion: 1\r\ndata: ./here\r\n').data).toBe('./here')
  })

  test('may be read without any sink code: then sinks are neither checked nor yielded', () => {
    const loaded = load('version: 1\nsinks: { x: { type: whatever, topics: 3 } }', {}, {}, 'unchecked')
    expect(loaded).toMatchObject({ config: { version: 1, sinks: {} } })
  })

  test('takes kafka: off as YAML 1.2 (a text) and as a program would write it', () => {
    expect(config('version: 1\ncollector: { kafka: off }').collector.kafka).toBe('off')
    expect(config('version: 1\ncollector: { kafka: false }').collector.kafka).toBe('off')
  })
})

describe('a wrong file is answered with', () => {
  test('what is missing', () => {
    expect(problems('')).toMatchInlineSnapshot(
      `"logdrive.yaml:1:1 version: missing: expected 1, the only version there is"`,
    )
    expect(problems('data: x')).toMatchInlineSnapshot(
      `"logdrive.yaml:1:1 version: missing: expected 1, the only version there is"`,
    )
  })
  test('the version it should have', () => {
    expect(problems('version: 2')).toMatchInlineSnapshot(
      `"logdrive.yaml:1:10 version: expected 1, the only version there is"`,
    )
  })
  test('the key that was meant', () => {
    expect(problems('version: 1\ncolector: {}\nsnks: {}')).toMatchInlineSnapshot(`
      "logdrive.yaml:2:1 colector: unknown key "colector"; did you mean "collector"?
      logdrive.yaml:3:1 snks: unknown key "snks"; did you mean "sinks"?"
    `)
  })
  test('a map where a map belongs', () => {
    expect(problems('[]')).toMatchInlineSnapshot(`"logdrive.yaml:1:1 expected a map, found a list"`)
    expect(problems('version: 1\nsinks: [a]\ntopics: 3')).toMatchInlineSnapshot(`
      "logdrive.yaml:2:8 sinks: expected a map, found a list
      logdrive.yaml:3:9 topics: expected a map, found a number"
    `)
  })
  test('the sink type that was meant', () => {
    expect(problems('version: 1\nsinks:\n  w:\n    type: clickhous\n    topics: [a]')).toMatchInlineSnapshot(
      `"logdrive.yaml:4:11 sinks.w.type: unknown type of sink: expected one of clickhouse, file, stdout; did you mean "clickhouse"?"`,
    )
  })
  test('the sink types there are, when none is given', () => {
    expect(problems('version: 1\nsinks: { w: { topics: [a] } }')).toMatchInlineSnapshot(
      `"logdrive.yaml:2:10 sinks.w.type: missing: expected the type of sink: clickhouse, file, stdout"`,
    )
  })
  test('an honest word about sinks and inputs that are not built', () => {
    expect(
      problems(`version: 1
sinks: { lake: { type: s3, topics: [a] } }
agent: { inputs: { j: { type: kafka } } }`),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:2:24 sinks.lake.type: s3 sinks are not built yet; there is: clickhouse, file, stdout
      logdrive.yaml:3:31 agent.inputs.j.type: kafka inputs are not built yet; there is: file, host_metrics, stdin, exec, journald, syslog, docker, kubernetes"
    `)
  })
  test('an honest word about keys that are not built', () => {
    expect(
      problems(`version: 1
collector:
  http: { tls: { cert: a, key: b } }
  log: { kafka: { brokers: ["a:9092"] } }
topics: { a: { replication: 3 } }
agent: { inputs: { nginx: { type: file, paths: [a] } } }
plugins: []`),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:4:8 collector.log: Apache Kafka as the log is not built yet: use embedded
      logdrive.yaml:5:29 topics.a.replication: replication above 1 is not built yet: one node keeps one copy
      logdrive.yaml:7:10 plugins: plug-ins are not built yet"
    `)
  })
  test('what is wrong with a parser, at the key that is', () => {
    const input = (parse: string) => `{ type: file, paths: [a], parse: ${parse} }`
    const lines = [
      'ngnix',
      '{ type: nginx, format: "$a$b" }',
      '{ type: regex, pattern: "(?<a>x)\\\\1" }',
      '{ type: regex, pattern: "(" }',
      '{ type: regex }',
      '{ type: csv }',
      '{ type: json, time: { zone: Mars, format: "%Q" } }',
      '{ type: json, time: { format: "%H" } }',
      '{ type: json, columns: [a] }',
      '{ type: cri, inside: { type: nginx, format: x } }',
      '{ type: json, sevrity: {} }',
      '{ type: json, severity: { map: { x: bad } } }',
    ]
    // Schema first: its problems hide what only the parsers know.
    const found = lines.map((line) => problems(`version: 1\nagent: { inputs: { a: ${input(line)} } }`))
    expect(found.join('\n')).toMatchInlineSnapshot(`
      "logdrive.yaml:2:56 agent.inputs.a.parse: expected json, logfmt, nginx, apache, syslog, cri, docker, klog, regex, csv, or a map with a type; did you mean "nginx"?
      logdrive.yaml:2:79 agent.inputs.a.parse.format: nothing stands between a and b in the format
      logdrive.yaml:2:80 agent.inputs.a.parse.pattern: the pattern could take for ever on some line: use no look-ahead, no back-references and no counts above 1000
      logdrive.yaml:2:80 agent.inputs.a.parse.pattern: not a regular expression: Unterminated group
      logdrive.yaml:2:56 agent.inputs.a.parse: type: regex needs a pattern
      logdrive.yaml:2:56 agent.inputs.a.parse: type: csv needs columns
      logdrive.yaml:2:84 agent.inputs.a.parse.time.zone: unknown time zone: expected UTC, +02:00 or a name such as Europe/Berlin
      logdrive.yaml:2:86 agent.inputs.a.parse.time.format: a time format needs a month and a day (%m %d), or %s
      logdrive.yaml:2:79 agent.inputs.a.parse.columns: json lines have no columns: it belongs to type: csv
      logdrive.yaml:2:100 agent.inputs.a.parse.inside.format: unknown format: expected combined, main, ingress or a log_format with $variables
      logdrive.yaml:2:70 agent.inputs.a.parse.sevrity: unknown key "sevrity"; did you mean "severity"?
      logdrive.yaml:2:92 agent.inputs.a.parse.severity.map.x: expected one of trace, debug, info, warn, error, fatal"
    `)
  })
  test('every problem at once, in the order of the file', () => {
    expect(
      problems(`version: 1
collector:
  http: { listen: 8750 }
  flush: sometimes
  keys: { Web: { key: x, allow: [trak] } }
sinks:
  warehouse:
    type: clickhouse
    topics: []
    batch: { rows: many, bytes: 32mb, age: 5 }
    tabel: x
`),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:3:19 collector.http.listen: expected host:port (up to 65535), such as 127.0.0.1:8750, 0.0.0.0:8750 (every interface) or [::1]:8750
      logdrive.yaml:4:10 collector.flush: expected commit, os or { interval: 200ms }
      logdrive.yaml:5:11 collector.keys.Web: a name starts with a-z and goes on with a-z, 0-9, "_" or "-" (64 at most)
      logdrive.yaml:9:13 sinks.warehouse.topics: at least one topic
      logdrive.yaml:10:20 sinks.warehouse.batch.rows: expected a count such as 500, 100k or 1M
      logdrive.yaml:10:33 sinks.warehouse.batch.bytes: expected a size such as 512, 64KiB, 10MB or 20GiB
      logdrive.yaml:10:44 sinks.warehouse.batch.age: expected a duration such as 200ms, 5s, 5m, 12h or 7d: say the unit
      logdrive.yaml:11:5 sinks.warehouse.tabel: unknown key "tabel""
    `)
  })
  test('the place inside a branch of a choice', () => {
    expect(
      problems(`version: 1
collector: { flush: { interval: 5 }, kafka: { listn: "a:1" } }
sinks: { w: { type: clickhouse, topics: [a], server: { url: "http://a", usr: x } } }`),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:2:33 collector.flush.interval: expected a duration such as 200ms, 5s, 5m, 12h or 7d: say the unit
      logdrive.yaml:2:47 collector.kafka.listn: unknown key "listn"; did you mean "listen"?
      logdrive.yaml:3:73 sinks.w.server.usr: unknown key "usr"; did you mean "user"?"
    `)
  })
  test('the choice itself when no branch fits', () => {
    expect(
      problems('version: 1\nsinks: { w: { type: clickhouse, topics: [a], server: embeded } }'),
    ).toMatchInlineSnapshot(
      `"logdrive.yaml:2:54 sinks.w.server: expected embedded or { url, user, password, database }"`,
    )
  })
  test('quotes for a text that looks like a number', () => {
    expect(
      problems('version: 1\ndata: 5\ncollector: { keys: { a: { key: 12345, allow: [track] } } }'),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:2:7 data: expected a path
      logdrive.yaml:3:32 collector.keys.a.key: expected a text; put digits in quotes"
    `)
  })
  test('duplicate keys', () => {
    expect(problems('version: 1\ntopics:\n  a: {}\n  a: {}')).toMatchInlineSnapshot(
      `"logdrive.yaml:4:3 topics.a: duplicate key "a""`,
    )
  })
  test('tabs', () => {
    expect(problems('version: 1\ncollector:\n\thttp: {}')).toMatchInlineSnapshot(
      `"logdrive.yaml:3:1 a tab in the indentation: use spaces"`,
    )
  })
  test('a bracket that is not closed', () => {
    expect(problems('version: 1\nsinks: { a: [1, 2 }\n')).toMatchInlineSnapshot(`
      "logdrive.yaml:2:19 not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]"
    `)
  })
  test('braces without quotes are one problem, however much follows', () => {
    const sinks =
      'sinks:\n  a: { type: file, path: /x/{topic}, topics: [x], rotate: { age: 1s } }\nagent: { }\n'
    expect(problems(`version: 1\n${sinks}`)).toMatchInlineSnapshot(
      `"logdrive.yaml:3:29 not YAML: something stands here that does not belong; a text with { } [ ] , : or # needs quotes"`,
    )
  })
  test('an indentation that does not fit', () => {
    expect(problems('version: 1\ncollector:\n    http: {}\n  log: embedded\n')).toMatchInlineSnapshot(
      `"logdrive.yaml:4:1 not YAML: All mapping items must start at the same column"`,
    )
  })
  test('a second document', () => {
    expect(problems('version: 1\n---\nversion: 1')).toMatchInlineSnapshot(
      `"logdrive.yaml:2:1 a second document ("---"): one file holds one configuration"`,
    )
  })
  test('tags', () => {
    expect(problems('version: 1\ndata: !js/function "x"')).toMatchInlineSnapshot(
      `"logdrive.yaml:2:7 tags (!name) are not known here"`,
    )
  })
  test('keys that would reach into prototypes', () => {
    expect(
      problems('version: 1\n__proto__: { admin: true }\ntopics: { constructor: {}, "prototype": {} }'),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:2:1 __proto__: this key is not allowed
      logdrive.yaml:3:11 topics.constructor: this key is not allowed
      logdrive.yaml:3:28 topics.prototype: this key is not allowed"
    `)
  })
  test('keys that are no texts', () => {
    expect(problems('version: 1\n? [a, b]\n: c')).toMatchInlineSnapshot(
      `"logdrive.yaml:2:3 a key must be a plain text"`,
    )
  })
  test('bad names of topics, inputs and sinks', () => {
    expect(
      problems(`version: 1
topics: { "web logs": {}, __offsets: {} }
sinks: { Warehouse: { type: stdout, topics: [a/b] } }`),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:2:11 topics["web logs"]: a topic is named with 1 to 249 letters, digits, ".", "_" or "-"
      logdrive.yaml:2:27 topics.__offsets: topics that begin with "__" belong to Logdrive itself
      logdrive.yaml:3:10 sinks.Warehouse: a name starts with a-z and goes on with a-z, 0-9, "_" or "-" (64 at most)"
    `)
  })
  test('merge keys, which YAML 1.2 has not', () => {
    expect(problems('version: 1\ntopics: { a: &a {}, b: { <<: *a } }')).toMatchInlineSnapshot(
      `"logdrive.yaml:2:26 topics.b["<<"]: unknown key "<<""`,
    )
  })
  test('a broken connection between parts, once every part is right', () => {
    expect(
      problems(`version: 1
collector: { http: { listen: 127.0.0.1:8123 }, auto_create_topics: false }
topics: { web_logs: {} }
agent: { inputs: { nginx: { type: file, paths: [a], topic: weblogs } } }
sinks:
  one: { type: clickhouse, topics: [web_logs] }
  two: { type: clickhouse, topics: [web_log] }`),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:4:60 agent.inputs.nginx.topic: topic not declared, and auto_create_topics is false; did you mean "web_logs"?
      logdrive.yaml:6:3 sinks.one.port: port 8123 is taken by collector.http.listen; give each its own
      logdrive.yaml:7:3 sinks.two.port: port 8123 is taken by collector.http.listen; give each its own
      logdrive.yaml:7:37 sinks.two.topics[0]: topic not declared, and auto_create_topics is false; did you mean "web_logs"?"
    `)
  })
})
