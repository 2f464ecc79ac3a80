// The input stdin: lines of standard input. What the collector does not take yet is not read.
import type { ByteStream } from '../../core/runtime.ts'
import { Scope } from '../../core/scope.ts'
import type { ParseOptions } from '../parse/options.ts'
import type { Source, SourceParts } from '../source.ts'
import { inputSourceOf } from '../tail/identity.ts'
import type { TransformOptions } from '../transform/options.ts'
import { LineCutter } from './line-cutter.ts'
import { RecordLines } from './record-lines.ts'
import { freshStanding, Sender } from './sender.ts'
import { countLeft, queueOf, shipQueue } from './shipping.ts'

export interface StdinInput {
  readonly name: string
  readonly topic: string
  readonly lineBytesMax: number
  readonly parse: ParseOptions | null
  readonly transforms?: readonly TransformOptions[]
}

/** The source of the input; it ends with `stream`, which it owns. Throws CONFIG_INVALID for a parser that is none. */
export function stdin(input: StdinInput, stream: () => ByteStream): Source {
  const lines = new RecordLines({ parse: input.parse, transforms: input.transforms, isRaw: true })
  return {
    name: input.name,
    status: () => lines.status(),
    run: (parts, stop, kill) => runStdin(input, lines, stream(), { parts, stop, kill }),
  }
}

interface Run {
  readonly parts: SourceParts
  readonly stop: AbortSignal
  readonly kill: AbortSignal
}

async function runStdin(
  { name, topic, lineBytesMax }: StdinInput,
  lines: RecordLines,
  stream: ByteStream,
  { parts, stop, kill }: Run,
): Promise<void> {
  const { agentId, host, zstd, runtime, uplink, losses } = parts
  const { clock } = runtime
  await using owned = stream
  await using queue = queueOf(parts)
  await using reading = new Scope(stop)
  const source = inputSourceOf(agentId, name)
  const where = { input: name, path: `stdin/${name}`, topic, source, host }
  const standing = freshStanding({ source, topic, startedAtMs: clock.now() }, uplink)
  await using sender = new Sender(
    { ...where, ...standing, zstd, values: lines.values },
    uplink,
    runtime.logger,
  )
  reading.spawn(async (signal) => {
    const cutter = new LineCutter(lineBytesMax, (bytes) => losses.count('line_cut', bytes))
    const close = () => void owned[Symbol.asyncDispose]()
    signal.addEventListener('abort', close, { once: true })
    if (signal.aborted) close()
    try {
      while (true) {
        const chunk = await owned.read()
        const packet = lines.make(chunk === null ? cutter.end() : cutter.push(chunk), clock.now())
        // At a stop too: it was read, and nobody can read it again.
        if (packet !== null) await queue.put(packet, kill)
        if (chunk === null) return
      }
    } finally {
      signal.removeEventListener('abort', close)
      queue.end()
    }
  })
  await shipQueue(name, queue, sender, parts, kill)
  await reading.wait()
  countLeft(name, queue, parts)
}
