// Our broker against the bare loop: the same prebuilt Produce frames from a process of its own, in turns.

import { spawn } from 'node:child_process'
import path from 'node:path'
import { cpuSeconds } from '../../test/integration/proc.ts'
import { median, printResult } from '../result.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { createTopics, deleteTopic, type Subject } from './subjects.ts'

export interface LimitOptions {
  readonly rounds: number
  readonly seconds: number
}

const goal = 0.6

/** Batches of three sizes into one and four partitions. The last subject is the limit. */
export async function compareWithLimit(subjects: readonly Subject[], options: LimitOptions): Promise<void> {
  for (const batchBytes of [1_000_000, 64 * 1024, 16 * 1024]) {
    for (const partitions of [1, 4]) await compare(subjects, options, batchBytes, partitions)
  }
}

async function compare(
  subjects: readonly Subject[],
  { rounds, seconds }: LimitOptions,
  batchBytes: number,
  partitions: number,
): Promise<void> {
  const rates = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
  const costs = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
  const bare = subjects.at(-1)
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) {
      const topic = `load-${round}`
      if (subject !== bare) await createTopics(subject.port, [topic], partitions)
      const before = cpuSeconds(subject.pid)
      const load = {
        port: subject.port,
        topic,
        partitions,
        batchBytes,
        recordBytes: 1000,
        inFlight: 5,
        seconds,
      }
      const { mbPerSecond } = await loadApart(load)
      rates.get(subject.name)?.push(mbPerSecond)
      costs.get(subject.name)?.push((cpuSeconds(subject.pid) - before) / ((mbPerSecond * seconds) / 1000))
      if (subject !== bare) await deleteTopic(subject.port, topic)
    }
  }
  const limit = median(rates.get(bare?.name ?? '') ?? [])
  for (const [name, measured] of rates) {
    const figure = median(measured)
    const cost = median(costs.get(name) ?? [])
    const shape = `batches of ${Math.round(batchBytes / 1024)} KiB, ${partitions} connection${partitions === 1 ? '' : 's'}`
    console.log(`${shape}: ${name} ${figure.toFixed(0)} MB/s, ${cost.toFixed(2)} CPU s/GB`)
    if (name === bare?.name) continue
    printResult({
      subject: 'broker',
      case: `${name}: ${shape}`,
      figure,
      unit: 'MB/s',
      limit,
      limitIs: 'bare loop, no fsync',
      ratio: figure / limit,
      ...(name.includes('os') ? { goal } : {}),
    })
  }
}

/** The load in a process of its own: it must not share a core's turn with the bench. */
async function loadApart(options: LoadOptions): Promise<LoadResult> {
  const program = path.join(import.meta.dirname, 'load.ts')
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await new Promise((resolve) => child.once('close', resolve))
  return JSON.parse(text) as LoadResult
}
