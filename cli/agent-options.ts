// From the YAML to what an agent takes.

import { hostname } from 'node:os'
import type { Agent } from '../agent/agent.ts'
import { type AgentLimits, type AgentOptions, defaultLimits, type FileInput } from '../agent/options.ts'
import { collectorUrls } from '../config/collector-urls.ts'
import { asFiles } from '../config/inputs/as-files.ts'
import type { Config, InputConfig } from '../config/schema.ts'
import { LogdriveError } from '../core/errors.ts'
import type { Runtime } from '../core/runtime.ts'
import { zstdLater } from '../protocol/compression.ts'
import { serveStatus } from './agent-socket.ts'
import { framingOf } from './framings.ts'
import { originOf } from './origins.ts'
import { parseOptions } from './parsers.ts'
import { sourcesOf } from './sources.ts'

/** The agent of a configuration. Throws CONFIG_INVALID when the file has none. */
export async function agentOptions(config: Config, file: string): Promise<AgentOptions> {
  const { agent } = config
  if (agent === undefined) {
    const hint = 'Add an agent section with inputs; "logdrive init --agent" writes one to start from.'
    throw new LogdriveError('CONFIG_INVALID', `${file} has no agent section`, { hint })
  }
  const inputs = Object.entries(agent.inputs)
  const files = await Promise.all(inputs.map(([name, input]) => fileInputOf(name, input)))
  return {
    collectors: collectorUrls(config),
    key: agent.key ?? null,
    stateFolder: agent.state,
    host: hostname(),
    zstd: zstdLater,
    limits: limitsOf(agent),
    inputs: files.filter((input) => input !== null),
    sources: await sourcesOf(inputs),
  }
}

function limitsOf({ requests, scan, max_open_files }: NonNullable<Config['agent']>): Partial<AgentLimits> {
  return {
    scanMs: scan,
    openFilesMax: max_open_files,
    requestsMin: requests.min,
    requestsMax: requests.max,
    requestMs: requests.timeout,
    // Whole batches; two at least, or nothing would be read while one is on its way.
    batchesMax: Math.max(2, Math.floor(requests.in_flight / defaultLimits.batchBytesMax)),
    retryMsMin: requests.wait_min,
    retryMsMax: requests.wait_max,
  }
}

/**
 * What shows an agent to others, until disposal: the socket of `agent status`, and GET /metrics where the YAML asks for it
 * (only then a server is loaded). Throws PORT_TAKEN.
 */
export async function showAgent(
  { agent: config }: Config,
  agent: Agent,
  { http, logger }: Runtime,
): Promise<AsyncDisposable> {
  await using shown = new AsyncDisposableStack()
  if (config?.metrics !== undefined) {
    const { serveMetrics } = await import('../agent/metrics.ts')
    const { listen, files: filesMax } = config.metrics
    const { address } = shown.use(await serveMetrics({ listen, filesMax }, () => agent.status(), http))
    logger.info({ ...address }, 'metrics are served')
  }
  const state = config?.state
  if (state !== undefined) shown.use(await serveStatus(state, () => agent.status(), logger))
  return shown.move()
}

/** The input of files that one of the YAML is; null for one that reads none. */
export async function fileInputOf(name: string, whole: InputConfig): Promise<FileInput | null> {
  const input = asFiles(whole)
  if (input === null) return null
  const framing = await framingOf(input)
  const origin = await originOf(whole)
  return {
    name,
    paths: input.paths,
    exclude: input.exclude,
    topic: input.topic,
    start: input.start,
    ...(input.compressed === undefined ? {} : { compressed: input.compressed }),
    lineBytesMax: input.line_bytes_max,
    ...(input.ignore_older === undefined ? {} : { ignoreOlderMs: input.ignore_older }),
    ...(input.delete === undefined ? {} : { deleteAfterMs: input.delete.after }),
    ...(framing === undefined ? {} : { framing }),
    ...(origin === null ? {} : { origin }),
    ...(input.parse === undefined ? {} : { parse: parseOptions(input.parse) }),
    transforms: input.transforms,
  }
}
