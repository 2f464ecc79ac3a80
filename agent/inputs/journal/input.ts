// The input journald: entries of the systemd journal, read by journalctl from where the collector stands.
import { isCode, LogdriveError } from '../../../core/errors.ts'
import type { Logger, Processes } from '../../../core/runtime.ts'
import { Scope } from '../../../core/scope.ts'
import type { Source, SourceParts } from '../../source.ts'
import { inputSourceOf } from '../../tail/identity.ts'
import { LineCutter } from '../line-cutter.ts'
import { runProgram } from '../program.ts'
import type { RecordQueue } from '../queue.ts'
import { Sender } from '../sender.ts'
import { queueOf, shipQueue } from '../shipping.ts'
import { type JournalctlOptions, journalctlArguments } from './arguments.ts'
import { isCursor, packCursor } from './cursor.ts'
import { type EntryOptions, EntryRecords, entryBounds } from './entry-records.ts'
import { ExportReader } from './export.ts'
import { type JournalPosition, positionOf } from './position.ts'
import { type JournalState, readState, writeState } from './state.ts'

export interface JournalInput extends JournalctlOptions, EntryOptions {
  readonly name: string
  readonly topic: string
  /** `journalctl`, or its path. */
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
  /** More of a value is left out. */
  readonly valueBytesMax: number
}

const restartMsMin = 1000
const restartMsMax = 60_000
/** The kept cursor is only there for a collector that forgot: it need not be of this moment. */
const keepMs = 1000

/** The source of the input. Throws CONFIG_INVALID for a parser or transforms that are none. */
export function journald(input: JournalInput, processes: Processes): Source {
  const records = new EntryRecords(input)
  const counts = { entries: 0, starts: 0 }
  return {
    name: input.name,
    status: () => ({ ...records.status(), ...counts }),
    run: (parts, stop, kill) => new Journal({ input, processes, records, parts, counts, stop, kill }).run(),
  }
}

interface Deps {
  readonly input: JournalInput
  readonly processes: Processes
  readonly records: EntryRecords
  readonly parts: SourceParts
  readonly counts: { entries: number; starts: number }
  readonly stop: AbortSignal
  readonly kill: AbortSignal
}

class Journal {
  readonly #deps: Deps
  readonly #logger: Logger
  readonly #source: string
  #state: JournalState | null = null
  #isKept = true
  /** What was said of journalctl last. */
  #said = ''

  constructor(deps: Deps) {
    this.#deps = deps
    this.#logger = deps.parts.runtime.logger.child({ input: deps.input.name })
    this.#source = inputSourceOf(deps.parts.agentId, deps.input.name)
  }

