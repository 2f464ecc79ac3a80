// An agent with one input that is no file, in the simulated world.
import { startAgent } from '../../../agent/agent.ts'
import type { AgentLimits } from '../../../agent/options.ts'
import type { Source } from '../../../agent/source.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import { stage } from '../simulated.ts'

/** `makeSource` is called for each life of the agent. */
export function running(seed: number, makeSource: () => Source, limits: Partial<AgentLimits> = {}) {
  const on = stage(seed)
  let status: () => AgentStatus | null = () => null
  return {
    ...on,
    status: () => status(),
    start() {
      on.agent.start(async (runtime, signal) => {
        const options = {
          collectors: ['http://collector:8750'],
          key: null,
          stateFolder: '/state',
          host: 'web1',
          inputs: [],
          sources: [makeSource()],
          limits: { requestMs: 5000, ...limits },
        }
        const agent = await startAgent(options, runtime, signal)
        status = () => agent.status()
        await agent.stopped
      })
    },
  }
}
