// What a schema cannot say: names that must exist elsewhere, ports that must differ, keys that must not be the same.

import { activityTopics } from './activity-topics.ts'
import { checkInputs } from './inputs/check.ts'
import { checkKafka } from './kafka-check.ts'
import { checkListenTls, type ReadFile } from './listen-tls.ts'
import { isLoopback } from './loopback.ts'
import { checkEncodings } from './multiline.ts'
import { doubtful, type Finding, type Path, wrong } from './problems.ts'
import type { Config } from './schema.ts'
import { checkShipping } from './shipping-check.ts'
import { didYouMean, nearest } from './suggest.ts'
import { checkTests } from './tests.ts'

const keyCharactersMin = 16

/**
 * What is wrong or doubtful between the parts of a configuration that is right part by part. `readFile` null: files it names
 * are not looked at.
 */
export function crossCheck(config: Config, readFile: ReadFile | null): readonly Finding[] {
  return [
    ...checkPorts(config),
    ...checkTopics(config),
    ...checkPaths(config),
    ...checkInputs(config),
    ...checkEncodings(config),
    ...checkKeys(config),
    ...checkSinks(config),
    ...checkListenTls(config.collector.http.tls, ['collector', 'http', 'tls'], readFile),
    ...checkShipping(config, readFile),
    ...checkKafka(config, readFile),
    ...checkTests(config),
  ]
}

function checkPorts(config: Config): readonly Finding[] {
  const findings: Finding[] = []
  const taken = new Map<string, string>()
  const claim = (port: number, owner: string, path: Path, protocol = 'tcp') => {
    const key = `${protocol} ${port}`
    const other = port === 0 ? undefined : taken.get(key)
    if (other !== undefined)
      findings.push(wrong(path, `port ${port} is taken by ${other}; give each its own`))
    else taken.set(key, owner)
  }
  const { http, kafka } = config.collector
  claim(http.listen.port, 'collector.http.listen', ['collector', 'http', 'listen'])
  if (kafka !== undefined && kafka !== 'off')
    claim(kafka.listen.port, 'collector.kafka.listen', ['collector', 'kafka', 'listen'])
  if (config.agent?.metrics !== undefined)
    claim(config.agent.metrics.listen.port, 'agent.metrics.listen', ['agent', 'metrics', 'listen'])
  for (const [name, sink] of Object.entries(config.sinks)) {
    if (sink.server === 'embedded' && typeof sink.port === 'number')
      claim(sink.port, `the embedded ClickHouse of the sink ${name}`, ['sinks', name, 'port'])
  }
  for (const [name, input] of Object.entries(config.agent?.inputs ?? {})) {
    if (input.type !== 'syslog') continue
    for (const protocol of new Set(input.protocols))
      claim(input.listen.port, `the input ${name}`, ['agent', 'inputs', name, 'listen'], protocol)
  }
  return findings
}

function checkTopics(config: Config): readonly Finding[] {
  const findings: Finding[] = []
  const declared = new Set(Object.keys(config.topics))
  const inputs = Object.entries(config.agent?.inputs ?? {})
  const written = new Set([...declared, ...activityTopics, ...inputs.map(([, input]) => input.topic)])
  const { auto_create_topics: createsTopics } = config.collector
  const refer = (topic: string, path: Path, known: ReadonlySet<string>) => {
    if (!createsTopics && !declared.has(topic))
      findings.push(
        wrong(path, `topic not declared, and auto_create_topics is false${didYouMean(topic, declared)}`),
      )
    else if (!known.has(topic) && !topic.endsWith('.dead-letter')) {
      const near = nearest(topic, known)
      if (near !== undefined)
        findings.push(doubtful(path, `nothing in this file writes this topic; did you mean "${near}"?`))
    }
  }
  for (const [name, input] of inputs)
    refer(input.topic, ['agent', 'inputs', name, 'topic'], new Set([...written]))
  for (const [name, sink] of Object.entries(config.sinks)) {
    const seen = new Set<string>()
    for (const [index, topic] of sink.topics.entries()) {
      const path = ['sinks', name, 'topics', index]
      if (seen.has(topic)) findings.push(doubtful(path, 'this topic is in the list already'))
      else refer(topic, path, written)
      seen.add(topic)
    }
  }
  return findings
}

function checkPaths(config: Config): readonly Finding[] {
  const findings: Finding[] = []
  const owners = new Map<string, string>()
  for (const [name, input] of Object.entries(config.agent?.inputs ?? {})) {
    if (!('paths' in input)) continue
    for (const [index, path] of input.paths.entries()) {
      const owner = owners.get(path)
      if (owner !== undefined)
        findings.push(
          doubtful(
            ['agent', 'inputs', name, 'paths', index],
            `this path is read by the input ${owner} already`,
          ),
        )
      owners.set(path, owner ?? name)
    }
  }
  return findings
}

function checkKeys(config: Config): readonly Finding[] {
  const findings: Finding[] = []
  const entries = Object.entries(config.collector.keys)
  const owners = new Map<string, string>()
  for (const [name, entry] of entries) {
    const path = ['collector', 'keys', name, 'key']
    const owner = owners.get(entry.key)
    if (owner !== undefined) findings.push(wrong(path, `the same key as ${owner}: then it means neither`))
    owners.set(entry.key, owner ?? name)
    const strong = entry.allow.some((permission) => permission !== 'track')
    if (strong && entry.key.length < keyCharactersMin)
      findings.push(
        doubtful(path, `short for a key that may do this: use ${keyCharactersMin} characters or more`),
      )
    if (strong && entry.origins.length > 0)
      findings.push(
        doubtful(['collector', 'keys', name, 'allow'], 'a key for browsers is public: let it `track` only'),
      )
  }
  const { listen } = config.collector.http
  if (entries.length === 0 && !isLoopback(listen.host))
    findings.push(
      doubtful(
        ['collector', 'http', 'listen'],
        'reachable from other machines without keys: only this machine will be allowed to write; add collector.keys',
      ),
    )
  return findings
}

function checkSinks(config: Config): readonly Finding[] {
  const findings: Finding[] = []
  for (const [name, sink] of Object.entries(config.sinks)) {
    if (sink.retry.wait_min > sink.retry.wait_max)
      findings.push(wrong(['sinks', name, 'retry', 'wait_min'], 'longer than retry.wait_max'))
  }
  return findings
}
