// Runs an agent until it is stopped: what `logdrive agent` does once it has its configuration.

import { startAgent } from '../agent/agent.ts'
import { isCode } from '../core/errors.ts'
import type { Logger } from '../core/runtime.ts'
import { Scope } from '../core/scope.ts'
import { lockFolder } from '../runtime/lock.ts'
import type { LogLevel } from '../runtime/logger.ts'
import { releaseWhenIdle } from '../runtime/memory.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { agentOptions, showAgent } from './agent-options.ts'
import type { ReadConfig } from './config-reader.ts'
import { warnAbout } from './process.ts'

export interface TailAndShip {
  readonly read: ReadConfig
  /** Where it was read from. */
  readonly file: string
  readonly level: LogLevel
}

/** Until the signal aborts; what was read is shipped and the positions are kept before it resolves. */
export async function tailAndShip({ read, file, level }: TailAndShip, signal: AbortSignal): Promise<void> {
  const options = await agentOptions(read.config, file)
  const runtime = nodeRuntime({ level })
  warnAbout(read.warnings, runtime.logger)
  await using _lock = await lockState(options.stateFolder, runtime.logger)
  await using scope = new Scope(signal)
  scope.spawn((scoped) => releaseWhenIdle(runtime.clock, scoped))
  await using agent = await startAgent(options, runtime, signal)
  await using _shown = await showAgent(read.config, agent, runtime)
  await agent.stopped
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
