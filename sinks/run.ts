// Runs sinks: opens each, and keeps one pump per sink, topic and partition; what is refused goes to a dead-letter topic.

import { type ErrorCode, LogdriveError } from '../core/errors.ts'
import type { Batch, EventLog } from '../core/event-log.ts'
import { type PumpEvent, pump } from '../core/flow.ts'
import type { Runtime } from '../core/runtime.ts'
import { Scope } from '../core/scope.ts'
import { setAside } from './dead-letter.ts'
import type { OpenSink, SinkType } from './define.ts'

export interface SinkSpec {
  readonly name: string
  readonly type: SinkType
  /** Settings, checked already. */
  readonly config: unknown
  readonly topics: readonly string[]
  /** A folder for the sink's own files. */
  readonly folder: string
  /** First and longest wait after a failure. */
  readonly retryMsMin: number
  readonly retryMsMax: number
}

export interface SinkStatus {
  readonly name: string
  readonly type: string
  readonly topics: readonly string[]
  /** `opening`: not reachable yet; `retrying`: at least one partition waits after a failure. */
  readonly state: 'opening' | 'running' | 'retrying' | 'stopped'
  readonly rows: number
  readonly batches: number
  readonly refused: number
  readonly retries: number
  readonly lastError: { readonly message: string; readonly at: number } | null
  readonly lastWrittenAt: number | null
  readonly details: Readonly<Record<string, string | number | boolean | null>>
}

export interface RunningSinks extends AsyncDisposable {
  status(): readonly SinkStatus[]
  /** Rejects when a sink failed in a way that no retry mends. */
  wait(): Promise<void>
}

/** How often a running sink looks for partitions that were added to its topics, in ms. */
const rescanMs = 2_000

/** What is wrong with this machine or its YAML, and stays so until somebody changes it: said at the start, by ending. */
const fatalAtStart: ReadonlySet<ErrorCode> = new Set(['CONFIG_INVALID', 'DATA_LOCKED', 'PORT_TAKEN'])

/**
 * Starts all sinks; returns at once. One whose other side is not there is tried again, and holds up none of the others;
 * when the first try meets a taken port, a locked folder or wrong settings, `wait` rejects with that.
 */
export function runSinks(
  log: EventLog,
  specs: readonly SinkSpec[],
  runtime: Runtime,
  signal: AbortSignal,
): RunningSinks {
  const scope = new Scope(signal)
  const runs = specs.map((spec) => new SinkRun(spec, log, runtime))
  for (const run of runs) scope.spawn((scoped) => run.run(scoped))
  return {
    status: () => runs.map((run) => run.status()),
    wait: () => scope.wait(),
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  }
}

/** One sink's life: open, pump every partition, close. */
class SinkRun {
  readonly #spec: SinkSpec
  readonly #log: EventLog
  readonly #runtime: Runtime
  readonly #waiting = new Set<string>()
  #state: 'opening' | 'running' | 'stopped' = 'opening'
  #sink: OpenSink | null = null
  #rows = 0
  #batches = 0
  #refused = 0
  #retries = 0
  #lastError: SinkStatus['lastError'] = null
  #lastWrittenAt: number | null = null

  constructor(spec: SinkSpec, log: EventLog, runtime: Runtime) {
    this.#spec = spec
    this.#log = log
    this.#runtime = { ...runtime, logger: runtime.logger.child({ sink: spec.name }) }
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      const sink = await this.#open(signal)
      if (sink === null) return
      await using _opened = sink
      this.#sink = sink
      this.#state = 'running'
      this.#runtime.logger.info({ topics: this.#spec.topics }, 'sink opened')
      await using pumps = new Scope(signal)
      pumps.spawn((scoped) => this.#followPartitions(sink, pumps, scoped))
      await pumps.wait()
    } finally {
      this.#state = 'stopped'
    }
  }

  status(): SinkStatus {
    return {
      name: this.#spec.name,
      type: this.#spec.type.type,
      topics: this.#spec.topics,
      state: this.#state === 'running' && this.#waiting.size > 0 ? 'retrying' : this.#state,
      rows: this.#rows,
      batches: this.#batches,
      refused: this.#refused,
      retries: this.#retries,
      lastError: this.#lastError,
      lastWrittenAt: this.#lastWrittenAt,
      details: this.#sink?.details() ?? {},
    }
  }

