// syslog over TCP and TLS (RFC 6587, RFC 5425): each connection is read while there is room for what it says.
import { LogdriveError } from '../../../core/errors.ts'
import type { Connection } from '../../../core/runtime.ts'
import { Scope } from '../../../core/scope.ts'
import type { Lines } from '../../parse/made-lines.ts'
import { LineCutter } from '../line-cutter.ts'
import type { Receiving } from './input.ts'
import { OctetFrames } from './octet-frames.ts'

const readBytes = 16 * 1024

/** Accepts until the signal aborts. Throws PORT_TAKEN, FORBIDDEN, CONFIG_INVALID. */
export async function receiveStreams(receiving: Receiving, signal: AbortSignal): Promise<void> {
  const { input, logger, parts } = receiving
  await using open = new Scope(signal)
  const { tls, connectionsMax } = input
  await using listener = await parts.runtime.transport.listen(
    input.listen,
    { tls, connectionsMax },
    (connection) => open.spawn((scoped) => receive(receiving, connection, scoped)),
  )
  logger.info({ tcp: listener.address, tls: tls !== null }, 'listening for syslog')
  await new Promise<void>((resolve) => {
    if (open.signal.aborted) resolve()
    else open.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await open.wait()
}

async function receive(receiving: Receiving, connection: Connection, signal: AbortSignal): Promise<void> {
  const { counts, logger } = receiving
  await using owned = connection
  const close = () => owned.abort()
  signal.addEventListener('abort', close, { once: true })
  if (signal.aborted) close()
  counts.connections += 1
  try {
    await readMessages(receiving, owned)
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    if (error.code !== 'SCHEMA_INVALID') return
    counts.malformed += 1
    // Anybody may connect: more than a word for each would fill the log.
    const hint = 'Set `framing` to what the sender uses.'
    if (counts.malformed === 1) logger.warn({ err: error, peer: owned.peer, hint }, 'a connection was closed')
    else logger.debug({ err: error, peer: owned.peer }, 'a connection was closed')
    owned.abort()
  } finally {
    signal.removeEventListener('abort', close)
    counts.connections -= 1
  }
}

async function readMessages(receiving: Receiving, connection: Connection): Promise<void> {
  const { lines, parts, queue, kill, factsOf } = receiving
  const facts = factsOf('tcp', connection.peer)
  const room = new Uint8Array(readBytes)
  const put = async (messages: Lines) => {
    const packet = lines.make(messages, parts.runtime.clock.now(), facts)
    if (packet !== null) await queue.put(packet, kill)
  }
  let frames: LineCutter | OctetFrames | null = null
  while (true) {
    const count = await connection.read(room, 1)
    if (count === 0) break
    // A copy: what is unfinished is looked at again when the next bytes are in the room.
    const chunk = room.slice(0, count)
    frames ??= framesOf(receiving, chunk[0] as number)
    await put(frames.push(chunk))
  }
  if (frames instanceof LineCutter) await put(frames.end())
  else if (frames !== null && frames.end() > 0) parts.losses.count('line_cut', frames.end())
}

/** A message begins with `<`, its length with a digit. */
function framesOf({ input, parts }: Receiving, first: number): LineCutter | OctetFrames {
  const cut = (bytes: number) => parts.losses.count('line_cut', bytes)
  const isCounted =
    input.framing === 'auto' ? first >= 0x31 && first <= 0x39 : input.framing === 'octet_counting'
  return isCounted ? new OctetFrames(input.messageBytesMax, cut) : new LineCutter(input.messageBytesMax, cut)
}
