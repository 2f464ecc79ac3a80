// Kafka clients and a whole collector: kcat in and out with every codec, through kill -9; and whose port 9092 is.
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { outcomeOf } from '../interop/commands.ts'
import { debianPackages } from '../interop/debian.ts'
import { answers, freePorts, Running, temporaryFolder, until } from './processes.ts'

beforeAll(() => debianPackages(['kcat']), 600_000)

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** Runs kcat to its end; gives what it printed. */
async function kcat(port: number, words: readonly string[], input = ''): Promise<string> {
  const options = { input, timeoutMs: 60_000 }
  const { code, stdout, stderr } = await outcomeOf('kcat', ['-b', `127.0.0.1:${port}`, ...words], options)
  if (code !== 0) throw new Error(`kcat ${words.join(' ')}: ${stderr.toString()}`)
  return stdout.toString()
}

/** A collector with this line about Kafka in its YAML; resolves when it is ready. */
async function collector(folder: string, kafka: string): Promise<{ running: Running; url: string }> {
  const [httpPort = 0] = await freePorts(1)
  const file = join(folder, 'logdrive.yaml')
  const http = `  http: { listen: "127.0.0.1:${httpPort}" }`
  await writeFile(file, `version: 1\ndata: ${folder}/data\ncollector:\n${http}\n${kafka}\n`)
  const running = new Running(['collector', '-c', file])
  const url = `http://127.0.0.1:${httpPort}`
  await until(
    () => `ready\n${running.output}`,
    60,
    () => answers(`${url}/readyz`),
  )
  return { running, url }
}

async function statusOf(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/v1/status`)
  return ((await response.json()) as { readonly kafka: Record<string, unknown> }).kafka
}

test('what kcat wrote with every codec it reads, also after kill -9 and a start', async () => {
  await using folder = await temporaryFolder()
  const [port = 0] = await freePorts(1)
  const { running, url } = await collector(folder.path, `  kafka: { listen: "127.0.0.1:${port}" }`)
  await using _running = running
  const sent: string[] = []
  for (const codec of codecs) {
    const lines = Array.from({ length: 1_000 }, (_, index) => `${codec} ${index} ${'again '.repeat(20)}`)
    await kcat(port, ['-P', '-t', 'lines', '-p', '0', '-z', codec], `${lines.join('\n')}\n`)
    sent.push(...lines)
  }
  const read = async () => {
    const text = await kcat(port, ['-C', '-t', 'lines', '-p', '0', '-o', 'beginning', '-e', '-q'])
    return text.split('\n').slice(0, -1)
  }
  expect(await read()).toEqual(sent)
  expect(await statusOf(url)).toMatchObject({ address: `127.0.0.1:${port}`, protocol: 'PLAINTEXT' })
  const metadata = await kcat(port, ['-L', '-J'])
  await running.kill()
  running.restart()
  await until(
    () => `ready\n${running.output}`,
    60,
    () => answers(`${url}/readyz`),
  )
  expect(await read()).toEqual(sent)
  expect(JSON.parse(await kcat(port, ['-L', '-J']))).toEqual(JSON.parse(metadata))
  expect(await running.stop()).toBe(0)
})

test('without a word about Kafka a taken 9092 is no error: the collector says so and goes on', async () => {
  await using folder = await temporaryFolder()
  const squatter = createServer()
  // Taken by us, or by somebody else already: for the collector it is the same.
  await new Promise<void>((resolve) => {
    squatter.once('error', () => resolve())
    squatter.listen(9092, '127.0.0.1', resolve)
  })
  try {
    const { running, url } = await collector(folder.path, '  flush: commit')
    await using _running = running
    expect(await statusOf(url)).toEqual({ state: 'port taken', address: '127.0.0.1:9092' })
    expect(running.output).toContain('none are served')
  } finally {
    squatter.close()
  }
})

test('a listener that was asked for and whose port is taken ends the start; off is off', async () => {
  await using folder = await temporaryFolder()
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  const { port } = squatter.address() as { readonly port: number }
  const file = join(folder.path, 'taken.yaml')
  const listeners = `{ http: { listen: "127.0.0.1:0" }, kafka: { listen: "127.0.0.1:${port}" } }`
  await writeFile(file, `version: 1\ndata: ${folder.path}/data\ncollector: ${listeners}\n`)
  await using running = new Running(['collector', '-c', file])
  expect(await running.ended()).toBe(1)
  expect(running.output).toContain('collector.kafka.listen')
  squatter.close()
  const off = await collector(folder.path, '  kafka: off')
  await using _off = off.running
  expect(await statusOf(off.url)).toEqual({ state: 'off', address: null })
})
