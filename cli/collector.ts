// logdrive collector: the log, its HTTP interface and its sinks; no agent.

import type { InputChecks } from '../config/load.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { type Command, exitCodes, type Io } from './command.ts'
import { requireConfig } from './config-file.ts'
import { configOption, logOption, readLogLevel, warnAbout } from './process.ts'
import { serve } from './serve.ts'
import { sinkSchemas } from './sink-types.ts'
import { readStatics } from './statics.ts'

/** Runs until it is stopped: requests under way are answered, what waits is flushed, then it exits 0. */
export const collector: Command = {
  name: 'collector',
  summary: 'Runs a collector: the log, its HTTP interface and its sinks',
  usage: '-c FILE [options]',
  examples: ['logdrive collector -c /etc/logdrive/logdrive.yaml'],
  options: { ...configOption, ...logOption },
  async run(args, io, signal) {
    const file = args.text('config') ?? 'logdrive.yaml'
    const { config, warnings } = await readOwnConfig(file, io)
    const runtime = nodeRuntime({ level: readLogLevel(args, 'info') })
    warnAbout(warnings, runtime.logger)
    const statics = await readStatics({ demo: false })
    await serve({ config, statics, io }, runtime, signal, async ({ url, kafka }, serving) => {
      runtime.logger.info({ url, kafka }, 'collector is up')
      await new Promise<void>((resolve) => serving.addEventListener('abort', () => resolve(), { once: true }))
    })
    return exitCodes.good
  },
}

/** The agent's part of the program is loaded only where the file has inputs: it is read again then, and they are checked. */
async function readOwnConfig(file: string, io: Io): Promise<ReturnType<typeof requireConfig>> {
  const read = requireConfig(file, sinkSchemas(), unchecked, io)
  if (Object.keys(read.config.agent?.inputs ?? {}).length === 0) return read
  const { inputChecks } = await import('./input-checks.ts')
  return requireConfig(file, sinkSchemas(), inputChecks, io)
}

const unchecked: InputChecks = {
  parserProblem: () => null,
  framingProblem: () => null,
  transformProblem: () => null,
}
