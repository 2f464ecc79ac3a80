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

/** One run of the load against one subject. */
interface Round {
  readonly mbPerSecond: number
  readonly cpuPerGb: number
}

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
  const rounded = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]))
  const bare = subjects.at(-1)
  for (let round = 0; round < rounds; round += 1) {
    // In turns: what else the machine does meanwhile favours nobody.
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const topic = `load-${round}`
      if (subject !== bare) await createTopics(subject.port, [topic], partitions)
      const before = cpuSeconds(subject.pid)
      const load = { topic, partitions, batchBytes, recordBytes: 1000, inFlight: 5, seconds }
      const { mbPerSecond } = await loadApart({ port: subject.port, ...load })
      const cpuPerGb = (cpuSeconds(subject.pid) - before) / ((mbPerSecond * seconds) / 1000)
      rounded.get(subject.name)?.push({ mbPerSecond, cpuPerGb })
      if (subject !== bare) await deleteTopic(subject.port, topic)
    }
  }
  const limits = rounded.get(bare?.name ?? '') ?? []
  for (const [name, measured] of rounded) {
    const figure = median(measured.map((one) => one.mbPerSecond))
    const cost = median(measured.map((one) => one.cpuPerGb))
    const shape = `batches of ${Math.round(batchBytes / 1024)} KiB, ${partitions} connection${partitions === 1 ? '' : 's'}`
    console.log(`${shape}: ${name} ${figure.toFixed(0)} MB/s, ${cost.toFixed(2)} CPU s/GB`)
    if (name === bare?.name) continue
    // Of each pair: a round in which others took the cores is slow for both.
    const ofPairs = (pick: (ours: Round, limit: Round) => number) =>
      median(measured.map((one, round) => pick(one, limits[round] as Round)))
    const common = { subject: 'broker', limitIs: 'bare loop, no fsync' }
    printResult({
      ...common,
      case: `${name}: ${shape}`,
      figure,
      unit: 'MB/s',
      limit: median(limits.map((one) => one.mbPerSecond)),
      ratio: ofPairs((one, limit) => one.mbPerSecond / limit.mbPerSecond),
      ...(name.includes('os') ? { goal } : {}),
    })
    printResult({
      ...common,
      case: `${name}: CPU of all threads, ${shape} (ratio: the loop's over ours)`,
      figure: cost,
      unit: 's/GB',
      limit: median(limits.map((one) => one.cpuPerGb)),
      ratio: ofPairs((one, limit) => limit.cpuPerGb / one.cpuPerGb),
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
