// A real collector process on a folder of the rig's choice, and what tests send to it over HTTP.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchHeaders } from '../../batch-headers.ts'
import { answers, freePorts, Running, until } from '../processes.ts'
import { SourceBatches } from './batches.ts'
import type { BatchEntry, Entry } from './ledger.ts'

/** A collector that answers; its configuration lies outside its data folder and goes with it. */
export interface LiveCollector extends AsyncDisposable {
  readonly process: Running
  readonly url: string
}

/** Starts `logdrive collector` without sinks; resolves once it is ready. */
export async function startCollector(
  dataFolder: string,
  env: Readonly<Record<string, string>> = {},
  ready: '/readyz' | '/healthz' = '/readyz',
  command: 'collector' | 'up' = 'collector',
): Promise<LiveCollector> {
  const [port] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-test-'))
  const file = join(folder, 'collector.yaml')
  const listen = `collector: { http: { listen: "127.0.0.1:${port}" }, kafka: off }`
  await writeFile(file, `version: 1\ndata: ${dataFolder}\n${listen}\n`)
  const running = new Running([command, '-c', file], env)
  const url = `http://127.0.0.1:${port}`
  const collector = {
    process: running,
    url,
    async [Symbol.asyncDispose]() {
      await running.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    const what = () => `a collector that is ready\n${running.output.slice(-3000)}`
    const state = await until(
      what,
      30,
      async () => (running.exited ? 'exited' : await answers(`${url}${ready}`)),
      20,
    )
    if (state === 'exited') throw new Error(`the collector ended with ${running.exitCode}: ${running.output}`)
    return collector
  } catch (error) {
    await collector[Symbol.asyncDispose]()
    throw error
  }
}

/** The kept position of a source in one topic; null when nothing is kept. */
export async function keptPosition(
  url: string,
  entry: Pick<BatchEntry, 'topic' | 'writer'>,
): Promise<{ readonly epoch: number; readonly to: number } | null> {
  const answer = await (await fetch(`${url}/v1/sources/${entry.writer}`)).json()
  const { positions } = answer as { positions: { topic: string; epoch: number; to: number }[] }
  return positions.find((one) => one.topic === entry.topic) ?? null
}

/**
 * Goes on with a source from where the collector says it stands: one batch of one record, sent twice. Resolves to what
 * was wrong about the answers, or to the entry of the new batch.
 */
export async function goOn(url: string, last: BatchEntry, n: number): Promise<Entry | string> {
  const kept = await keptPosition(url, last)
  if (kept === null) return `${last.writer}: nothing is kept`
  const isBehind = kept.epoch < last.epoch || (kept.epoch === last.epoch && kept.to < last.to)
  if (isBehind) return `${last.writer}: kept ${kept.epoch}/${kept.to}, acknowledged ${last.epoch}/${last.to}`
  const batch = SourceBatches.from(last.writer, { ...kept, n }).next(1)
  const { epoch, to } = batch.range
  const headers = batchHeaders(batch.range)
  let partition = last.partition
  for (const time of [1, 2]) {
    const body = batch.bytes()
    const response = await fetch(`${url}/v1/topics/${last.topic}/batches`, { method: 'POST', headers, body })
    const answer = (await response.json()) as { partition: number; to: number; duplicate: boolean }
    if (response.status !== 200 || answer.to !== to || answer.duplicate !== (time === 2)) {
      return `${last.writer}, sent ${time} times: ${response.status} ${JSON.stringify(answer)}`
    }
    partition = answer.partition
  }
  const { topic, writer } = last
  return { kind: 'batch', topic, writer, partition, epoch, to, first: batch.first, count: 1 }
}
