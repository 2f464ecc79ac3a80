// An agent and a receiver in the simulated world, and the applications that write its log files.
import { type Agent, startAgent } from '../../agent/agent.ts'
import type { AgentLimits, AgentOptions, FileInput } from '../../agent/options.ts'
import type { AgentStatus } from '../../agent/status.ts'
import { roomyLimits } from '../conformance/http.ts'
import { type FilesOptions, SimulatedFiles } from '../sim/files.ts'
import type { Process } from '../sim/process.ts'
import { World } from '../sim/world.ts'
import { Receiver } from './receiver.ts'

export interface Stage {
  readonly world: World
  readonly files: SimulatedFiles
  readonly agent: Process
  readonly collector: Process
  readonly receiver: Receiver
  /** What the agent says of itself, in its last life. */
  status(): AgentStatus
  /** Starts the agent with these options over the defaults. */
  startAgent(options?: Partial<AgentOptions>): void
  /** Runs until so many lines arrived. */
  arrived(count: number, withinMs?: number): Promise<void>
}

export const logsInput: FileInput = {
  name: 'logs',
  paths: ['/logs/*.log'],
  exclude: [],
  topic: 'logs',
  start: 'beginning',
  lineBytesMax: 1024 * 1024,
}

/** Builds the stage; the collector is up, the agent is not yet started. */
export function stage(
  seed: number,
  limits: Partial<AgentLimits> = {},
  files: Partial<FilesOptions> = {},
): Stage {
  const world = new World({ seed })
  const simulated = new SimulatedFiles({
    random: world.random('files'),
    now: () => world.startMs + world.now,
    ...files,
  })
  simulated.makeDirectory('/logs')
  const receiver = new Receiver()
  const agent = world.process('agent', { files: simulated })
  const collector = world.process('collector')
  startCollector(collector, receiver)
  let running: Agent | null = null
  return {
    world,
    files: simulated,
    agent,
    collector,
    receiver,
    status: () => (running as Agent).status(),
    startAgent(options = {}) {
      const told = {
        collectors: ['http://collector:8750'],
        key: null,
        stateFolder: '/state',
        host: 'web1',
        inputs: [logsInput],
        limits: { requestMs: 5000, ...limits },
        ...options,
      }
      agent.start(async (runtime, signal) => {
        running = await startAgent(told, runtime, signal)
        await running.stopped
      })
    },
    arrived: (count, withinMs = 120_000) => world.runUntil(() => receiver.lines.length >= count, withinMs),
  }
}

/** Serves the receiver, in this life of the process and the next ones. */
export function startCollector(collector: Process, receiver: Receiver): void {
  collector.start(async (runtime, signal) => {
    await using _server = await runtime.http.serve(
      { host: '0.0.0.0', port: 8750 },
      receiver.handler,
      roomyLimits,
    )
    await runtime.clock.sleep(1e12, signal)
  })
}
