// Runs an agent until it is stopped: what `logdrive agent` does once it has its configuration. SIGHUP reads that again.

import { type Agent, startAgent } from '../agent/agent.ts'
import type { AgentOptions } from '../agent/options.ts'
import type { Config } from '../config/schema.ts'
import { isCode, LogdriveError } from '../core/errors.ts'
import type { Logger, Runtime } from '../core/runtime.ts'
import { Scope } from '../core/scope.ts'
import { nodeHttp } from '../runtime/http.ts'
import type { ClientOptions } from '../runtime/http-client.ts'
import { lockFolder } from '../runtime/lock.ts'
import type { LogLevel } from '../runtime/logger.ts'
import { releaseWhenIdle } from '../runtime/memory.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { clientOptions } from './agent-client.ts'
import { agentOptions, showAgent } from './agent-options.ts'
import type { ReadConfig } from './config-reader.ts'
import type { Hangups } from './hangups.ts'
import { warnAbout } from './process.ts'

export interface TailAndShip {
  readonly read: ReadConfig
  /** Where it was read from. */
  readonly file: string
  /** Reads it again. */
  reread(): Promise<ReadConfig>
  readonly hangups: Hangups
  readonly level: LogLevel
}

/** A configuration and the agent that it means. */
interface Plan {
  readonly config: Config
  /** Where it was read from. */
  readonly file: string
  readonly options: AgentOptions
  /** Its certificates and its proxy. */
  readonly client: ClientOptions
}

/** Until the signal aborts; what was read is shipped and the positions are kept before it resolves. */
export async function tailAndShip(start: TailAndShip, signal: AbortSignal): Promise<void> {
  const first = await planOf(start.read, start.file)
  const runtime = nodeRuntime({ level: start.level })
  warnAbout(start.read.warnings, runtime.logger)
  await using _lock = await lockState(first.options.stateFolder, runtime.logger)
  await using scope = new Scope(signal)
  scope.spawn((scoped) => releaseWhenIdle(runtime.clock, scoped))
  let before: Plan | null = null
  for (let next: Plan | null = first; next !== null; ) {
    await using running = await openEither(next, before, runtime, signal)
    next = await untilAnother(start, running, runtime.logger)
    before = running.plan
  }
}

interface Running extends AsyncDisposable {
  /** What it does now: a reload changes it. */
  plan: Plan
  readonly agent: Agent
}

/** An agent as planned, or as before where that cannot be begun, such as for a port that is taken. */
async function openEither(
  plan: Plan,
  before: Plan | null,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Running> {
  try {
    return await open(plan, runtime, signal)
  } catch (error) {
    if (before === null || isCode(error, 'DISK_FAILED')) throw error
    tellRefused(error, runtime.logger)
    // Made anew: an input that is no file runs once.
    return await open(await planOf(before, before.file), runtime, signal)
  }
}

async function open(plan: Plan, runtime: Runtime, signal: AbortSignal): Promise<Running> {
  const world = { ...runtime, http: nodeHttp(runtime.logger, plan.client) }
  await using parts = new AsyncDisposableStack()
  const agent = parts.use(await startAgent(plan.options, world, signal))
  parts.use(await showAgent(plan.config, agent, world))
  const kept = parts.move()
  return { plan, agent, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Null when the agent stopped, or the plan of the next one: what changed needs a new start. */
async function untilAnother(start: TailAndShip, running: Running, logger: Logger): Promise<Plan | null> {
  const stopped = running.agent.stopped.then(() => null)
  for (;;) {
    if ((await Promise.race([stopped, start.hangups.next()])) === null) return null
    try {
      const next = await planAgain(start, running.plan, logger)
      if (!(await tryReload(running, next))) return next
      const { inputs, sources } = next.options
      logger.info({ inputs: inputs.length + (sources?.length ?? 0) }, 'configuration reloaded')
      running.plan = next
    } catch (error) {
      tellRefused(error, logger)
    }
  }
}

/** The configuration as it is now. Throws CONFIG_INVALID where the agent has to go on with the one it has. */
async function planAgain(start: TailAndShip, current: Plan, logger: Logger): Promise<Plan> {
  const read = await start.reread()
  const plan = await planOf(read, start.file)
  if (plan.options.stateFolder !== current.options.stateFolder)
    throw new LogdriveError('CONFIG_INVALID', 'agent.state is another folder: that needs a restart')
  warnAbout(read.warnings, logger)
  return plan
}

async function planOf({ config }: Pick<ReadConfig, 'config'>, file: string): Promise<Plan> {
  return { config, file, options: await agentOptions(config, file), client: clientOptions(config) }
}

/** As a command says it: the message and what to do; a stack is for what nobody foresaw. */
function tellRefused(error: unknown, logger: Logger): void {
  const isForeseen = error instanceof LogdriveError
  const facts = isForeseen ? { code: error.code, reason: error.message, hint: error.hint } : { err: error }
  logger.error(facts, 'the new configuration is refused; the old one goes on')
}

/** Where only inputs have changed the agent takes them as it runs. False when it has to start anew. */
async function tryReload({ agent, plan: before }: Running, after: Plan): Promise<boolean> {
  if (textWithoutInputs(before) !== textWithoutInputs(after)) return false
  const old = before.config.agent?.inputs ?? {}
  const same = Object.entries(after.config.agent?.inputs ?? {}).filter(
    ([name, input]) => JSON.stringify(input) === JSON.stringify(old[name]),
  )
  const { inputs, sources = [] } = after.options
  return await agent.reload({ inputs, sources, unchanged: new Set(same.map(([name]) => name)) })
}

/** Certificates and such are in the options as texts: a file that was renewed counts as a change. */
function textWithoutInputs({ config, options, client }: Plan): string {
  const own = { ...config.agent, inputs: null }
  return JSON.stringify([own, client, { ...options, inputs: null, sources: null }])
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
