// logdrive collector: the log, its HTTP interface and its sinks; no agent.

import { nodeRuntime } from '../runtime/node.ts'
import { type Command, exitCodes } from './command.ts'
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
    const { config, warnings } = requireConfig(file, sinkSchemas(), io)
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
