// logdrive agent: tails files and ships their lines; loads nothing of the collector, the sinks or ClickHouse.

import { runAgent } from '../agent/agent.ts'
import { lockFolder } from '../runtime/lock.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { agentOptions } from './agent-options.ts'
import { type Command, exitCodes } from './command.ts'
import { requireConfig } from './config-file.ts'
import { configOption, logOption, readLogLevel, warnAbout } from './process.ts'

/** Runs until it is stopped; what was read is shipped and the positions are kept before it exits. */
export const agent: Command = {
  name: 'agent',
  summary: 'Tails the files of a configuration and ships their lines to a collector',
  usage: '-c FILE [options]',
  examples: ['logdrive agent -c /etc/logdrive/agent.yaml', 'logdrive agent -c agent.yaml --log-level debug'],
  options: { ...configOption, ...logOption },
  async run(args, io, signal) {
    const file = args.text('config') ?? 'agent.yaml'
    const { config, warnings } = requireConfig(file, 'unchecked', io)
    const options = agentOptions(config, file)
    const runtime = nodeRuntime({ level: readLogLevel(args, 'info') })
    warnAbout(warnings, runtime.logger)
    await using _lock = await lockFolder(options.stateFolder)
    await runAgent(options, runtime, signal)
    return exitCodes.good
  },
}
