// The input syslog: messages over UDP and TCP, of RFC 3164 and RFC 5424.
import { LogdriveError } from '../../../core/errors.ts'
import type { Address, Datagrams, ListenTls, Logger } from '../../../core/runtime.ts'
import { Scope } from '../../../core/scope.ts'
import type { Facts } from '../../parse/facts.ts'
import type { ParseOptions } from '../../parse/options.ts'
import type { Source, SourceParts } from '../../source.ts'
import { inputSourceOf } from '../../tail/identity.ts'
import type { TransformOptions } from '../../transform/options.ts'
import type { RecordQueue } from '../queue.ts'
import { RecordLines } from '../record-lines.ts'
import { freshStanding, Sender } from '../sender.ts'
import { countLeft, queueOf, shipQueue } from '../shipping.ts'
import { receiveDatagrams } from './datagrams.ts'
import { receiveStreams } from './streams.ts'

export interface SyslogInput {
  readonly name: string
  readonly topic: string
  readonly listen: Address
  readonly protocols: readonly ('udp' | 'tcp')[]
  readonly tls: ListenTls | null
  readonly framing: 'auto' | 'newline' | 'octet_counting'
  readonly messageBytesMax: number
  readonly connectionsMax: number
  readonly receiveBufferBytes: number
  readonly parse: ParseOptions
  readonly transforms?: readonly TransformOptions[]
}

/** What both ways in share. */
export interface Receiving {
  readonly input: SyslogInput
  readonly lines: RecordLines
  readonly counts: SyslogCounts
  readonly parts: SourceParts
  readonly logger: Logger
  readonly queue: RecordQueue
  readonly kill: AbortSignal
  /** What is known of messages from a peer. */
  factsOf(transport: 'udp' | 'tcp', peer: Address): Facts
}

export interface SyslogCounts {
  datagrams: number
  connections: number
  /** Connections that were closed because what came was not framed. */
  malformed: number
}

const retryMsMax = 60_000
/** Senders whose facts are remembered. */
const peersMax = 1000

/** The source of the input. Throws CONFIG_INVALID for a parser that is none. */
export function syslog(input: SyslogInput, datagrams: Datagrams): Source {
  const lines = new RecordLines({ parse: input.parse, transforms: input.transforms, isRaw: false })
  const counts: SyslogCounts = { datagrams: 0, connections: 0, malformed: 0 }
  return {
    name: input.name,
    status: () => ({ ...lines.status(), ...counts }),
    async run(parts, stop, kill) {
      await using queue = queueOf(parts)
      await using listening = new Scope(stop)
      const logger = parts.runtime.logger.child({ input: input.name })
      const receiving = { input, lines, counts, parts, logger, queue, kill, factsOf: rememberedFacts() }
      const loops = [...new Set(input.protocols)].map((protocol) =>
        protocol === 'udp'
          ? (signal: AbortSignal) => receiveDatagrams(receiving, datagrams, signal)
          : (signal: AbortSignal) => receiveStreams(receiving, signal),
      )
      listening.spawn(async (signal) => {
        // Both write into the queue: it ends with the second.
        await Promise.all(loops.map((loop) => persist(loop, receiving, signal))).finally(() => queue.end())
      })
      await shipQueue(input.name, queue, senderOf(input, lines, parts), parts, kill)
      await listening.wait()
      countLeft(input.name, queue, parts)
    },
  }
}

/** Listens, and tries again where that cannot be: other inputs go on meanwhile. */
async function persist(
  loop: (signal: AbortSignal) => Promise<void>,
  { parts, logger }: Receiving,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = parts.runtime
  let waitMs = 1000
  while (!signal.aborted) {
    try {
      return await loop(signal)
    } catch (error) {
      if (!(error instanceof LogdriveError)) throw error
      if (waitMs === 1000)
        logger.error({ err: error, hint: error.hint }, 'cannot listen for syslog; will try again')
      await clock.sleep(waitMs, signal)
      waitMs = Math.min(retryMsMax, waitMs * 2)
    }
  }
}

function senderOf({ name, topic }: SyslogInput, lines: RecordLines, parts: SourceParts): Sender {
  const { agentId, host, zstd, runtime, uplink } = parts
  const source = inputSourceOf(agentId, name)
  const standing = freshStanding({ source, topic, startedAtMs: runtime.clock.now() }, uplink)
  const where = { input: name, path: `syslog/${name}`, topic, source, host }
  return new Sender({ ...where, ...standing, zstd, values: lines.values }, uplink, runtime.logger)
}

function rememberedFacts(): Receiving['factsOf'] {
  const known = new Map<string, Facts>()
  return (transport, { host }) => {
    const key = `${transport} ${host}`
    const before = known.get(key)
    if (before !== undefined) return before
    if (known.size >= peersMax) known.clear()
    const facts: Facts = {
      attributes: [
        ['network.peer.address', host],
        ['network.transport', transport],
      ],
      severity: null,
    }
    known.set(key, facts)
    return facts
  }
}
