// What the schema of an input cannot say: keys that exclude one another, and what there is only one of.
import { isLoopback } from '../loopback.ts'
import { doubtful, type Finding, wrong } from '../problems.ts'
import type { Config, InputConfigOf } from '../schema.ts'

/** What is wrong with inputs one by one. */
export function checkInputs(config: Config): readonly Finding[] {
  const findings: Finding[] = []
  let reader: string | null = null
  for (const [name, input] of Object.entries(config.agent?.inputs ?? {})) {
    const path = ['agent', 'inputs', name]
    if (input.type === 'stdin') {
      if (reader !== null)
        findings.push(
          wrong([...path, 'type'], `there is one standard input, and the input ${reader} reads it`),
        )
      reader ??= name
    }
    if (input.type === 'file') findings.push(...checkDelete(input, path))
    if (input.type === 'syslog') findings.push(...checkSyslog(input, path))
    if (input.type === 'exec') {
      if (input.command === undefined && input.shell === undefined)
        findings.push(wrong(path, 'what is to be run? expected command: [program, argument, ...]'))
      if (input.command !== undefined && input.shell !== undefined)
        findings.push(wrong([...path, 'shell'], 'command is there as well: one of them'))
    }
  }
  return findings
}

/** Nobody could tell a file that was left out from one that was shipped once something was written to it. */
function checkDelete(input: InputConfigOf<'file'>, path: readonly string[]): readonly Finding[] {
  if (input.delete === undefined) return []
  const leavesOut = [
    ...(input.start === 'end' ? ['start: end'] : []),
    ...(input.ignore_older === undefined ? [] : ['ignore_older']),
  ]
  return leavesOut.map((key) =>
    wrong(
      [...path, 'delete'],
      `${key} leaves content out that would be removed unread: leave one of them out`,
    ),
  )
}

function checkSyslog(input: InputConfigOf<'syslog'>, path: readonly string[]): readonly Finding[] {
  const findings: Finding[] = []
  if (input.tls !== undefined && !input.protocols.includes('tcp'))
    findings.push(wrong([...path, 'tls'], 'TLS is for TCP, and protocols has none'))
  if (input.tls === undefined && !isLoopback(input.listen.host))
    findings.push(
      doubtful(
        [...path, 'listen'],
        'reachable from other machines: whoever reaches it can write; add tls.client_ca or a firewall',
      ),
    )
  return findings
}
