// npm run fuzz: mutated requests of every API and version against the codec, in this process.
//
//   node test/fuzz/frames.ts [--frames N] [--seed N]
//
// Each frame is decoded or refused with INVALID_REQUEST; anything else is a bug, printed with the frame in hex. What
// is decoded must say the same after it was encoded again (one frame in 64 is tried).

import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { apiOf } from '../../protocol/apis/index.ts'
import { KafkaError } from '../../protocol/errors.ts'
import { decodeRequest, encodeRequest, readRequestHeader } from '../../protocol/message.ts'
import type { Api } from '../../protocol/schema.ts'
import { messageOf, versionedApis } from '../protocol/messages.ts'
import { parseScript } from '../script.ts'
import { type Draw, drawFrom, mutations } from './mutate.ts'

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
  readonly rssMiBMax: number
}

type Outcome = 'decoded' | 'refused' | 'unserved'

/** Decodes so many mutated frames. Throws at the first that ends in anything but an answer or a refusal. */
export function fuzzFrames({ frames, seed }: FuzzOptions): FuzzReport {
  const draw = drawFrom(seed)
  const corpus = validFrames(seed)
  const named = Object.entries(mutations)
  const counts = { decoded: 0, refused: 0, unserved: 0 }
  const byMutation: Record<string, number> = {}
  let worstMs = 0
  let worstFrame: Buffer = Buffer.alloc(0)
  let rssMiBMax = 0
  for (let index = 0; index < frames; index++) {
    const [frame, name] = mutated(corpus, named, draw)
    const from = performance.now()
    const outcome = tried(frame, index)
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
  return { ...counts, byMutation, worstMs, worstFrame, rssMiBMax }
}

/** Some whole requests of every API in every version, without their lengths. */
export function validFrames(seed: number): readonly Buffer[] {
  return versionedApis.flatMap(({ api, version }) =>
    fc
      .sample(messageOf(api.request, version), { seed, numRuns: 8 })
      .map((body) =>
        Buffer.concat(encodeRequest(api, { version, correlationId: 1, clientId: 'fuzz', body })).subarray(4),
      ),
  )
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

function tried(frame: Buffer, index: number): Outcome {
  try {
    return decoded(frame) === null ? 'unserved' : 'decoded'
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
function decoded(frame: Buffer) {
  const header = readRequestHeader(frame)
  const { apiKey, apiVersion, bodyAt } = header
  const api: Api | null = apiOf(apiKey)
  const [min, max] = api === null ? [0, -1] : (api.served ?? api.versions)
  if (api === null || apiVersion < min || apiVersion > max) return null
  return { api, header, body: decodeRequest(api, apiVersion, frame, bodyAt) }
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
  const { decoded, refused, unserved, byMutation, worstMs, worstFrame, rssMiBMax } = report
  console.log(`${options.frames} frames, seed ${options.seed}: no crash in ${seconds.toFixed(1)} s`)
  console.log(`  ${decoded} decoded, ${refused} refused, ${unserved} of no version served`)
  console.log(
    `  ${Object.entries(byMutation)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  console.log(
    `  slowest ${worstMs.toFixed(3)} ms (${worstFrame.length} bytes), memory at most ${rssMiBMax.toFixed(0)} MiB`,
  )
}
