// The loss ledger of a running agent as an operator asks for it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Loss } from '../../agent/state/losses.ts'
import type { AgentStatus } from '../../agent/status.ts'
import { cli, node, until } from '../integration/processes.ts'

/** Of all lives of the agent with this configuration, with what is `missing` and may still turn up. */
export function ledgerOf(agentYamlPath: string): Promise<AgentStatus['lossesEver']> {
  const ask = async (): Promise<AgentStatus['lossesEver']> => {
    const words = [cli, 'agent', 'status', '-c', agentYamlPath, '--json']
    // A few thousand rotated files are a long answer.
    const { stdout } = await promisify(execFile)(node, words, { maxBuffer: 1 << 28 })
    const { losses_ever, missing } = JSON.parse(stdout) as AskedLosses
    return missing.times === 0 ? losses_ever : { ...losses_ever, missing }
  }
  return until('the status of the agent', 30, ask, 500)
}

interface AskedLosses {
  readonly losses_ever: AgentStatus['lossesEver']
  readonly missing: Loss
}
