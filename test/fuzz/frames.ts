// npm run fuzz: mutated requests of every API and version against the codec, in this process.
//
//   node test/fuzz/frames.ts [--frames N] [--seed N]
//
// Each frame is decoded or refused with INVALID_REQUEST; anything else is a bug, printed with the frame in hex. What
// is decoded must say the same after it was encoded again (one frame in 64 is tried). No frame may take more of the
// heap, for its bytes, than `HEAP_FACTOR_MAX`.

import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { apiOf } from '../../protocol/apis/index.ts'
import { HEAP_FACTOR_MAX, Reader } from '../../protocol/bytes.ts'
import { KafkaError } from '../../protocol/errors.ts'
import { encodeRequest, readRequest, readRequestHeader } from '../../protocol/message.ts'
import type { Api } from '../../protocol/schema.ts'
import { messageOf, versionedApis } from '../protocol/messages.ts'
import { parseScript } from '../script.ts'
import { bloatedFrames } from './bloated.ts'
import { type Draw, drawFrom, mutations } from './mutate.ts'

/** The request's own object; in smaller frames it would count most. */
const ownHeapBytes = 512
const frameBytesMin = 1024

export interface FuzzOptions {
  readonly frames: number
  readonly seed: number
}

export interface FuzzReport {
  readonly decoded: number
  readonly refused: number
  /** Frames whose header names nothing that is served. */
  readonly unserved: number
  readonly byMutation: Readonly<Record<string, number>>
  /** Ms of the slowest frame when it is decoded again and again, and the frame. */
  readonly worstMs: number
  readonly worstFrame: Buffer
  /** The highest heap bytes for each byte of a frame, and its API and version. */
  readonly heapFactor: number
  readonly heapFactorOf: string
  readonly rssMiBMax: number
}

type Outcome = 'decoded' | 'refused' | 'unserved'

/** Decodes so many mutated frames. Throws at the first that ends in anything but an answer or a refusal. */
export function fuzzFrames({ frames, seed }: FuzzOptions): FuzzReport {
  const draw = drawFrom(seed)
  const corpus = corpusOf(seed)
  const named = Object.entries(mutations)
  const heap = new HeapFactor()
  const counts = { decoded: 0, refused: 0, unserved: 0 }
  const byMutation: Record<string, number> = {}
  let worstMs = 0
  let worstFrame: Buffer = Buffer.alloc(0)
  let rssMiBMax = 0
  for (let index = 0; index < frames; index++) {
    const [frame, name] = mutated(corpus, named, draw)
    const from = performance.now()
    const outcome = tried(frame, index, heap)
    const tookMs = performance.now() - from
    counts[outcome]++
    byMutation[name] = (byMutation[name] ?? 0) + 1
    if (index % 64 === 0 && outcome === 'decoded') checkRoundTrip(frame, index)
    if (tookMs > worstMs) {
      const ownMs = Math.min(tookMs, repeatedMs(frame, index))
      if (ownMs > worstMs) {
        worstMs = ownMs
        worstFrame = frame
      }
    }
    if (index % 10_000 === 0) rssMiBMax = Math.max(rssMiBMax, process.memoryUsage.rss() / 1024 / 1024)
  }
  const { highest: heapFactor, of: heapFactorOf } = heap
  return { ...counts, byMutation, worstMs, worstFrame, heapFactor, heapFactorOf, rssMiBMax }
}

/** The most that a decoded frame took of the heap for its bytes. */
class HeapFactor {
  highest = 0
  of = 'none'

  note(api: Api, version: number, { bytes, heapBytes }: Reader): void {
    if (bytes.length < frameBytesMin) return
    const factor = Math.max(0, heapBytes - ownHeapBytes) / bytes.length
    if (factor <= this.highest) return
    this.highest = factor
    this.of = `${api.name} v${version}`
    if (factor > HEAP_FACTOR_MAX)
      throw new Error(`${this.of} takes ${factor.toFixed(1)} times its bytes of the heap`)
  }
}

