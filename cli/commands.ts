// The list of commands. Each is loaded when it is called, so that an agent never loads what it does not run.

import { fileURLToPath } from 'node:url'
import type { SinkSchema } from '../config/schema.ts'
import type { Command } from './command.ts'

/** A command by name; `load` imports it. */
export interface Entry {
  readonly name: string
  readonly summary: string
  load(): Promise<Command>
}

/** All commands, in the order help shows them. */
export const commands: readonly Entry[] = [
  {
    name: 'up',
    summary: 'Runs everything on this machine: collector, agent, embedded ClickHouse',
    load: async () => (await import('./up.ts')).up,
  },
  {
    name: 'collector',
    summary: 'Runs a collector: the log, its HTTP interface and its sinks',
    load: async () => (await import('./collector.ts')).collector,
  },
  {
    name: 'agent',
    summary: 'Tails the files of a configuration and ships their lines to a collector',
    load: async () => (await import('./agent.ts')).agentCommand(configChild()),
  },
  {
    name: 'init',
    summary: 'Writes a commented configuration to start from',
    load: async () => (await import('./init.ts')).initCommand(await sinkSchemas()),
  },
  {
    name: 'validate',
    summary: 'Lists every problem of a configuration with its place',
    load: async () => (await import('./validate.ts')).validateCommand(await sinkSchemas()),
  },
  {
    name: 'test',
    summary: 'Runs the tests of a configuration: sample lines and the records that should come of them',
    load: async () => (await import('./test.ts')).testCommand(await sinkSchemas()),
  },
  {
    name: 'schema',
    summary: 'Prints the JSON Schema of the configuration, for editors',
    load: async () => (await import('./schema.ts')).schema,
  },
  {
    name: 'doctor',
    summary: 'Checks data folder, configuration, disk, clock, ports and ClickHouse, and says the fix',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'status',
    summary: 'Shows health, topics, agents, sinks and lag of a collector',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'topics',
    summary: 'Lists, describes, creates, alters and deletes topics',
    load: async () => (await import('./topics.ts')).topics,
  },
  {
    name: 'produce',
    summary: 'Sends the lines of stdin to a topic',
    load: async () => (await import('./produce.ts')).produce,
  },
  {
    name: 'tail',
    summary: 'Prints the records of topics, one JSON a line',
    load: async () => (await import('./tail.ts')).tail,
  },
  {
    name: 'groups',
    summary: 'Lists and describes consumer groups with their lag, and sets them elsewhere',
    load: async () => (await import('./groups.ts')).groups,
  },
  {
    name: 'sql',
    summary: 'Asks the ClickHouse behind the first clickhouse sink',
    load: async () => (await import('./sql.ts')).sql,
  },
  {
    name: 'snippet',
    summary: 'Prints the HTML tag that tracks a web site',
    load: async () => (await import('./snippet.ts')).snippet,
  },
]

async function sinkSchemas(): Promise<readonly SinkSchema[]> {
  return (await import('./sink-types.ts')).sinkSchemas()
}

/** The words behind Node's that read a configuration in a process of their own. */
function configChild(): readonly string[] {
  const script = import.meta.url.endsWith('.ts') ? './config-child.ts' : './config-child.js'
  return [fileURLToPath(new URL(script, import.meta.url))]
}
