// npm run fuzz:tcp: mutated requests over real sockets against a real collector, with a healthy client beside them.
//
//   node test/fuzz/tcp.ts [--frames N] [--seed N]
//
// The collector must not crash, the healthy client must be answered within a second, memory must stay within bounds.
import { writeFile } from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../runtime/clock.ts'
import { createLogger } from '../../runtime/logger.ts'
import { nodeTransport } from '../../runtime/transport.ts'
import { memoryMb } from '../integration/proc.ts'
import { freePorts, Running, temporaryFolder } from '../integration/processes.ts'
import { openConnection } from '../kafka-client/connection.ts'
import { parseScript } from '../script.ts'
import { corpusOf, mutated } from './frames.ts'
import { drawFrom, mutations } from './mutate.ts'

export interface TcpFuzzOptions {
  readonly frames: number
  readonly seed: number
}

export interface TcpFuzzReport {
  /** Connections that the collector ended. */
  readonly closed: number
  /** Requests that were whole enough to be carried out. */
  readonly handled: number
  readonly answeredBytes: number
  /** The longest that the healthy client waited. */
  readonly slowestMs: number
  readonly memoryMbBefore: number
  readonly memoryMbMax: number
}

const connections = 32
/** At most so many go over one connection: behind one that is refused nothing is read any more. */
const framesPerConnection = 4
const patienceMs = 100

/** Throws when the collector is gone or does not answer the healthy client. */
export async function fuzzTcp({ frames, seed }: TcpFuzzOptions): Promise<TcpFuzzReport> {
  await using folder = await temporaryFolder()
  const [http = 0, port = 0] = await freePorts(2)
  const config = join(folder.path, 'collector.yaml')
  const addresses = `  http: { listen: "127.0.0.1:${http}" }\n  kafka: { listen: "127.0.0.1:${port}" }\n`
  await writeFile(config, `version: 1\ndata: ${folder.path}/data\ncollector:\n${addresses}`)
  await using collector = new Running(['collector', '-c', config])
  const probe = new Probe(port, collector)
  await probe.ready()
  const memoryMbBefore = memoryMb(collector.pid).now
  const sums = { closed: 0, answeredBytes: 0, memoryMbMax: 0 }
  const corpus = corpusOf(seed)
  const named = Object.entries(mutations)
  let left = frames
  const hostile = async (index: number) => {
    const draw = drawFrom(seed * 1000 + index)
    while (left > 0 && !collector.exited) {
      const count = Math.min(left, 1 + draw(framesPerConnection))
      left -= count
      const frame = () => (draw(3) === 0 ? corpus[draw(corpus.length)] : mutated(corpus, named, draw)[0])
      const batch = Array.from({ length: count }, () => withLength(frame() ?? Buffer.alloc(0), draw))
      const { isClosed, bytes } = await attack(port, batch)
      sums.closed += isClosed ? 1 : 0
      sums.answeredBytes += bytes
      sums.memoryMbMax = Math.max(sums.memoryMbMax, memoryMb(collector.pid).now)
    }
  }
  const over = new AbortController()
  const probing = probe.run(over.signal)
  await Promise.all(Array.from({ length: connections }, (_, index) => hostile(index)))
  over.abort()
  const slowestMs = await probing
  if (collector.exited) throw new Error(`the collector ended:\n${collector.output.slice(-3000)}`)
  return { ...sums, handled: await handledBy(http), slowestMs, memoryMbBefore }
}

/** What the collector counted. */
async function handledBy(http: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${http}/v1/status`)
  const { kafka } = (await answer.json()) as { readonly kafka: { readonly requests: { requests: number }[] } }
  return kafka.requests.reduce((sum, { requests }) => sum + requests, 0)
}

/** A client that does nothing wrong, and measures. */
class Probe {
  readonly #port: number
  readonly #collector: Running

  constructor(port: number, collector: Running) {
    this.#port = port
    this.#collector = collector
  }

  async ready(): Promise<void> {
    for (let attempt = 0; attempt < 600; attempt += 1) {
      if (this.#collector.exited) throw new Error(`the collector ended:\n${this.#collector.output}`)
      try {
        await this.#ask()
        return
      } catch {
        await delay(50)
      }
    }
    throw new Error('the collector does not answer')
  }

  /** Asks on a new connection each time; the longest wait in ms. */
  async run(signal: AbortSignal): Promise<number> {
    let slowestMs = 0
    while (!signal.aborted && !this.#collector.exited) {
      const from = performance.now()
      await this.#ask()
      slowestMs = Math.max(slowestMs, performance.now() - from)
      await delay(20)
    }
    return slowestMs
  }

  async #ask(): Promise<void> {
    const logger = createLogger('silent')
    const parts = { transport: nodeTransport(logger), clock: systemClock }
    const options = { address: { host: '127.0.0.1', port: this.#port }, clientId: 'probe', requestMs: 10_000 }
    const connection = await openConnection(options, parts, new AbortController().signal)
    try {
      await connection.request('Metadata', { topics: [], allowAutoTopicCreation: false })
    } finally {
      connection.close()
    }
  }
}

/** Sends all of it and listens for a moment. */
function attack(port: number, frames: readonly Buffer[]): Promise<{ isClosed: boolean; bytes: number }> {
  return new Promise((resolve) => {
    let bytes = 0
    const socket = net.connect(port, '127.0.0.1', () => socket.write(Buffer.concat(frames)))
    const end = (isClosed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ isClosed, bytes })
    }
    // Quiet for so long: it waits for more, or for data that will never come.
    const timer = setTimeout(() => end(false), patienceMs)
    socket.on('data', (chunk) => {
      bytes += chunk.length
      timer.refresh()
    })
    socket.on('error', () => undefined)
    socket.once('close', () => end(true))
  })
}

/** The frame's length before it, now and then a lie. */
function withLength(frame: Buffer, draw: (below: number) => number): Buffer {
  const head = Buffer.alloc(4)
  const lies = [0, -1, 0x7fffffff, frame.length + 1, Math.max(0, frame.length - 1), 100 * 1024 * 1024]
  head.writeInt32BE(draw(40) === 0 ? (lies[draw(lies.length)] ?? 0) : frame.length)
  return Buffer.concat([head, frame])
}

if (import.meta.main) {
  const { values } = parseScript(import.meta.filename, {
    options: { frames: { type: 'string', default: '200000' }, seed: { type: 'string', default: '1' } },
  })
  const from = performance.now()
  const report = await fuzzTcp({ frames: Number(values.frames), seed: Number(values.seed) })
  console.log(
    `${values.frames} frames, seed ${values.seed}: ${((performance.now() - from) / 1000).toFixed(1)} s`,
    report,
  )
  process.exit(report.slowestMs > 1000 ? 1 : 0)
}
