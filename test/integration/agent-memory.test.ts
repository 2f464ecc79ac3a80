// What an agent at rest costs: the real command, with a collector that runs and a small file that was shipped.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { answers, freePorts, Running, temporaryFolder, until } from './processes.ts'

/** 80 MB as `ps` and `top` count them. Some 50 of them are Node's binary, as much of it as the kernel cares to map. */
const residentBytesMax = 80 * 1024 * 1024
/** By then the agent has given back what its start needed. */
const settleSeconds = 60
/** Samples in a row, half a second apart. */
const restSamples = 12

test.runIf(process.platform === 'linux')('an agent at rest has less than 80 MB', async () => {
  await using folder = await temporaryFolder()
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const log = join(folder.path, 'app.log')
  await writeFile(log, 'one line\n')
  const collectorConfig = ['version: 1', `data: ${folder.path}/data`, 'collector:', '  http:']
  await writeFile(
    join(folder.path, 'collector.yaml'),
    [...collectorConfig, `    listen: 127.0.0.1:${port}`, ''].join('\n'),
  )
  const agentConfig = ['version: 1', 'agent:', `  collector: ${url}`, `  state: ${folder.path}/state`]
  const input = [
    '  inputs:',
    '    app:',
    '      type: file',
    `      paths: ["${log}"]`,
    '      topic: app',
    '',
  ]
  await writeFile(join(folder.path, 'agent.yaml'), [...agentConfig, ...input].join('\n'))
  await using _collector = new Running(['collector', '-c', join(folder.path, 'collector.yaml')])
  await until('the collector answers', 60, () => answers(`${url}/healthz`))
  await using agent = new Running(['agent', '-c', join(folder.path, 'agent.yaml')])
  let resident = 0
  await until('the line is shipped', 60, async () => {
    const checkpoints = await readFile(join(folder.path, 'state/checkpoints'), 'utf8')
    return checkpoints.includes('"position":9') ? true : null
  })
  // Below at one moment is not at rest: it has to stay there.
  let below = 0
  await until(
    () => `${residentBytesMax} bytes or less for ${restSamples} samples; now ${resident}`,
    settleSeconds,
    async () => {
      resident = await residentBytes(agent.pid)
      below = resident < residentBytesMax ? below + 1 : 0
      return below >= restSamples ? true : null
    },
    500,
  )
  expect(agent.exited).toBe(false)
})

/** VmRSS: what the kernel says the process has in memory, shared pages of the binary included. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
