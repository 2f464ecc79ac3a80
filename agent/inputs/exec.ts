// The input exec: the output of a program, run every so often or going on for ever.

import { LogdriveError } from '../../core/errors.ts'
import type { Logger, Processes } from '../../core/runtime.ts'
import { Scope } from '../../core/scope.ts'
import type { Facts } from '../parse/facts.ts'
import type { ParseOptions } from '../parse/options.ts'
import { severityOf } from '../parse/severity.ts'
import type { Source, SourceParts } from '../source.ts'
import { inputSourceOf } from '../tail/identity.ts'
import type { TransformOptions } from '../transform/options.ts'
import { LineCutter } from './line-cutter.ts'
import { type OutputName, type ProgramEnd, runProgram } from './program.ts'
import type { RecordQueue } from './queue.ts'
import { RecordLines } from './record-lines.ts'
import { freshStanding, Sender } from './sender.ts'
import { countLeft, queueOf, shipQueue } from './shipping.ts'

export interface ExecInput {
  readonly name: string
  readonly topic: string
  readonly program: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly folder: string | null
  /** Null: it goes on for ever, and is started again when it ends. */
  readonly intervalMs: number | null
  /** Of a scheduled run. */
  readonly timeoutMs: number
  /** Of a scheduled run. */
  readonly outputBytesMax: number
  /** What becomes of stderr: the severity of its records, or nothing but a line in our own log, or nothing. */
  readonly stderr: string
  readonly lineBytesMax: number
  readonly parse: ParseOptions | null
  readonly transforms?: readonly TransformOptions[]
}

/** Between an end and the next start of a program that should go on; a run of the longer time makes it the shorter again. */
const restartMsMin = 1000
const restartMsMax = 60_000
/** Of a line of stderr in our own log. */
const loggedBytesMax = 1000

/** The source of the input. Throws CONFIG_INVALID for a parser that is none. */
export function exec(input: ExecInput, processes: Processes): Source {
  const lines = new RecordLines({ parse: input.parse, transforms: input.transforms, isRaw: false })
  const counts = { runs: 0, timeouts: 0, exits: Object.create(null) as Record<string, number> }
  return {
    name: input.name,
    status: () => ({ ...lines.status(), ...counts, exits: { ...counts.exits } }),
    async run(parts, stop, kill) {
      await using queue = queueOf(parts)
      await using running = new Scope(stop)
      const runs = new Runs({ input, processes, lines, counts, parts, queue, kill })
      running.spawn((signal) => runs.run(signal).finally(() => queue.end()))
      await shipQueue(input.name, queue, senderOf(input, lines, parts), parts, kill)
      await running.wait()
      countLeft(input.name, queue, parts)
    },
  }
}

function senderOf({ name, topic }: ExecInput, lines: RecordLines, parts: SourceParts): Sender {
  const { agentId, host, zstd, runtime, uplink } = parts
  const source = inputSourceOf(agentId, name)
  const standing = freshStanding({ source, topic, startedAtMs: runtime.clock.now() }, uplink)
  const where = { input: name, path: `exec/${name}`, topic, source, host }
  return new Sender({ ...where, ...standing, zstd, values: lines.values }, uplink, runtime.logger)
}

interface Deps {
  readonly input: ExecInput
  readonly processes: Processes
  readonly lines: RecordLines
  readonly counts: { runs: number; timeouts: number; readonly exits: Record<string, number> }
  readonly parts: SourceParts
  readonly queue: RecordQueue
  readonly kill: AbortSignal
}

class Runs {
  readonly #deps: Deps
  readonly #logger: Logger
  readonly #facts: Readonly<Record<OutputName, Facts>>
  /** How the last run ended: said only when it changes. */
  #said = ''

