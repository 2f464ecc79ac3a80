// Load without a client's cost: prebuilt Produce frames of one batch, some in flight, answers only counted and checked.
//
//   node bench/broker/load.ts JSON     a LoadOptions; prints a LoadResult as JSON
import net from 'node:net'
import { encodeLines } from '../../protocol/batch-encode.ts'

export interface LoadOptions {
  readonly port: number
  readonly topic: string
  /** One connection for each. */
  readonly partitions: number
  readonly batchBytes: number
  readonly recordBytes: number
  readonly inFlight: number
  readonly seconds: number
}

export interface LoadResult {
  readonly batches: number
  /** Acknowledged bytes of batches per second, in MB (10^6). */
  readonly mbPerSecond: number
}

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions
  console.log(JSON.stringify(await load(options)))
}

/** Keeps every connection's window full until the time is over. Throws when an answer says that something failed. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const batch = batchOf(options.batchBytes, options.recordBytes)
  const started = performance.now()
  const end = started + options.seconds * 1000
  const counts = await Promise.all(
    Array.from({ length: options.partitions }, (_, partition) => drive(options, partition, batch, end)),
  )
  const batches = counts.reduce((sum, count) => sum + count, 0)
  const tookS = (performance.now() - started) / 1000
  return { batches, mbPerSecond: (batches * batch.length) / 1e6 / tookS }
}

function drive(options: LoadOptions, partition: number, batch: Uint8Array, end: number): Promise<number> {
  const frame = frameOf(options.topic, partition, batch)
  return new Promise((resolve, reject) => {
    let sent = 0
    let answered = 0
    const send = () => {
      sent += 1
      socket.write(frame)
    }
    const socket = net.connect(options.port, '127.0.0.1', () => {
      for (let i = 0; i < options.inFlight; i += 1) send()
    })
    socket.setNoDelay(true)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the broker closed the connection')))
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const error = errorIn(rest)
        if (error !== 0) reject(new Error(`the broker answered with error ${error}`))
        rest = rest.subarray(4 + rest.readInt32BE(0))
        answered += 1
        if (performance.now() < end) send()
      }
      if (answered < sent) return
      resolve(answered)
      socket.destroy()
    })
  })
}

/** Behind size, correlation id and the count of topics: name, count of partitions, partition, error. */
function errorIn(answer: Buffer): number {
  return answer.readInt16BE(12 + 2 + answer.readInt16BE(12) + 8)
}

/** Produce v7, acks=all, one batch for one partition; not flexible, so every length is where a bare loop can find it. */
function frameOf(topic: string, partition: number, batch: Uint8Array): Buffer {
  const head = Buffer.alloc(4 + 10 + 4 + 12 + 2 + topic.length + 12)
  let at = head.writeInt32BE(head.length - 4 + batch.length, 0)
  at = head.writeInt16BE(0, at)
  at = head.writeInt16BE(7, at)
  at = head.writeInt32BE(1, at)
  at = head.writeInt16BE(4, at)
  at += head.write('load', at)
  at = head.writeInt16BE(-1, at)
  at = head.writeInt16BE(-1, at)
  at = head.writeInt32BE(30_000, at)
  at = head.writeInt32BE(1, at)
  at = head.writeInt16BE(topic.length, at)
  at += head.write(topic, at)
  at = head.writeInt32BE(1, at)
  at = head.writeInt32BE(partition, at)
  head.writeInt32BE(batch.length, at)
  return Buffer.concat([head, batch])
}

/** An unpacked batch of about so many bytes. */
function batchOf(batchBytes: number, recordBytes: number): Uint8Array {
  const count = Math.max(1, Math.floor(batchBytes / (recordBytes + 10)))
  const bytes = Buffer.alloc(count * recordBytes, 'abcdefghij')
  const ends = Array.from({ length: count }, (_, i) => (i + 1) * recordBytes)
  return encodeLines({ bytes, ends, count, timestampMs: Date.now(), firstHeaders: [], codec: 'none' })
}
