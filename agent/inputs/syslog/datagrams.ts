// syslog over UDP: a datagram is a message. What has no room is dropped and counted: a sender of datagrams cannot wait.
import { LogdriveError } from '../../../core/errors.ts'
import type { DatagramSocket, Datagrams } from '../../../core/runtime.ts'
import { fieldsOf, readText } from '../../host/texts.ts'
import type { Receiving } from './input.ts'
import { linesOf, withoutEnd } from './octet-frames.ts'

const lookMs = 10_000
/** The system gives at most net.core.rmem_max. */
const enoughShare = 0.5

/** Receives until the signal aborts. Throws PORT_TAKEN, FORBIDDEN, CONFIG_INVALID. */
export async function receiveDatagrams(
  receiving: Receiving,
  datagrams: Datagrams,
  signal: AbortSignal,
): Promise<void> {
  const { input, logger, parts } = receiving
  const { receiveBufferBytes } = input
  await using socket = await datagrams.bind(input.listen, { receiveBufferBytes }, (bytes, peer) =>
    take(receiving, bytes, peer),
  )
  logger.info({ udp: socket.address, receiveBufferBytes: socket.receiveBufferBytes }, 'listening for syslog')
  if (socket.receiveBufferBytes < receiveBufferBytes * enoughShare) {
    const hint = `sysctl -w net.core.rmem_max=${receiveBufferBytes} makes it larger.`
    logger.warn({ given: socket.receiveBufferBytes, hint }, 'the receive buffer is smaller than asked for')
  }
  let dropped = 0
  while (!signal.aborted) {
    await parts.runtime.clock.sleep(lookMs, signal)
    const now = await droppedBySystem(receiving, socket)
    if (now > dropped) {
      parts.losses.count('datagrams_lost', 0, now - dropped)
      logger.warn({ datagrams: now - dropped }, 'datagrams came faster than they could be read and were lost')
    }
    dropped = Math.max(dropped, now)
  }
}

function take(
  { input, lines, counts, parts, queue, factsOf }: Receiving,
  bytes: Uint8Array,
  peer: Parameters<Receiving['factsOf']>[1],
): void {
  counts.datagrams += 1
  const whole = withoutEnd(bytes)
  const message = whole.subarray(0, input.messageBytesMax)
  if (message.length === 0) return
  if (message.length < whole.length) parts.losses.count('line_cut', whole.length - message.length)
  const packet = lines.make(linesOf([message]), parts.runtime.clock.now(), factsOf('udp', peer))
  if (packet !== null && !queue.offer(packet)) parts.losses.count('input_dropped', message.length)
}

/** Datagrams that found the socket's buffer full, by the last column of the kernel's table; 0 where there is none. */
async function droppedBySystem({ parts }: Receiving, socket: DatagramSocket): Promise<number> {
  let dropped = 0
  for (const path of ['/proc/net/udp', '/proc/net/udp6']) {
    try {
      const rows = fieldsOf(await readText(parts.runtime.files, path)).slice(1)
      const port = socket.address.port.toString(16).toUpperCase().padStart(4, '0')
      for (const row of rows) {
        const count = Number(row.at(-1))
        if (row[1]?.endsWith(`:${port}`) && Number.isSafeInteger(count)) dropped += count
      }
    } catch (error) {
      if (!(error instanceof LogdriveError)) throw error
    }
  }
  return dropped
}