  async run(): Promise<void> {
    const { input, parts, stop } = this.#deps
    const { clock, storage } = parts.runtime
    this.#state = await readState(parts.stateFolder, input.name, { storage, logger: this.#logger })
    while (!stop.aborted) {
      try {
        const position = await this.#position()
        if (position !== null) await this.#session(position)
        return await this.#keep()
      } catch (error) {
        if (!isCode(error, 'POSITION_CONFLICT')) throw error
        this.#logger.info(
          { kept: error.details.kept },
          'the collector has another position of the journal; going there',
        )
        await clock.sleep(restartMsMin, stop)
      }
    }
  }

  /** Asks the collector until it answers; null when we stop before. */
  async #position(): Promise<JournalPosition | null> {
    const { input, parts, stop } = this.#deps
    const { clock, random } = parts.runtime
    const { retryMsMin, retryMsMax } = parts.limits
    let waitMsMax = retryMsMin
    while (!stop.aborted) {
      try {
        const kept = await parts.uplink.kept(this.#source, input.topic, stop)
        return positionOf(kept, this.#state, Math.max(0, Math.floor(clock.now() / 1000)))
      } catch (error) {
        if (stop.aborted) return null
        // The uplink has said it.
        if (!(error instanceof LogdriveError)) throw error
        await clock.sleep(random.next() * waitMsMax, stop)
        waitMsMax = Math.min(retryMsMax, waitMsMax * 2)
      }
    }
    return null
  }

  /** Reads and ships from a position on, until the stop. Throws POSITION_CONFLICT when the collector is elsewhere. */
  async #session(position: JournalPosition): Promise<void> {
    const { input, parts, stop, kill } = this.#deps
    const { epoch, to, base } = position
    const { agentId: _, host, zstd, uplink, runtime } = parts
    await using queue = queueOf(parts)
    await using reading = new Scope(stop)
    const sender = new Sender(
      {
        ...{ input: input.name, path: `journald/${input.name}`, topic: input.topic, source: this.#source },
        ...{ host, zstd, values: 'records', guardOf: packCursor },
        begin: async () => ({ epoch, to, base }),
        elsewhere(mine, kept) {
          const message = 'the collector has another position of the journal'
          throw new LogdriveError('POSITION_CONFLICT', message, { details: { mine, kept } })
        },
      },
      uplink,
      runtime.logger,
    )
    reading.spawn((signal) => this.#read(position.cursor, queue, signal).finally(() => queue.end()))
    reading.spawn((signal) => this.#keepLoop(signal))
    await shipQueue(input.name, queue, sender, parts, kill, ({ marks }) => {
      const at = sender.position
      const cursor = marks?.at(-1)
      if (at === null || cursor === undefined) return
      this.#state = { ...at, cursor }
      this.#isKept = false
    })
    // What was not shipped is still in the journal.
    await reading.wait()
  }

  async #keepLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.parts.runtime.clock.sleep(keepMs, signal)
      await this.#keep()
    }
  }

  async #keep(): Promise<void> {
    const { input, parts } = this.#deps
    if (this.#isKept || this.#state === null) return
    this.#isKept = true
    try {
      await writeState(parts.stateFolder, input.name, this.#state, parts.runtime)
    } catch (error) {
      if (!(error instanceof LogdriveError) || error.code === 'DISK_FAILED') throw error
      this.#logger.warn({ err: error }, 'the cursor cannot be kept; the collector has it')
    }
  }

  /** Runs journalctl from the cursor on, and again from the last entry that was read when it ends. */
  async #read(begun: string | null, queue: RecordQueue, signal: AbortSignal): Promise<void> {
    const { input, processes, records, parts, counts } = this.#deps
    const { clock, random } = parts.runtime
    let cursor = begun
    let waitMsMax = restartMsMin
    while (!signal.aborted) {
      const startedMs = clock.monotonic()
      const reader = new ExportReader({ ...entryBounds, valueBytesMax: input.valueBytesMax })
      const complaints = new LineCutter(1000, () => undefined)
      let complaint = ''
      counts.starts += 1
      const take = async (chunk: Uint8Array) => {
        for (const entry of reader.push(chunk)) {
          const at = Buffer.from(entry.fields.get('__CURSOR') ?? []).toString('latin1')
          if (!isCursor(at)) continue
          if (entry.cutBytes > 0) parts.losses.count('line_cut', entry.cutBytes)
          const packet = records.make(entry, at, clock.now())
          if (packet !== null) await queue.put(packet, signal)
          cursor = at
          counts.entries += 1
        }
      }
      const command = {
        program: input.program,
        arguments: journalctlArguments(input, cursor, clock.now()),
        environment: input.environment,
        folder: null,
      }
      try {
        const end = await runProgram(
          {
            command,
            timeoutMs: null,
            outputBytesMax: null,
            async take(name, chunk) {
              if (chunk === null) return
              if (name === 'stdout') return await take(chunk)
              const { bytes, starts, ends, count } = complaints.push(chunk)
              if (count > 0)
                complaint = Buffer.from(bytes.subarray(starts[count - 1], ends[count - 1])).toString()
            },
          },
          { processes, clock },
          signal,
        )
        if (end.cause === 'stop') return
        this.#say(
          complaint,
          { code: end.code, signal: end.signal, complaint },
          'journalctl ended; starting it again',
        )
      } catch (error) {
        if (!(error instanceof LogdriveError)) throw error
        const hint =
          error.code === 'NOT_FOUND'
            ? 'Install systemd, set `program` to the path of journalctl, or read /var/log with an input of type file.'
            : error.hint
        this.#say(error.message, { err: error, hint }, 'the journal cannot be read; will try again')
      }
      if (clock.monotonic() - startedMs >= restartMsMax) waitMsMax = restartMsMin
      await clock.sleep(restartMsMin / 2 + random.next() * waitMsMax, signal)
      waitMsMax = Math.min(restartMsMax, waitMsMax * 2)
    }
  }

  #say(what: string, fields: object, message: string): void {
    if (this.#said === what) this.#logger.debug(fields, message)
    else this.#logger.error(fields, message)
    this.#said = what
  }
}
