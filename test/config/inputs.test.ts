// Inputs that are no files in the YAML: their defaults, and what is refused and where.
import { expect, test } from 'vitest'
import { formatProblem } from '../../config/load.ts'
import { load } from './samples.ts'

function problemsOf(inputs: string): readonly string[] {
  const loaded = load(`version: 1\nagent:\n  inputs:\n${inputs}`)
  return 'problems' in loaded ? loaded.problems.map(formatProblem) : []
}

test.each([
  ['    a: { type: stdin }\n    b: { type: stdin }', 'logdrive.yaml:5:16 agent.inputs.b.type: there is one'],
  ['    a: { type: exec }', 'agent.inputs.a: what is to be run?'],
  ['    a: { type: exec, command: [x], shell: x }', 'agent.inputs.a.shell: command is there as well'],
  ['    a: { type: exec, command: df -P }', 'agent.inputs.a.command: expected a list'],
  ['    a: { type: exec, command: [""] }', 'agent.inputs.a.command: the program is empty'],
  ['    a: { type: exec, command: [x], interval: 1ms }', 'agent.inputs.a.interval'],
  [
    '    a: { type: exec, command: [x], environment: ["A B"] }',
    'expected the name of an environment variable',
  ],
  ['    a: { type: stdin, parse: { type: nginx, format: "$" } }', 'agent.inputs.a.parse.format'],
  [
    '    a: { type: syslog }\n    b: { type: syslog }',
    'agent.inputs.b.listen: port 5514 is taken by the input a',
  ],
  ['    a: { type: syslog, listen: "127.0.0.1:8750" }', 'port 8750 is taken by collector.http.listen'],
  [
    '    a: { type: syslog, protocols: [udp], tls: { cert: a, key: b } }',
    'agent.inputs.a.tls: TLS is for TCP',
  ],
  ['    a: { type: journald, matches: ["--flag"] }', 'expected FIELD=value'],
  ['    a: { type: journald, since: yesterday }', 'expected all, boot, now or a time'],
  ['    a: { type: docker, parse: docker, encoding: latin1 }', 'agent.inputs.a.encoding: unknown key'],
  [
    '    a: { type: kubernetes, parse: { type: regex } }',
    'agent.inputs.a.parse: type: regex needs a pattern',
  ],
  [
    '    a: { type: file, paths: [/x], delete: { after: 1h }, start: end }',
    'a.delete: start: end leaves content out that would be removed unread',
  ],
  [
    '    a: { type: file, paths: [/x], delete: { after: 1h }, ignore_older: 1d }',
    'a.delete: ignore_older leaves content out',
  ],
  ['    a: { type: file, paths: [/x], delete: { after: 10ms } }', 'a.delete.after: too small: at least 1s'],
  ['    a: { type: file, paths: [/x], delete: true }', 'agent.inputs.a.delete'],
  ['    a: { type: docker, delete: { after: 1h } }', 'agent.inputs.a.delete: unknown key'],
  ['    a: { type: kubernetes, namespaces: [x] }', 'agent.inputs.a.namespaces'],
])('%s is refused', (inputs, message) => {
  expect(problemsOf(inputs).join('\n')).toContain(message)
})

test('ports may be shared by UDP and TCP, and by nobody else', () => {
  const udp = '{ type: syslog, protocols: [udp] }'
  expect(problemsOf(`    a: ${udp}\n    b: { type: syslog, protocols: [tcp] }`)).toEqual([])
  expect(problemsOf(`    a: ${udp}\n    b: ${udp}`).length).toBe(1)
})
