// Bench of Kafka's protocol: Produce and Fetch of 8 partitions read and written, against code written by hand.
//
// Run: node bench/protocol.ts [--rounds N]. Microseconds of CPU a message, one thread, median of the rounds (all cases take
// turns within a round). Compare ratios, not figures: the machine is shared.

import { apis } from '../protocol/apis/index.ts'
import { decodeRequest, encodeRequest, encodeResponse, readRequestHeader } from '../protocol/message.ts'
import { parseScript } from '../test/script.ts'
import { median, printResult } from './result.ts'

interface Case {
  readonly name: string
  readonly goalMicros: number
  readonly run: () => unknown
}

const { values } = parseScript(import.meta.filename, {
  options: { rounds: { type: 'string', default: '25' } },
})
const rounds = Number(values.rounds)
const times = process.env.BENCH_QUICK === undefined ? 50_000 : 10_000
const records = new Uint8Array(8192).fill(7)
const partitions = Array.from({ length: 8 }, (_, index) => index)
const [produceV7, produceV9] = [produceFrame(7), produceFrame(9)]
const answer = {
  responses: [
    {
      name: 'logs',
      partitionResponses: partitions.map((index) => ({ index, errorCode: 0, baseOffset: 1_000_000 + index })),
    },
  ],
}
const fetched = {
  responses: [
    {
      topic: 'logs',
      partitions: partitions.map((partitionIndex) => ({
        partitionIndex,
        errorCode: 0,
        highWatermark: 1_000_000,
        lastStableOffset: 1_000_000,
        records,
      })),
    },
  ],
}

const cases: readonly Case[] = [
  { name: 'Produce v7 request, 8 partitions, read', goalMicros: 1.5, run: () => readProduce(produceV7, 7) },
  { name: 'Produce v9 request, 8 partitions, read', goalMicros: 1.5, run: () => readProduce(produceV9, 9) },
  {
    name: 'Produce v7 response, 8 partitions, written',
    goalMicros: 1.5,
    run: () => encodeResponse(apis.Produce, 7, 1, answer),
  },
  {
    name: 'Fetch v11 response, 8 partitions, written',
    goalMicros: 2.5,
    run: () => encodeResponse(apis.Fetch, 11, 1, fetched),
  },
]
const byHand = { name: 'Produce v7 request, 8 partitions, by hand', run: () => readByHand(produceV7) }

const micros = new Map<string, number[]>([byHand, ...cases].map(({ name }) => [name, []]))
for (let round = -3; round < rounds; round++) {
  for (const { name, run } of [byHand, ...cases]) {
    const figure = measure(run)
    // The first rounds warm up.
    if (round >= 0) micros.get(name)?.push(figure)
  }
}
const limit = median(micros.get(byHand.name) ?? [])
console.log(`${limit.toFixed(2).padStart(8)} us  ${byHand.name}`)
for (const { name, goalMicros } of cases) {
  const figure = median(micros.get(name) ?? [])
  console.log(`${figure.toFixed(2).padStart(8)} us  ${name} (goal ${goalMicros})`)
  printResult({
    subject: 'protocol',
    case: name,
    figure: Number(figure.toFixed(3)),
    unit: 'us',
    limit: Number(limit.toFixed(3)),
    limitIs: 'a Produce request read by code written by hand, unchecked',
    goal: goalMicros,
  })
}

function produceFrame(version: number): Buffer {
  const body = {
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: 'logs', partitionData: partitions.map((index) => ({ index, records })) }],
  }
  const request = { version, correlationId: 1, clientId: 'producer-1', body }
  return Buffer.concat(encodeRequest(apis.Produce, request)).subarray(4)
}

function readProduce(frame: Buffer, version: number): unknown {
  const { bodyAt } = readRequestHeader(frame)
  return decodeRequest(apis.Produce, version, frame, bodyAt)
}

/** The same message read straight from its layout: what no table can beat. */
function readByHand(frame: Buffer): unknown {
  const clientBytes = frame.readInt16BE(8)
  const clientId = frame.toString('utf8', 10, 10 + clientBytes)
  let at = 10 + clientBytes + 2
  const acks = frame.readInt16BE(at)
  const timeoutMs = frame.readInt32BE(at + 2)
  const topicData = []
  const topics = frame.readInt32BE(at + 6)
  at += 10
  for (let topic = 0; topic < topics; topic++) {
    const nameBytes = frame.readInt16BE(at)
    const name = frame.toString('utf8', at + 2, at + 2 + nameBytes)
    at += 2 + nameBytes
    const count = frame.readInt32BE(at)
    at += 4
    const partitionData = []
    for (let partition = 0; partition < count; partition++) {
      const index = frame.readInt32BE(at)
      const size = frame.readInt32BE(at + 4)
      partitionData.push({ index, records: new Uint8Array(frame.buffer, frame.byteOffset + at + 8, size) })
      at += 8 + size
    }
    topicData.push({ name, partitionData })
  }
  return { clientId, acks, timeoutMs, topicData }
}

/** Microseconds of CPU of one run: time on the clock says more about the neighbours. */
function measure(run: () => unknown): number {
  let kept = 0
  const from = process.cpuUsage()
  for (let time = 0; time < times; time++) if (run() !== null) kept++
  const { user, system } = process.cpuUsage(from)
  return (user + system) / kept
}
