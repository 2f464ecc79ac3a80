// An agent that ships over TLS with a client certificate to a collector that asks for one: the real commands.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { logdrive } from '../cli/process.ts'
import { makeCertificates } from '../interop/certificates.ts'
import { freePorts, Running, temporaryFolder, until } from './processes.ts'

test('an agent with its certificate ships; one without is told why it cannot', async () => {
  await using folder = await temporaryFolder()
  const { ca, server, client } = await makeCertificates(folder.path)
  const [port] = await freePorts(1)
  const log = join(folder.path, 'app.log')
  await writeFile(log, 'one\ntwo\n')
  const file = (name: string) => join(folder.path, name)
  await writeFile(
    file('collector.yaml'),
    `version: 1
data: ${file('data')}
collector:
  kafka: off
  http:
    listen: 127.0.0.1:${port}
    tls: { cert: ${server.cert}, key: ${server.key}, client_ca: ${ca}, client_auth: require }
`,
  )
  const agentYaml = (name: string, tls: string) =>
    writeFile(
      file(`${name}.yaml`),
      `version: 1
agent:
  collector: https://127.0.0.1:${port}
  state: ${file(name)}
  tls: ${tls}
  inputs: { app: { type: file, paths: ["${log}"], topic: app } }
`,
    )
  await agentYaml('good', `{ ca: ${ca}, cert: ${client.cert}, key: ${client.key} }`)
  await agentYaml('bare', `{ ca: ${ca} }`)
  await using _collector = new Running(['collector', '-c', file('collector.yaml')])
  await using _good = new Running(['agent', '-c', file('good.yaml')])
  await using _bare = new Running(['agent', '-c', file('bare.yaml')])
  const status = async (name: string) => {
    const { stdout } = await logdrive(['agent', 'status', '-c', file(`${name}.yaml`), '--json'])
    return stdout === '' ? null : JSON.parse(stdout)
  }
  await until('both lines are acknowledged', 60, async () =>
    (await status('good'))?.files[0]?.position === 8 ? true : null,
  )
  const bare = await until('the other one has tried', 60, async () => {
    const now = await status('bare')
    return now?.uplink.retries > 0 ? now : null
  })
  expect(bare.files[0].position).toBe(0)
  expect(bare.uplink.last_error).toMatch(/UNAVAILABLE/)
})