  constructor(deps: Deps) {
    this.#deps = deps
    const { program, stderr, name } = deps.input
    this.#logger = deps.parts.runtime.logger.child({ input: name })
    const facts = (stream: OutputName, severity: Facts['severity']): Facts => ({
      attributes: [
        ['log.iostream', stream],
        ['process.command', program],
      ],
      severity,
    })
    this.#facts = { stdout: facts('stdout', null), stderr: facts('stderr', severityOf(stderr)) }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps.parts.runtime
    const { intervalMs } = this.#deps.input
    const begun = clock.monotonic()
    let waitMsMax = restartMsMin
    while (!signal.aborted) {
      const startedMs = clock.monotonic()
      await this.#once(signal)
      const endedMs = clock.monotonic()
      if (intervalMs !== null) {
        await clock.sleep(intervalMs - ((endedMs - begun) % intervalMs), signal)
        continue
      }
      if (endedMs - startedMs >= restartMsMax) waitMsMax = restartMsMin
      await clock.sleep(restartMsMin / 2 + random.next() * waitMsMax, signal)
      waitMsMax = Math.min(restartMsMax, waitMsMax * 2)
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const { input, processes, parts, counts } = this.#deps
    const { program, environment, folder, intervalMs, timeoutMs, outputBytesMax } = input
    const isScheduled = intervalMs !== null
    const take = { stdout: this.#taker('stdout'), stderr: this.#taker('stderr') }
    counts.runs += 1
    try {
      const end = await runProgram(
        {
          command: { program, arguments: input.arguments, environment, folder },
          timeoutMs: isScheduled ? timeoutMs : null,
          outputBytesMax: isScheduled ? outputBytesMax : null,
          take: (name, chunk) => take[name](chunk),
        },
        { processes, clock: parts.runtime.clock },
        signal,
      )
      this.#ended(end, isScheduled)
    } catch (error) {
      if (!(error instanceof LogdriveError)) throw error
      this.#say(error.message, { err: error, hint: error.hint }, 'the program cannot be run; will try again')
    }
  }

  #ended({ code, signal, cause }: ProgramEnd, isScheduled: boolean): void {
    const { counts, parts, input } = this.#deps
    const how = String(code ?? signal)
    if (cause === 'stop') return
    counts.exits[how] = (counts.exits[how] ?? 0) + 1
    if (cause === 'timeout') {
      counts.timeouts += 1
      this.#say(cause, { timeoutMs: input.timeoutMs }, 'the program took too long and was ended')
    } else if (cause === 'output') {
      parts.losses.count('output_cut', 0)
      this.#say(cause, { outputBytesMax: input.outputBytesMax }, 'the program wrote too much and was ended')
    } else if (code !== 0 || !isScheduled) {
      const what = isScheduled ? 'the program failed' : 'the program ended; it will be started again'
      this.#say(how, { code, signal }, what)
    } else this.#said = ''
  }

  #say(what: string, fields: object, message: string): void {
    if (this.#said === what) this.#logger.debug(fields, message)
    else this.#logger.warn(fields, message)
    this.#said = what
  }

  #taker(name: OutputName): (chunk: Uint8Array | null) => Promise<void> {
    const { input, lines, queue, kill, parts } = this.#deps
    const { clock } = parts.runtime
    const isLogged = name === 'stderr' && input.stderr === 'log'
    const isDropped = name === 'stderr' && input.stderr === 'drop'
    const cutter = new LineCutter(input.lineBytesMax, (bytes) => parts.losses.count('line_cut', bytes))
    return async (chunk) => {
      if (isDropped) return
      const cut = chunk === null ? cutter.end() : cutter.push(chunk)
      if (isLogged) {
        for (let index = 0; index < cut.count; index += 1) {
          const from = cut.starts[index] as number
          const to = Math.min(cut.ends[index] as number, from + loggedBytesMax)
          this.#logger.info(
            { line: Buffer.from(cut.bytes.subarray(from, to)).toString() },
            'the program says',
          )
        }
        return
      }
      const packet = lines.make(cut, clock.now(), this.#facts[name])
      if (packet !== null) await queue.put(packet, kill)
    }
  }
}
