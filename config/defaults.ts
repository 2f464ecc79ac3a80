// What runs without a file, and the files `logdrive init` writes to start from.

import { activityTopics } from './activity-topics.ts'
import { agent } from './agent.ts'
import { kafka } from './kafka.ts'
import { check } from './problems.ts'
import { type Config, configSchema, type KafkaConfig, type SinkSchema } from './schema.ts'

/** What `logdrive up` runs with no file: loopback, the activity topics, and embedded ClickHouse for all of them. */
export function defaultConfig(sinkSchemas: readonly SinkSchema[], data?: string): Config {
  const checked = check(configSchema(sinkSchemas), {
    version: 1,
    ...(data === undefined ? {} : { data }),
    sinks: { warehouse: { type: 'clickhouse', topics: [...activityTopics], server: 'embedded' } },
  })
  if ('findings' in checked)
    throw new TypeError(`the built-in configuration is wrong: ${checked.findings[0]?.message}`)
  return checked.value
}

/** An agent without inputs that keeps its state in this folder. */
export function defaultAgent(state: string): NonNullable<Config['agent']> {
  return agent.parse({ state, inputs: {} })
}

/** The listener for Kafka clients of a file that does not speak of it. */
export function defaultKafka(): KafkaConfig {
  const listener = kafka.parse({})
  if (listener === undefined || listener === 'off') throw new TypeError('an empty listener is no listener')
  return listener
}

/** The text of `logdrive init`: collector, an example agent and sinks. `file` is named in its comments. */
export function starterYaml(file = 'logdrive.yaml'): string {
  return `${modeline}
# Logdrive: what receives, keeps, collects and drains. Every key: docs/config.md.
# Check it with: logdrive validate -c ${file}     Run it with: logdrive up -c ${file}
version: 1

# Topics, offsets and the embedded ClickHouse live in this folder.
data: ./logdrive-data

collector:
  http: { listen: 127.0.0.1:8750 }
  # Who speaks Kafka connects here; or kafka: off.
  kafka: { listen: 127.0.0.1:9092 }
  # When a record counts as stored: commit (synced to disk), { interval: 200ms }, or os.
  flush: commit
  # Who may do what. Without keys only this machine may write and administer.
  # keys:
  #   web:   { key: "\${env:WEB_KEY}",   allow: [track], origins: ["https://shop.example"] }
  #   fleet: { key: "\${env:FLEET_KEY}", allow: [ship] }
  #   ops:   { key: "\${env:OPS_KEY}",   allow: [admin] }

# Topics are made on first use; name one here to give it settings of its own.
topics:
  logs: { partitions: 4, retention: { age: 7d, bytes: 20GiB } }

# What this machine collects. Take the comments away to tail files.
# agent:
#   state: ./agent-state
#   inputs:
#     nginx:
#       type: file
#       paths: ["/var/log/nginx/*.log"]
#       exclude: ["*.gz"]
#       topic: logs

sinks:
  # ClickHouse on http://127.0.0.1:8123; or server: { url: ..., user: ..., password: "\${env:CLICKHOUSE_PASSWORD}" }
  warehouse:
    type: clickhouse
    topics: [${activityTopics.join(', ')}]
    server: embedded
    batch: { rows: 100k, bytes: 32MiB, age: 1s }
`
}

/** Where an agent's file is meant for; by default a folder of one's own. */
export interface AgentPlace {
  /** The program that its comments name. */
  readonly program?: string
  readonly state?: string
}

/** The text of `logdrive init --agent`: an agent alone, that ships to a collector elsewhere. */
export function starterAgentYaml(file = 'agent.yaml', place: AgentPlace = {}): string {
  const { program = 'logdrive', state = './agent-state' } = place
  return `${modeline}
# A Logdrive agent: tails files and ships their lines. Every key: docs/config.md.
# Check it with: ${program} validate -c ${file}     Run it with: ${program} agent -c ${file}
version: 1

agent:
  # Where the collector listens, and a key of it that allows \`ship\`.
  collector: \${env:LOGDRIVE_URL:-http://127.0.0.1:8750}
  # key: "\${env:LOGDRIVE_KEY}"

  # Positions of the files. Keep this folder: without it every file is begun anew.
  state: ${state}

  inputs:
    system:
      type: file
      paths: ["/var/log/*.log", "/var/log/syslog"]
      exclude: ["*.gz", "*.xz"]
      topic: logs
      # Files that are there already: beginning (everything) or end (only what comes).
      start: beginning
    # CPU, memory, disks and network of this machine, every 15 s into the topic metrics:
    # host: { type: host_metrics }

    # Others; see docs/inputs.md:
    # journal: { type: journald, units: [nginx, "ssh*"], since: boot }
    # pods: { type: kubernetes, namespaces: { exclude: [kube-system] }, topic: pods }
    # docker: { type: docker, parse: json, topic: containers }
    # net: { type: syslog, listen: 127.0.0.1:5514 }
    # disks: { type: exec, command: [df, -P], interval: 5m }
    # app: { type: stdin, topic: app }     app | logdrive agent -c ...

# What should become of sample lines; "${program} test -c ${file}" runs it. See docs/testing.md:
# tests:
#   lines stay as they are:
#     input: system
#     lines: ["Nov 21 06:00:00 web-1 sshd[12]: Accepted publickey for ada"]
#     expect: ["Nov 21 06:00:00 web-1 sshd[12]: Accepted publickey for ada"]
`
}

const modeline = '# yaml-language-server: $schema=./logdrive.schema.json'
