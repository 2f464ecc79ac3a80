// The limit of a Node broker: reads Produce frames into one buffer, checks the CRC, appends to a file, acknowledges.
//
//   node bench/broker/bare-broker.ts FOLDER     prints its port; understands what bench/broker/load.ts sends, nothing else
import { closeSync, openSync, writeSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { BATCH_OVERHEAD, CRC_FROM } from '../../protocol/batch-header.ts'
import { crc32c } from '../../protocol/crc32c.ts'

/** Holds the largest frame and what is read ahead of it. */
const bufferBytes = 4 * 1024 * 1024
/** As our segments: a file that is written over and over would cost the system less than a log does. */
const fileBytesMax = 128 * 1024 * 1024

const folder = process.argv[2] ?? '.'
let files = 0
let file = nextFile()
let fileAt = 0
let nextOffset = 0

const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
  // A server's sockets cannot be told where to read to; one that is made around the same handle can.
  if (!('_handle' in accepted) || !(accepted._handle instanceof Object)) throw new Error('this node hides it')
  const handle = accepted._handle
  accepted._handle = null
  accepted.destroy()
  serve(handle)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' && address !== null ? address.port : 0)
})
process.stdin.on('end', () => process.exit(0)).resume()

/** One connection: bytes land behind each other, whole frames are handled where they lie. */
function serve(handle: object): void {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes)
  let from = 0
  let to = 0
  const landed = (bytes: number): boolean => {
    to += bytes
    while (to - from >= 4) {
      const end = from + 4 + buffer.readInt32BE(from)
      if (end > to) break
      socket.write(produce(buffer.subarray(from + 4, end)))
      from = end
    }
    if (from > 0 && (from === to || to > bufferBytes / 2)) {
      buffer.copyWithin(0, from, to)
      to -= from
      from = 0
    }
    return true
  }
  const options = { handle, onread: { buffer: () => buffer.subarray(to), callback: landed } }
  const socket = new net.Socket(options as net.SocketConstructorOpts)
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.resume()
}

/** Produce v7 of one batch into one partition: its place is stamped, its CRC checked, its bytes written. */
function produce(frame: Buffer): Buffer {
  const clientLength = Math.max(0, frame.readInt16BE(8))
  // Behind the client id: no transactional id (2), acks (2), timeout (4), one topic (4).
  const nameAt = 10 + clientLength + 12
  const nameLength = frame.readInt16BE(nameAt)
  const partitionAt = nameAt + 2 + nameLength + 4
  const batchAt = partitionAt + 8
  const batch = frame.subarray(batchAt, batchAt + frame.readInt32BE(partitionAt + 4))
  if (batch.length < BATCH_OVERHEAD || crc32c(batch.subarray(CRC_FROM)) !== batch.readUInt32BE(17)) {
    throw new Error('a batch with a wrong CRC')
  }
  const baseOffset = nextOffset
  nextOffset += batch.readInt32BE(57)
  batch.writeBigInt64BE(BigInt(baseOffset), 0)
  batch.writeInt32BE(0, 12)
  append(batch)
  const answer = Buffer.allocUnsafe(4 + 4 + 4 + 2 + nameLength + 4 + 4 + 2 + 8 + 8 + 8 + 4)
  answer.writeInt32BE(answer.length - 4, 0)
  frame.copy(answer, 4, 4, 8)
  answer.writeInt32BE(1, 8)
  frame.copy(answer, 12, nameAt, nameAt + 2 + nameLength)
  let at = answer.writeInt32BE(1, 14 + nameLength)
  frame.copy(answer, at, partitionAt, partitionAt + 4)
  at = answer.writeInt16BE(0, at + 4)
  at = answer.writeBigInt64BE(BigInt(baseOffset), at)
  at = answer.writeBigInt64BE(-1n, at)
  at = answer.writeBigInt64BE(0n, at)
  answer.writeInt32BE(0, at)
  return answer
}

function append(batch: Buffer): void {
  if (fileAt + batch.length > fileBytesMax) {
    closeSync(file)
    file = nextFile()
    fileAt = 0
  }
  if (writeSync(file, batch, 0, batch.length, fileAt) !== batch.length) throw new Error('a short write')
  fileAt += batch.length
}

function nextFile(): number {
  files += 1
  return openSync(path.join(folder, `${files}.log`), 'w')
}
