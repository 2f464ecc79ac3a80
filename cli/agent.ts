// logdrive agent: tails files and ships their lines; loads nothing of the collector, the sinks or ClickHouse.

import { spawnSync } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runAgent } from '../agent/agent.ts'
import { isCode, LogdriveError } from '../core/errors.ts'
import type { Logger } from '../core/runtime.ts'
import { Scope } from '../core/scope.ts'
import { lockFolder } from '../runtime/lock.ts'
import { releaseWhenIdle } from '../runtime/memory.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { agentOptions } from './agent-options.ts'
import { type Command, exitCodes, usage } from './command.ts'
import type { ConfigAnswer } from './config-child.ts'
import { dryRun } from './dry-run.ts'
import { configOption, logOption, readLogLevel, warnAbout } from './process.ts'

const configBytesMax = 16 * 1024 * 1024

/** Runs until it is stopped; what was read is shipped and the positions are kept before it exits. */
export const agent: Command = {
  name: 'agent',
  summary: 'Tails the files of a configuration and ships their lines to a collector',
  usage: '-c FILE [options]',
  examples: [
    'logdrive agent -c /etc/logdrive/agent.yaml',
    'logdrive agent -c agent.yaml --dry-run --from-file sample.log',
  ],
  options: {
    ...configOption,
    'dry-run': { about: 'send nothing: print what would be sent of the lines of --from-file' },
    'from-file': { value: 'FILE', about: 'with --dry-run: a file with sample lines' },
    input: { value: 'NAME', about: 'with --dry-run: the input, where there are several' },
    ...logOption,
  },
  async run(args, io, signal) {
    const file = args.text('config') ?? 'agent.yaml'
    const { config, warnings } = readConfigInChild(file)
    const options = await agentOptions(config, file)
    const sample = args.text('from-file')
    if (args.has('dry-run') !== (sample !== undefined))
      throw usage('--dry-run and --from-file belong together')
    if (sample !== undefined) {
      await dryRun(options, sample, args.text('input') ?? null, io)
      return exitCodes.good
    }
    const runtime = nodeRuntime({ level: readLogLevel(args, 'info') })
    warnAbout(warnings, runtime.logger)
    await using _lock = await lockState(options.stateFolder, runtime.logger)
    await using scope = new Scope(signal)
    scope.spawn((scoped) => releaseWhenIdle(runtime.clock, scoped))
    await runAgent(options, runtime, signal)
    return exitCodes.good
  },
}

/**
 * Null where the folder takes no lock, such as on a disk that is read-only now: shipping goes on, and the collector keeps two
 * agents of one folder from doubling anything. Throws DATA_LOCKED.
 */
async function lockState(folder: string, logger: Logger): Promise<AsyncDisposable | null> {
  try {
    return await lockFolder(folder)
  } catch (error) {
    if (!isCode(error, 'FORBIDDEN')) throw error
    logger.error({ err: error, hint: error.hint }, 'the state folder cannot be locked; going on without')
    return null
  }
}

/** The configuration without its reader in this process. Throws CONFIG_INVALID as reading it here would. */
function readConfigInChild(file: string): Exclude<ConfigAnswer, { error: unknown }> {
  const child = fileURLToPath(new URL(`./config-child${extname(import.meta.url)}`, import.meta.url))
  const { stdout, stderr, status } = spawnSync(process.execPath, [child, file], {
    encoding: 'utf8',
    maxBuffer: configBytesMax,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (status !== 0) throw new Error(`the configuration could not be read: ${stderr}`)
  const answer: ConfigAnswer = JSON.parse(stdout)
  if (!('error' in answer)) return answer
  const { message, hint } = answer.error
  throw new LogdriveError('CONFIG_INVALID', message, hint === null ? {} : { hint })
}
