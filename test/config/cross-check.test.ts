// What is wrong or doubtful between parts that are right one by one.
import { expect, test } from 'vitest'
import { formatProblem } from '../../config/load.ts'
import { load } from './samples.ts'

function findings(text: string): string {
  const loaded = load(`version: 1\n${text}`)
  if ('problems' in loaded)
    return loaded.problems.map((problem) => `error: ${formatProblem(problem)}`).join('\n')
  return loaded.warnings.map((problem) => `warning: ${formatProblem(problem)}`).join('\n')
}

test('two embedded servers on one port are an error, on two they are not', () => {
  const sinks = (port: number) => `sinks:
  a: { type: clickhouse, topics: [clicks] }
  b: { type: clickhouse, topics: [clicks], port: ${port} }`
  expect(findings(sinks(8123))).toMatchInlineSnapshot(
    `"error: logdrive.yaml:4:50 sinks.b.port: port 8123 is taken by the embedded ClickHouse of the sink a; give each its own"`,
  )
  expect(findings(sinks(8124))).toBe('')
})

test('a server elsewhere needs no port here', () => {
  expect(
    findings(`sinks:
  a: { type: clickhouse, topics: [clicks] }
  b: { type: clickhouse, topics: [clicks], server: { url: "http://ch:8123" } }`),
  ).toBe('')
})

test('port 0 is never taken', () => {
  expect(findings('collector: { http: { listen: 127.0.0.1:0 }, kafka: { listen: 127.0.0.1:0 } }')).toBe('')
})

test('a topic that is nearly one that is written is doubted', () => {
  expect(
    findings(`topics: { web_logs: {} }
sinks: { out: { type: stdout, topics: [web_log, page_view, orders, clicks.dead-letter] } }`),
  ).toMatchInlineSnapshot(`
    "warning: logdrive.yaml:3:40 sinks.out.topics[0]: nothing in this file writes this topic; did you mean "web_logs"?
    warning: logdrive.yaml:3:49 sinks.out.topics[1]: nothing in this file writes this topic; did you mean "page_views"?"
  `)
})

test('the same path twice and the same topic twice are doubted', () => {
  expect(
    findings(`agent:
  inputs:
    a: { type: file, paths: ["/var/log/*.log"] }
    b: { type: file, paths: ["/x", "/var/log/*.log"] }
sinks: { out: { type: stdout, topics: [logs, logs] } }`),
  ).toMatchInlineSnapshot(`
    "warning: logdrive.yaml:5:36 agent.inputs.b.paths[1]: this path is read by the input a already
    warning: logdrive.yaml:6:46 sinks.out.topics[1]: this topic is in the list already"
  `)
})

test('keys: the same twice is an error, a short one and a public one are doubted', () => {
  expect(
    findings(`collector:
  keys:
    a: { key: aaaaaaaaaaaaaaaaaaaa, allow: [track] }
    b: { key: aaaaaaaaaaaaaaaaaaaa, allow: [ship] }`),
  ).toMatchInlineSnapshot(
    `"error: logdrive.yaml:5:15 collector.keys.b.key: the same key as a: then it means neither"`,
  )
  expect(
    findings(`collector:
  keys:
    a: { key: short, allow: [track] }
    b: { key: short-too, allow: [admin] }
    c: { key: cccccccccccccccccccc, allow: [track, admin], origins: ["https://a.example"] }`),
  ).toMatchInlineSnapshot(`
    "warning: logdrive.yaml:5:15 collector.keys.b.key: short for a key that may do this: use 16 characters or more
    warning: logdrive.yaml:6:44 collector.keys.c.allow: a key for browsers is public: let it \`track\` only"
  `)
})

test('listening to everybody without keys is doubted, on loopback it is not', () => {
  expect(findings('collector: { http: { listen: 0.0.0.0:8750 } }')).toMatchInlineSnapshot(
    `"warning: logdrive.yaml:2:30 collector.http.listen: reachable from other machines without keys: only this machine will be allowed to write; add collector.keys"`,
  )
  expect(findings('collector: { http: { listen: "[::1]:8750" } }')).toBe('')
})

test('a first wait longer than the longest is an error', () => {
  expect(
    findings('sinks: { o: { type: stdout, topics: [logs], retry: { wait_min: 1m } } }'),
  ).toMatchInlineSnapshot(`"error: logdrive.yaml:2:64 sinks.o.retry.wait_min: longer than retry.wait_max"`)
})
