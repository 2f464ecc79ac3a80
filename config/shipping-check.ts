// What a schema cannot say of how an agent ships: bounds that contradict each other, TLS without https, an open port.

import { checkTlsFiles, type ReadFile } from './listen-tls.ts'
import { isLoopback } from './loopback.ts'
import { doubtful, type Finding, wrong } from './problems.ts'
import type { Config } from './schema.ts'

type AgentConfig = NonNullable<Config['agent']>

/** `readFile` null: the TLS files are those of another process. */
export function checkShipping({ agent }: Config, readFile: ReadFile | null): readonly Finding[] {
  if (agent === undefined) return []
  return [...checkBounds(agent), ...checkTls(agent, readFile)]
}

function checkBounds({ requests, metrics }: AgentConfig): readonly Finding[] {
  const findings: Finding[] = []
  if (requests.min > requests.max)
    findings.push(wrong(['agent', 'requests', 'min'], 'more than requests.max'))
  if (requests.wait_min > requests.wait_max)
    findings.push(wrong(['agent', 'requests', 'wait_min'], 'longer than requests.wait_max'))
  if (metrics !== undefined && !isLoopback(metrics.listen.host))
    findings.push(
      doubtful(
        ['agent', 'metrics', 'listen'],
        'reachable from other machines, and without any key: everybody reads the paths of files',
      ),
    )
  return findings
}

function checkTls({ tls, collector }: AgentConfig, readFile: ReadFile | null): readonly Finding[] {
  if (tls === undefined) return []
  const findings: Finding[] = []
  const place = ['agent', 'tls']
  if ((tls.cert === undefined) !== (tls.key === undefined))
    findings.push(wrong([...place, tls.cert === undefined ? 'key' : 'cert'], 'cert and key belong together'))
  if (collector !== undefined && !collector.some((url) => url.startsWith('https:')))
    findings.push(doubtful(place, 'not used: agent.collector is no https:// address'))
  const { ca, cert, key } = tls
  return [...findings, ...checkTlsFiles({ ca, cert, key }, place, readFile)]
}
