// What the schema of an input cannot say: keys that exclude one another, and what there is only one of.
import { type Finding, wrong } from '../problems.ts'
import type { Config } from '../schema.ts'

/** What is wrong with inputs that are no files. */
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
    if (input.type === 'exec') {
      if (input.command === undefined && input.shell === undefined)
        findings.push(wrong(path, 'what is to be run? expected command: [program, argument, ...]'))
      if (input.command !== undefined && input.shell !== undefined)
        findings.push(wrong([...path, 'shell'], 'command is there as well: one of them'))
    }
  }
  return findings
}
