// The load: real HTTP writers to a real collector, every acknowledgement noted in the ledger. A process of its own.
//
// node load.ts URL LEDGER SEED; runs until it is killed; exits with 1 when the collector answers what it must not.
import { openSync, writeSync } from 'node:fs'
import http from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { batchHeaders } from '../../batch-headers.ts'
import { SeededRandom } from '../../sim/random.ts'
import { SourceBatches } from './batches.ts'
import { type Entry, recordText } from './ledger.ts'

const [, , url = '', ledgerPath = '', seed = '1'] = process.argv
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
const ledger = openSync(ledgerPath, 'a')
const topicsMax = 12

const writers = [
  ...Array.from({ length: 4 }, (_, index) => writeRecords(`r${index}`, index)),
  ...Array.from({ length: 3 }, (_, index) => writeBatches(`src-${index}`)),
  makeTopics('maker'),
]
await Promise.all(writers)

/** NDJSON, one to eight records a request, all with the key of the writer or each with its own. */
async function writeRecords(writer: string, index: number): Promise<never> {
  const random = new SeededRandom(Number(seed), writer)
  const query = index % 2 === 0 ? '?key=w' : '?key=n'
  for (let first = 0; ; ) {
    const count = 1 + random.below(8)
    await postRecords(`records_${index % 2}`, query, writer, first, count)
    first += count
    await pause(random)
  }
}

/** Batches of a source; some are sent twice, as after a lost answer. */
async function writeBatches(writer: string): Promise<never> {
  const random = new SeededRandom(Number(seed), writer)
  const batches = new SourceBatches(writer)
  const topic = `lines_${writer.length % 2}`
  for (;;) {
    const batch = batches.next(1 + random.below(12))
    const { epoch, to } = batch.range
    const times = random.chance(0.1) ? 2 : 1
    for (let time = 1; time <= times; time += 1) {
      const answer = await post(`/v1/topics/${topic}/batches`, batchHeaders(batch.range), batch.bytes())
      if (answer.duplicate !== (time === 2) || answer.to !== to) fail(`sent ${time} times`, answer)
      const { first, count } = batch
      const partition = Number(answer.partition)
      if (time === 1) note({ kind: 'batch', topic, writer, partition, epoch, to, first, count })
    }
    await pause(random)
  }
}

/** A new topic now and then: its folders and files must survive as well as what is in them. */
async function makeTopics(writer: string): Promise<void> {
  const random = new SeededRandom(Number(seed), writer)
  for (let made = 0; made < topicsMax; made += 1) {
    await postRecords(`made_${made}`, '?key=w', writer, made, 1)
    await delay(200 + random.below(800))
  }
}

async function postRecords(topic: string, query: string, writer: string, first: number, count: number) {
  const lines = Array.from({ length: count }, (_, index) => recordText(writer, first + index))
  const headers = { 'content-type': 'application/x-ndjson' }
  const answer = await post(`/v1/topics/${topic}/records${query}`, headers, Buffer.from(lines.join('\n')))
  const offsets = answer.offsets as { partition: number; offset: number }[]
  if (answer.accepted !== count || offsets.length !== count) fail('not all accepted', answer)
  const places = offsets.map(({ partition, offset }) => [partition, offset] as const)
  note({ kind: 'records', topic, writer, first, places })
}

/** One write to a file in memory: a reader sees whole lines up to the last newline. */
function note(entry: Entry): void {
  writeSync(ledger, `${JSON.stringify(entry)}\n`)
}

function post(
  path: string,
  headers: Record<string, string>,
  body: Uint8Array,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}${path}`, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) resolve(JSON.parse(text))
        else fail(`${path} answered ${response.statusCode}`, text)
      })
    })
    request.on('error', (error) => fail(`${path} failed`, String(error)))
    request.end(body)
  })
}

/** Busy and idle moments take turns, so that cuts meet full and empty queues. */
async function pause(random: SeededRandom): Promise<void> {
  if (random.chance(0.7)) await delay(random.below(24))
  if (random.chance(0.01)) await delay(random.below(150))
}

function fail(what: string, answer: unknown): never {
  console.error(`${what}: ${JSON.stringify(answer)}`)
  process.exit(1)
}
