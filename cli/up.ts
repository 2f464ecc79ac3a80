// logdrive up: collector, sinks, embedded ClickHouse and a local agent in one go, from one YAML or from none.

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Agent, startAgent } from '../agent/agent.ts'
import { defaultAgent, defaultConfig } from '../config/defaults.ts'
import type { Config } from '../config/schema.ts'
import type { Runtime } from '../core/runtime.ts'
import { Scope } from '../core/scope.ts'
import { nodeHttp } from '../runtime/http.ts'
import { lockFolder } from '../runtime/lock.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { clientOptions } from './agent-client.ts'
import { agentOptions, showAgent } from './agent-options.ts'
import { besideData } from './collector-options.ts'
import { type Arguments, type Command, exitCodes, type Io } from './command.ts'
import { requireConfig } from './config-file.ts'
import { demoInput, demoTopic, runDemo } from './demo.ts'
import { inputChecks } from './input-checks.ts'
import { configOption, logOption, readLogLevel, warnAbout } from './process.ts'
import { followCounters, screenOf } from './screen.ts'
import { type Serving, serve } from './serve.ts'
import { sinkSchemas } from './sink-types.ts'
import { readStatics } from './statics.ts'

/** Runs until it is stopped. Ctrl-C drains and exits 0; twice ends it at once. */
export const up: Command = {
  name: 'up',
  summary: 'Runs everything on this machine: collector, agent, embedded ClickHouse',
  usage: '[-c FILE] [options]',
  examples: [
    'logdrive up',
    'logdrive up --demo',
    'logdrive up -c logdrive.yaml',
    'logdrive up --data /srv/logdrive',
  ],
  options: {
    ...configOption,
    data: { value: 'DIR', about: 'the data folder (default: data: of the YAML, else ./logdrive-data)' },
    demo: { about: 'serve a demo shop at /demo and tail a web log that is written as you look' },
    ...logOption,
  },
  async run(args, io, signal) {
    const { config, file } = readUpConfig(args, io)
    const runtime = nodeRuntime({ level: readLogLevel(args, io.stdout.isTerminal ? 'warn' : 'info') })
    warnAbout(config.warnings, runtime.logger)
    const demo = args.has('demo')
    const statics = await readStatics({ demo })
    const options = { config: config.config, statics, io }
    await serve(options, runtime, signal, (serving, scoped) =>
      runLocally({ config: config.config, file, demo, io }, serving, runtime, scoped),
    )
    return exitCodes.good
  },
}

interface Local {
  readonly config: Config
  readonly file: string
  readonly demo: boolean
  readonly io: Io
}

/** The local agent, the demo, and what is shown. */
async function runLocally(
  local: Local,
  serving: Serving,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<void> {
  const { config, demo, io } = local
  await using scope = new Scope(signal)
  if (demo) scope.spawn((scoped) => runDemo(besideData(config, 'demo'), runtime, scoped))
  const agent = config.agent === undefined ? null : await startLocalAgent(local, serving, runtime, signal)
  await using _agent = agent?.agent ?? null
  await using _lock = agent?.lock ?? null
  await using _shown = agent === null ? null : await showAgent(config, agent.agent, runtime)
  if (agent !== null) scope.spawn(() => agent.agent.stopped)
  await io.stdout.write(screenOf({ config, demo, url: serving.url, kafka: serving.kafka }, io.stdout))
  scope.spawn((scoped) => followCounters(serving, agent?.agent ?? null, io.stdout, runtime.clock, scoped))
  await new Promise<void>((done) => scope.signal.addEventListener('abort', () => done(), { once: true }))
  if (io.stdout.isTerminal) await io.stdout.write('\nstopping: what waits is flushed ...\n')
  await scope.wait()
}

async function startLocalAgent(
  local: Local,
  serving: Serving,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<{ readonly agent: Agent; readonly lock: AsyncDisposable }> {
  const options = await agentOptions(local.config, local.file)
  // The port may have been 0: an agent that names no collector ships to this one.
  const named = local.config.agent?.collector !== undefined
  const collectors = named ? options.collectors : [serving.url]
  const key = options.key ?? shippingKey(local.config)
  const lock = await lockFolder(options.stateFolder)
  // Its way to the collector is its own; that of sinks is another.
  const http = nodeHttp(runtime.logger, clientOptions(local.config))
  const agent = await startAgent({ ...options, collectors, key }, { ...runtime, http }, signal)
  return { agent, lock }
}

/** Where keys are set, loopback alone no longer opens the door: the local agent takes one that may ship. */
function shippingKey(config: Config): string | null {
  const keys = Object.values(config.collector.keys)
  return keys.find((one) => one.allow.includes('ship') || one.allow.includes('admin'))?.key ?? null
}

interface Read {
  readonly config: Config
  readonly warnings: ReturnType<typeof requireConfig>['warnings']
}

/** The named file, else logdrive.yaml where there is one, else the defaults; then --data and --demo on top. */
function readUpConfig(args: Arguments, io: Io): { readonly config: Read; readonly file: string } {
  const named = args.text('config')
  const file = named ?? 'logdrive.yaml'
  const read: Read =
    named !== undefined || existsSync(file)
      ? requireConfig(file, sinkSchemas(), inputChecks, io)
      : { config: defaultConfig(sinkSchemas(), args.text('data')), warnings: [] }
  const data = args.text('data') ?? read.config.data
  const config = { ...read.config, data: resolve(data) }
  return { config: { ...read, config: args.has('demo') ? withDemo(config) : config }, file }
}

/** Adds the demo's web log as an input, and its topic to the first ClickHouse sink. */
function withDemo(config: Config): Config {
  const agent = config.agent ?? defaultAgent(besideData(config, 'agent-state'))
  const inputs = { ...agent.inputs, demo: demoInput(besideData(config, 'demo')) }
  const sinks = Object.entries(config.sinks).map(([name, sink], index, all) => {
    const isFirst = all.findIndex(([, one]) => one.type === 'clickhouse') === index
    const wanted = isFirst && !sink.topics.includes(demoTopic)
    return [name, wanted ? { ...sink, topics: [...sink.topics, demoTopic] } : sink] as const
  })
  return { ...config, agent: { ...agent, inputs }, sinks: Object.fromEntries(sinks) }
}
