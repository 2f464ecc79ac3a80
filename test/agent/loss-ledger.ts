// The loss ledger of a running agent as an operator asks for it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { AgentStatus } from '../../agent/status.ts'
import { cli, node, until } from '../integration/processes.ts'

/** Of all lives of the agent with this configuration. */
export function ledgerOf(agentYamlPath: string): Promise<AgentStatus['lossesEver']> {
  const ask = async (): Promise<AgentStatus['lossesEver']> => {
    const words = [cli, 'agent', 'status', '-c', agentYamlPath, '--json']
    // A few thousand rotated files are a long answer.
    const { stdout } = await promisify(execFile)(node, words, { maxBuffer: 1 << 28 })
    return JSON.parse(stdout).losses_ever
  }
  return until('the status of the agent', 30, ask, 500)
}
