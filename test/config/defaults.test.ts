// What runs without a file, and the files to start from.
import { expect, test } from 'vitest'
import { collectorUrls } from '../../config/collector-urls.ts'
import { defaultConfig, starterAgentYaml, starterYaml } from '../../config/defaults.ts'
import { formatProblem } from '../../config/load.ts'
import { load, sampleSinks } from './samples.ts'

const modeline = '# yaml-language-server: $schema=./logdrive.schema.json'

test('without a file there is a collector on loopback and embedded ClickHouse for every activity', () => {
  const config = defaultConfig(sampleSinks)
  expect(config.collector.http.listen).toEqual({ host: '127.0.0.1', port: 8750 })
  expect(config.agent).toBeUndefined()
  expect(config.sinks).toMatchObject({
    warehouse: {
      type: 'clickhouse',
      server: 'embedded',
      port: 8123,
      topics: ['page_views', 'clicks', 'searches', 'metrics', 'errors', 'events', 'identities', 'logs'],
    },
  })
  expect(defaultConfig(sampleSinks, '/srv/data').data).toBe('/srv/data')
})

test('what init writes is right, with no warnings, and its first line leads editors to the schema', () => {
  for (const text of [starterYaml(), starterAgentYaml()]) {
    expect(text.split('\n')[0]).toBe(modeline)
    expect(load(text)).toMatchObject({ config: { version: 1 }, warnings: [] })
  }
})

test('every example that stands behind a comment is right too', () => {
  const uncommented = starterYaml()
    .split('\n')
    .map((line) => (/^# {1,}[a-z]+:|^# {3,}/.test(line) && !line.includes('Check it') ? line.slice(2) : line))
    .join('\n')
  // `collector.keys` is commented one level deep.
  const text = uncommented.replace(/^ {2}# (.*)$/gm, '  $1').replace(/^ {2}(Who|When|ClickHouse) .*$/gm, '')
  const variables = { WEB_KEY: 'w'.repeat(20), FLEET_KEY: 'f'.repeat(20), OPS_KEY: 'o'.repeat(20) }
  const loaded = load(text, variables)
  expect(loaded).toMatchObject({ config: { agent: { inputs: { nginx: { type: 'file' } } } } })
  expect('config' in loaded && Object.keys(loaded.config.collector.keys)).toEqual(['web', 'fleet', 'ops'])
})

test('an agent ships to the collector of its own file unless told otherwise', () => {
  const urls = (text: string) => {
    const loaded = load(`version: 1\n${text}`)
    return 'config' in loaded ? collectorUrls(loaded.config) : loaded.problems
  }
  expect(urls('')).toEqual(['http://127.0.0.1:8750'])
  expect(urls('collector: { http: { listen: 0.0.0.0:9000 } }')).toEqual(['http://127.0.0.1:9000'])
  expect(urls('collector: { http: { listen: "[::1]:9000" } }')).toEqual(['http://[::1]:9000'])
  expect(urls('collector: { http: { listen: 10.0.0.5:9000 } }')).toEqual(['http://10.0.0.5:9000'])
  expect(urls('agent: { collector: "http://a:1", inputs: {} }')).toEqual(['http://a:1'])
  expect(urls('agent: { collector: ["http://a:1", "http://b:1"], inputs: {} }')).toEqual([
    'http://a:1',
    'http://b:1',
  ])
})

test('the inputs that a starter file shows as comments are right when they are no comments', () => {
  const text = starterAgentYaml().replace(/^ {4}# (\w+: \{ type: [^\n]*)$/gm, '    $1')
  const loaded = load(text.replaceAll(/ {5}app \|.*$/gm, ''))
  if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  expect(Object.values(loaded.config.agent?.inputs ?? {}).map(({ type }) => type)).toEqual([
    'file',
    'host_metrics',
    'journald',
    'kubernetes',
    'docker',
    'syslog',
    'exec',
    'stdin',
  ])
})
