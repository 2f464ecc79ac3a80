// logdrive agent: tails files and ships their lines; loads nothing of the collector, the sinks or ClickHouse.

import { type Command, exitCodes, usage } from './command.ts'
import { readConfigInChild } from './config-reader.ts'
import { Hangups } from './hangups.ts'
import { configOption, logOption, readLogLevel } from './process.ts'

/**
 * Runs until it is stopped; what was read is shipped and the positions are kept before it exits. `configChild`: the words
 * that make this program's executable read a configuration.
 */
export function agentCommand(configChild: readonly string[], defaultFile = 'agent.yaml'): Command {
  return {
    name: 'agent',
    summary: 'Tails the files of a configuration and ships their lines to a collector',
    usage: '[status] -c FILE [options]',
    examples: [
      'logdrive agent -c /etc/logdrive/agent.yaml',
      'logdrive agent -c agent.yaml --dry-run --from-file sample.log',
      'logdrive agent status -c /etc/logdrive/agent.yaml',
      'logdrive agent status --state /var/lib/logdrive/agent --json',
    ],
    options: {
      ...configOption,
      'dry-run': { about: 'send nothing: print what would be sent of the lines of --from-file' },
      'from-file': { value: 'FILE', about: 'with --dry-run: a file with sample lines' },
      input: { value: 'NAME', about: 'with --dry-run: the input, where there are several' },
      state: { value: 'DIR', about: 'status: the state folder of the running agent, instead of -c' },
      json: { about: 'status: print JSON' },
      ...logOption,
    },
    async run(args, io, signal) {
      const [action, more] = args.positionals
      const file = args.text('config') ?? defaultFile
      if (action === 'status' && more === undefined) {
        const { printAgentStatus } = await import('./agent-status.ts')
        const readFolder = async () => (await readConfigInChild(configChild, file)).config.agent?.state
        return await printAgentStatus(args, readFolder, io, signal)
      }
      if (action !== undefined) throw usage(`unknown action "${more ?? action}": status, or none to run`)
      if (args.has('json') || args.text('state') !== undefined)
        throw usage('--json and --state belong to status')
      const sample = args.text('from-file')
      if (args.has('dry-run') !== (sample !== undefined))
        throw usage('--dry-run and --from-file belong together')
      const level = readLogLevel(args, 'info')
      // From the first moment on: until somebody listens the signal would end the process.
      using hangups = new Hangups()
      const reread = () => readConfigInChild(configChild, file)
      // The child reads while this process loads the rest.
      const [read, { tailAndShip }, { agentOptions }] = await Promise.all([
        reread(),
        import('./run-agent.ts'),
        import('./agent-options.ts'),
      ])
      if (sample === undefined) {
        await tailAndShip({ read, file, reread, hangups, level }, signal)
        return exitCodes.good
      }
      const { dryRun } = await import('./dry-run.ts')
      await dryRun(await agentOptions(read.config, file), sample, args.text('input') ?? null, io)
      return exitCodes.good
    },
  }
}
