// Values of a configuration that come from the environment and from files. Needs nothing.
import { describe, expect, test } from 'vitest'
import { redact } from '../../config/redact.ts'
import { config, problems } from './samples.ts'

describe('values from outside', () => {
  test('come from the environment, from a default, from a file', () => {
    const read = config(
      `version: 1
data: "\${env:HOME_DIR}/data"
collector: { http: { listen: "127.0.0.1:\${env:PORT:-9000}" } }
sinks:
  w: { type: clickhouse, topics: [a], port: "\${env:CH_PORT}", server: { url: "http://ch", password: "\${file:/run/secrets/ch}" } }`,
      { HOME_DIR: '/home/me', CH_PORT: '9123' },
      { '/run/secrets/ch': 'hunter2\n' },
    )
    expect(read.data).toBe('/home/me/data')
    expect(read.collector.http.listen.port).toBe(9000)
    expect(read.sinks.w).toMatchObject({ port: 9123, server: { password: 'hunter2' } })
  })

  test('an empty variable counts as unset where there is a default', () => {
    expect(config(`version: 1\ndata: \${env:X:-here}`, { X: '' }).data).toBe('here')
  })

  test('are never read as YAML', () => {
    const variables = { X: 'a\nversion: 2\n"}{[&*!' }
    expect(config(`version: 1\ndata: \${env:X}`, variables).data).toBe(variables.X)
  })

  test('are not filled in twice', () => {
    expect(config(`version: 1\ndata: \${env:X}`, { X: `\${env:Y}`, Y: 'no' }).data).toBe(`\${env:Y}`)
  })

  test('are not filled into keys', () => {
    expect(problems(`version: 1\ntopics: { "\${env:X}": {} }`, { X: 'a' })).toContain('a topic is named with')
  })

  test(`a plain "\${" is written "$\${"`, () => {
    expect(config(`version: 1\ndata: a$\${env:X}`).data).toBe(`a\${env:X}`)
  })

  test('that are missing are problems with their place', () => {
    expect(
      problems(`version: 1
data: /var/\${env:NOT_SET}/x
collector:
  keys:
    web: { key: "\${file:/run/secrets/none}", allow: [track] }
    old: { key: "\${HOME}", allow: [track] }
    odd: { key: "\${env:X", allow: [track] }`),
    ).toMatchInlineSnapshot(`
      "logdrive.yaml:2:12 data: the variable NOT_SET is not set; set it, or write a default: \${env:NOT_SET:-value}
      logdrive.yaml:5:17 collector.keys.web.key: the file "/run/secrets/none" cannot be read (ENOENT)
      logdrive.yaml:6:17 collector.keys.old.key: only \${env:NAME}, \${env:NAME:-default} and \${file:path} are filled in; write "$\${" for a plain "\${"
      logdrive.yaml:7:17 collector.keys.odd.key: a "\${" without its "}"; write "$\${" for a plain "\${""
    `)
  })

  test('never show up in a message', () => {
    const canary = 'canary-4711'
    const keys = ['version', 'collector', 'topics', 'agent', 'sinks']
    const places = [
      ...keys.map((key) => `version: 1\n${key}: "\${env:S}"`),
      `version: 1\ncollector: { http: { listen: "\${env:S}" }, flush: "\${env:S}", log: "\${env:S}", auto_create_topics: "\${env:S}" }`,
      `version: 1\ncollector: { keys: { a: { key: 1, allow: ["\${env:S}"], origins: ["\${env:S}"] } } }`,
      `version: 1\ntopics: { a: { partitions: "\${env:S}", retention: { age: "\${env:S}", bytes: "\${env:S}" } } }`,
      `version: 1\nsinks: { a: { type: "\${env:S}" }, b: { type: clickhouse, topics: ["\${env:S} "], server: { url: "\${env:S}" } } }`,
      `version: 1\nagent: { collector: "\${env:S}", inputs: { a: { type: "\${env:S}" }, b: { type: file, start: "\${env:S}" } } }`,
      'version: 1\ndata: "canary-4711" canary-4711',
      'version: 1\ndata: [canary-4711\n: canary-4711',
      // Where the library's own message would repeat it.
      'version: 1\ndata: |canary-4711',
      '%canary-4711 x\n---\nversion: 1',
      'version: 1\ndata: !canary-4711 x',
      'version: 1\ndata: "\\canary-4711"',
    ]
    for (const text of places) {
      const found = problems(text, { S: canary })
      expect(found, text).not.toBe('no problems')
      expect(found, text).not.toContain('canary')
    }
  })

  test('secrets are hidden in what is printed', () => {
    const read = config(
      `version: 1
collector: { keys: { key: { key: "${'s3cret'.repeat(3)}", allow: [admin] } } }
agent: { key: s3cret, inputs: {} }
sinks: { password: { type: clickhouse, topics: [a], server: { url: "http://a", password: s3cret } } }`,
    )
    const printed = JSON.stringify(redact(read))
    expect(printed).not.toContain('s3cret')
    expect(printed).toContain('"url":"http://a"')
    expect(JSON.stringify(read)).toContain('s3cret')
  })
})