/** Some whole requests of every API in every version, and such that are all small elements, without their lengths. */
export function corpusOf(seed: number): readonly Buffer[] {
  const usual = versionedApis.flatMap(({ api, version }) =>
    fc
      .sample(messageOf(api.request, version), { seed, numRuns: 8 })
      .map((body) =>
        Buffer.concat(encodeRequest(api, { version, correlationId: 1, clientId: 'fuzz', body })).subarray(4),
      ),
  )
  return [...usual, ...bloatedFrames(frameBytesMin + 64).map(({ frame }) => frame)]
}

/** A frame of the corpus changed once or twice, and the name of the first change. */
export function mutated(
  corpus: readonly Buffer[],
  named: readonly (readonly [string, (typeof mutations)[string]])[],
  draw: Draw,
): readonly [Buffer, string] {
  const seedFrame = corpus[draw(corpus.length)] ?? Buffer.alloc(0)
  const [name, mutate] = named[draw(named.length)] ?? ['none', undefined]
  let frame = mutate?.(seedFrame, draw, corpus) ?? seedFrame
  // Now and then a second one on top.
  const second = draw(4) === 0 ? named[draw(named.length)]?.[1] : undefined
  frame = second?.(frame, draw, corpus) ?? frame
  return [frame, name]
}

function tried(frame: Buffer, index: number, heap?: HeapFactor): Outcome {
  try {
    return decoded(frame, heap) === null ? 'unserved' : 'decoded'
  } catch (error) {
    if (error instanceof KafkaError && error.error === 'INVALID_REQUEST') return 'refused'
    throw broken(frame, index, error)
  }
}

/** What is written again of what was read must say the same. */
function checkRoundTrip(frame: Buffer, index: number): void {
  try {
    const first = decoded(frame)
    if (first === null) return
    const { api, header, body } = first
    const { apiVersion: version, correlationId, clientId } = header
    const again = decoded(
      Buffer.concat(encodeRequest(api, { version, correlationId, clientId, body })).subarray(4),
    )
    if (!isDeepStrictEqual(again?.body, body))
      throw new Error('it says something else when it is encoded again')
  } catch (error) {
    throw broken(frame, index, error)
  }
}

/** The request, or null when no version of it is served. */
function decoded(frame: Buffer, heap?: HeapFactor) {
  const header = readRequestHeader(frame)
  const { apiKey, apiVersion, bodyAt } = header
  const api: Api | null = apiOf(apiKey)
  const [min, max] = api === null ? [0, -1] : (api.served ?? api.versions)
  if (api === null || apiVersion < min || apiVersion > max) return null
  const reader = new Reader(frame, bodyAt)
  const body = readRequest(api, apiVersion, reader)
  heap?.note(api, apiVersion, reader)
  return { api, header, body }
}

/** The best of some more times: a pause of the machine is not the frame's fault. */
function repeatedMs(frame: Buffer, index: number): number {
  const times = Array.from({ length: 5 }, () => {
    const from = performance.now()
    tried(frame, index)
    return performance.now() - from
  })
  return Math.min(...times)
}

function broken(frame: Buffer, index: number, cause: unknown): Error {
  return new Error(`frame ${index} is not refused but breaks the codec: ${frame.toString('hex')}`, { cause })
}

if (import.meta.main) {
  const { values } = parseScript(import.meta.filename, {
    options: { frames: { type: 'string', default: '10000000' }, seed: { type: 'string', default: '1' } },
  })
  const options = { frames: Number(values.frames), seed: Number(values.seed) }
  const from = performance.now()
  const report = fuzzFrames(options)
  const seconds = (performance.now() - from) / 1000
  const { decoded, refused, unserved, byMutation, worstMs, worstFrame, heapFactor, heapFactorOf, rssMiBMax } =
    report
  console.log(`${options.frames} frames, seed ${options.seed}: no crash in ${seconds.toFixed(1)} s`)
  console.log(`  ${decoded} decoded, ${refused} refused, ${unserved} of no version served`)
  console.log(
    `  ${Object.entries(byMutation)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  console.log(
    `  most heap for its bytes: ${heapFactor.toFixed(1)} times (${heapFactorOf}; ${HEAP_FACTOR_MAX} are allowed)`,
  )
  console.log(
    `  slowest ${worstMs.toFixed(3)} ms (${worstFrame.length} bytes), memory at most ${rssMiBMax.toFixed(0)} MiB`,
  )
}
