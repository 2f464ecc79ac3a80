// The DaemonSet of packaging/kubernetes: YAML, with a configuration in it that an agent takes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { requireConfig } from '../../cli/config-file.ts'
import { inputChecks } from '../../cli/input-checks.ts'

const text = readFileSync(join(import.meta.dirname, '../../packaging/kubernetes/daemonset.yaml'), 'utf8')
const documents = parseAllDocuments(text).map((document) => {
  expect(document.errors).toEqual([])
  return document.toJS()
})
const [configMap, daemonSet] = documents
const pod = daemonSet.spec.template.spec
const [agent] = pod.containers

test('the configuration in it is right, with the variables that the pod has', () => {
  const variables = new Map<string, string>(
    agent.env.map((one: { name: string; value?: string }) => [one.name, one.value ?? 'a-secret']),
  )
  const { config, warnings } = readAgent(configMap.data['agent.yaml'], (name) => variables.get(name))
  expect(warnings).toEqual([])
  // The state outlives the pod, on a volume that is mounted where the configuration says.
  const mounts: readonly { name: string; mountPath: string; readOnly?: boolean }[] = agent.volumeMounts
  expect(mounts.find(({ mountPath }) => mountPath === config.agent?.state)?.readOnly).toBeUndefined()
  expect(mounts.map(({ name }) => name).sort()).toEqual(
    pod.volumes.map(({ name }: { name: string }) => name).sort(),
  )
})

test('it selects its own pods, and they have one right alone', () => {
  expect(daemonSet.spec.selector.matchLabels).toEqual(daemonSet.spec.template.metadata.labels)
  expect(agent.securityContext.capabilities).toEqual({ drop: ['ALL'], add: ['DAC_READ_SEARCH'] })
})

function readAgent(yaml: string, variable: (name: string) => string | undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'logdrive-test-'))
  const closed = { isTerminal: false, isRich: false, closed: true, write: async () => {} }
  try {
    writeFileSync(join(folder, 'agent.yaml'), yaml)
    const io = { stdin: process.stdin, stdout: closed, stderr: closed, variable }
    return requireConfig(join(folder, 'agent.yaml'), 'unchecked', inputChecks, io)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
