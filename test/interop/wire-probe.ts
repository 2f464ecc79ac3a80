// Looks at the batches of a partition as they lie on the wire, by a Fetch v4 written by hand: needs no code under test.
import { connect } from 'node:net'
import { type Codec, codecs } from './job.ts'

/** Header fields of a record batch: what no client's API shows. */
export interface WireBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly codec: Codec
  readonly transactional: boolean
  readonly control: boolean
  readonly producerId: bigint
  readonly recordsCount: number
}

const answerBytesMax = 64 * 1024 * 1024

/** Batches of a partition from an offset on, as many as one answer holds (16 MiB). */
export async function wireBatches(
  bootstrap: string,
  topic: string,
  partition: number,
  offset = 0,
): Promise<WireBatch[]> {
  const answer = await ask(bootstrap, fetchRequest(topic, partition, offset))
  // correlation id, throttle, one topic: name; one partition: index, error, high watermark, last stable offset, aborted.
  let at = 4 + 4 + 4
  at += 2 + answer.readInt16BE(at)
  at += 4 + 4
  const error = answer.readInt16BE(at)
  if (error !== 0)
    throw new Error(`Fetch of ${topic}-${partition} at ${offset} was answered by error ${error}`)
  at += 2 + 8 + 8
  const aborted = answer.readInt32BE(at)
  at += 4 + Math.max(0, aborted) * 16
  const records = answer.subarray(at + 4, at + 4 + Math.max(0, answer.readInt32BE(at)))
  return batchesOf(records)
}

function batchesOf(records: Buffer): WireBatch[] {
  const batches: WireBatch[] = []
  for (let at = 0; at + 61 <= records.length; ) {
    const size = 12 + records.readInt32BE(at + 8)
    if (size < 61 || at + size > records.length) break
    const attributes = records.readInt16BE(at + 21)
    const baseOffset = Number(records.readBigInt64BE(at))
    batches.push({
      baseOffset,
      lastOffset: baseOffset + records.readInt32BE(at + 23),
      codec: codecs[attributes & 7] ?? 'none',
      transactional: (attributes & 16) !== 0,
      control: (attributes & 32) !== 0,
      producerId: records.readBigInt64BE(at + 43),
      recordsCount: records.readInt32BE(at + 57),
    })
    at += size
  }
  return batches
}

/** Fetch v4: replica id, max wait, min bytes, max bytes, isolation, one topic with one partition. */
function fetchRequest(topic: string, partition: number, offset: number): Buffer {
  const name = Buffer.from(topic)
  const clientId = Buffer.from('wire-probe')
  const frame = Buffer.alloc(4 + 8 + 2 + clientId.length + 17 + 4 + 2 + name.length + 4 + 16)
  let at = 0
  const int = (bytes: 1 | 2 | 4, value: number) => {
    frame.writeIntBE(value, at, bytes)
    at += bytes
  }
  const text = (bytes: Buffer) => {
    int(2, bytes.length)
    at += bytes.copy(frame, at)
  }
  int(4, frame.length - 4)
  int(2, 1)
  int(2, 4)
  int(4, 1)
  text(clientId)
  int(4, -1)
  int(4, 1000)
  int(4, 1)
  int(4, 16 * 1024 * 1024)
  int(1, 0)
  int(4, 1)
  text(name)
  int(4, 1)
  int(4, partition)
  at = frame.writeBigInt64BE(BigInt(offset), at)
  int(4, 16 * 1024 * 1024)
  return frame
}

/** Sends one frame and gives the body of the answer (without its size). */
function ask(bootstrap: string, frame: Buffer): Promise<Buffer> {
  const [host = '', port = ''] = bootstrap.split(':')
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host)
    let got = Buffer.alloc(0)
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer to Fetch v4 within 20 s')))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the broker closed the connection on Fetch v4')))
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk])
      if (got.length < 4) return
      const size = got.readInt32BE(0)
      if (size > answerBytesMax) socket.destroy(new Error(`an answer of ${size} bytes`))
      else if (got.length >= 4 + size) {
        resolve(got.subarray(4, 4 + size))
        socket.destroy()
      }
    })
    socket.write(frame)
  })
}
