// From the YAML to what an agent takes.

import { hostname } from 'node:os'
import type { AgentOptions, FileInput } from '../agent/options.ts'
import { collectorUrls } from '../config/collector-urls.ts'
import type { Config, FileInputConfig } from '../config/schema.ts'
import { LogdriveError } from '../core/errors.ts'
import { zstdLater } from '../protocol/compression.ts'
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
  return {
    collectors: collectorUrls(config),
    key: agent.key ?? null,
    stateFolder: agent.state,
    host: hostname(),
    zstd: zstdLater,
    inputs: inputs.flatMap(([name, input]) => (input.type === 'file' ? [fileInput(name, input)] : [])),
    sources: await sourcesOf(inputs),
  }
}

function fileInput(name: string, input: FileInputConfig): FileInput {
  return {
    name,
    paths: input.paths,
    exclude: input.exclude,
    topic: input.topic,
    start: input.start,
    lineBytesMax: input.line_bytes_max,
    ...(input.parse === undefined ? {} : { parse: parseOptions(input.parse) }),
  }
}