  async #open(signal: AbortSignal): Promise<OpenSink | null> {
    const { spec, context } = { spec: this.#spec, context: this.#context() }
    let waitMsMax = spec.retryMsMin
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        return await spec.type.open(spec.config, context, signal)
      } catch (error) {
        if (signal.aborted) return null
        this.#failed(error)
        if (tries === 1 && isFatalAtStart(error)) throw named(spec.name, error)
        const waitMs = Math.ceil(this.#runtime.random.next() * waitMsMax)
        this.#runtime.logger.warn({ err: error, waitMs }, 'sink cannot be opened yet; will retry')
        await this.#runtime.clock.sleep(waitMs, signal)
        waitMsMax = Math.min(spec.retryMsMax, waitMsMax * 2)
      }
    }
    return null
  }

  #context() {
    const { name, topics, folder } = this.#spec
    return { name, topics, folder, runtime: this.#runtime }
  }

  /** Starts a pump for each partition, also for those that come later. */
  async #followPartitions(sink: OpenSink, pumps: Scope, signal: AbortSignal): Promise<void> {
    const started = new Set<string>()
    while (!signal.aborted) {
      for (const name of this.#spec.topics) {
        const topic = await this.#log.topic(name)
        for (let partition = 0; partition < topic.partitions; partition += 1) {
          const id = `${topic.id}/${partition}`
          if (started.has(id)) continue
          started.add(id)
          pumps.spawn((scoped) => this.#pump(sink, name, partition, scoped))
        }
      }
      await this.#runtime.clock.sleep(rescanMs, signal)
    }
  }

  async #pump(sink: OpenSink, topic: string, partition: number, signal: AbortSignal): Promise<void> {
    const batching = this.#spec.type.batching(this.#spec.config)
    const group = sinkGroup(this.#spec.name)
    await using feed = await this.#log.feed({ group, topic, partition, start: 'beginning', ...batching })
    const id = `${topic}/${partition}`
    const options = {
      retryMsMin: this.#spec.retryMsMin,
      retryMsMax: this.#spec.retryMsMax,
      triesMax: Number.POSITIVE_INFINITY,
      setAside: (batch: Batch, refusals: Parameters<typeof setAside>[2], scoped: AbortSignal) =>
        setAside(this.#log, batch, refusals, this.#runtime, scoped),
      observe: (event: PumpEvent<Batch>) => this.#observe(id, event),
    }
    const logger = this.#runtime.logger.child({ topic, partition })
    await pump(feed, sink, options, { ...this.#runtime, logger }, signal)
  }

  #observe(id: string, event: PumpEvent<Batch>): void {
    if (event.kind === 'failed') {
      this.#waiting.add(id)
      this.#retries += 1
      this.#failed(event.error)
      return
    }
    this.#waiting.delete(id)
    this.#batches += 1
    this.#rows += event.item.count - event.refused
    this.#refused += event.refused
    this.#lastWrittenAt = this.#runtime.clock.now()
  }

  #failed(error: unknown): void {
    this.#lastError = { message: sentenceOf(error), at: this.#runtime.clock.now() }
  }
}

function isFatalAtStart(error: unknown): error is LogdriveError {
  return error instanceof LogdriveError && fatalAtStart.has(error.code)
}

/** The same trouble, saying whose it is. */
function named(sink: string, error: LogdriveError): LogdriveError {
  const { code, message, hint, details } = error
  const options = { cause: error, details, ...(hint === null ? {} : { hint }) }
  return new LogdriveError(code, `sink ${sink}: ${message}`, options)
}

/** What went wrong and what to do, for status and /readyz. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!(error instanceof LogdriveError) || error.hint === null) return error.message
  return `${error.message.replace(/\.$/, '')}. ${error.hint}`
}

/** The consumer group whose offsets say how far a sink got. */
function sinkGroup(name: string): string {
  return `sink.${name}`
}
