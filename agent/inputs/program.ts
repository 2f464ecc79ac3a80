// Runs a program once: hands its output on as it comes, and ends it with its group when its time or its output is over.
import type { ByteStream, Clock, ProcessCommand, ProcessExit, Processes } from '../../core/runtime.ts'

/** After SIGTERM a program has this long before SIGKILL. */
const graceMs = 2000
/** Who holds the output open after the program's end, and says nothing for so long, is not waited for. */
const silentMs = 1000

export type OutputName = 'stdout' | 'stderr'

export interface ProgramOptions {
  readonly command: ProcessCommand
  /** Longer runs are ended; null: none is. */
  readonly timeoutMs: number | null
  /** A run that writes more is ended; null: none is. */
  readonly outputBytesMax: number | null
  /** Takes output; null is its end. Nothing more is read of that stream before this resolves. */
  take(name: OutputName, chunk: Uint8Array | null): Promise<void>
}

/** How a run ended: `timeout` and `output` say that we ended it for that. */
export interface ProgramEnd extends ProcessExit {
  readonly cause: 'exit' | 'stop' | 'timeout' | 'output'
}

/** Runs it to its end, or until `signal` aborts. Throws as `Processes.start`. */
export async function runProgram(
  options: ProgramOptions,
  { processes, clock }: { readonly processes: Processes; readonly clock: Clock },
  signal: AbortSignal,
): Promise<ProgramEnd> {
  await using child = await processes.start(options.command)
  const over = new AbortController()
  let cause: ProgramEnd['cause'] = 'exit'
  const ending: Promise<void>[] = []
  const end = (why: ProgramEnd['cause']) => {
    if (cause !== 'exit' || over.signal.aborted) return
    cause = why
    child.signal('SIGTERM')
    ending.push(clock.sleep(graceMs, over.signal).then(() => child.signal('SIGKILL')))
  }
  const stop = () => end('stop')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  if (options.timeoutMs !== null)
    ending.push(
      clock.sleep(options.timeoutMs, over.signal).then(() => {
        if (!over.signal.aborted) end('timeout')
      }),
    )
  let room = options.outputBytesMax ?? Number.POSITIVE_INFINITY
  const outputs = (['stdout', 'stderr'] as const).map((name) => {
    const output = { isSilent: false, done: Promise.resolve() }
    output.done = drain(child[name], output, async (chunk) => {
      const kept = chunk?.subarray(0, Math.max(0, room)) ?? null
      room -= chunk?.length ?? 0
      if (room < 0) end('output')
      if (kept === null || kept.length > 0) await options.take(name, kept)
    })
    return output
  })
  const drained = Promise.all(outputs.map(({ done }) => done))
  // Seen below; until then it may fail while the program goes on.
  drained.catch(() => end('stop'))
  try {
    const exit = await child.exited
    over.abort()
    // Whatever it left behind.
    child.signal('SIGKILL')
    const gone = new AbortController()
    const giveUp = giveUpSilent(outputs, [child.stdout, child.stderr], clock, gone.signal)
    await drained.finally(() => gone.abort())
    await giveUp
    return { ...exit, cause }
  } finally {
    over.abort()
    signal.removeEventListener('abort', stop)
    await Promise.all(ending)
  }
}

interface Output {
  /** It waits for more. */
  isSilent: boolean
}

async function drain(
  stream: ByteStream,
  output: Output,
  take: (chunk: Uint8Array | null) => Promise<void>,
): Promise<void> {
  while (true) {
    output.isSilent = true
    const chunk = await stream.read()
    output.isSilent = false
    await take(chunk)
    if (chunk === null) return
  }
}

/** A process that left the group may hold the output open for ever. What has come is read first, however long that takes. */
async function giveUpSilent(
  outputs: readonly Output[],
  streams: readonly ByteStream[],
  clock: Clock,
  done: AbortSignal,
): Promise<void> {
  while (!done.aborted) {
    await clock.sleep(silentMs, done)
    for (const [index, output] of outputs.entries())
      if (output.isSilent && !done.aborted) await streams[index]?.[Symbol.asyncDispose]()
  }
}
