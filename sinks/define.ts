// What a sink is: a name for the YAML, a schema for its settings, and a way to open it. The plug-in contract.
import type { z } from 'zod'
import type { Batch } from '../core/event-log.ts'
import type { Sink } from '../core/flow.ts'
import type { Runtime } from '../core/runtime.ts'

/** When a feed cuts a batch for a sink: at the first of these that is reached. */
export interface Batching {
  readonly rowsMax: number
  /** Unpacked bytes. */
  readonly bytesMax: number
  readonly ageMs: number
}

export interface SinkContext {
  /** The sink's name in the YAML; part of its group and of its tokens. */
  readonly name: string
  /** The topics it drains. */
  readonly topics: readonly string[]
  /** A folder of its own below the data folder; not made before it is needed. */
  readonly folder: string
  readonly runtime: Runtime
}

/** An open sink. `write` must be safe to call again with the same batch, and gets one partition's batches in order. */
export interface OpenSink extends Sink<Batch> {
  /** Facts for `logdrive status`, such as a URL; no secrets. */
  details(): Readonly<Record<string, string | number | boolean | null>>
}

export interface SinkDefinition<Config extends z.ZodObject> {
  /** The word behind `type:` in the YAML. */
  readonly type: string
  /** Its own settings; `type` and `topics` are added for all sinks. */
  readonly config: Config
  batching(config: z.output<Config>): Batching
  /**
   * Throws when it cannot be opened now; it is tried again until the signal aborts. CONFIG_INVALID, DATA_LOCKED and
   * PORT_TAKEN of the first try end the process: only somebody at this machine can mend them.
   */
  open(config: z.output<Config>, context: SinkContext, signal: AbortSignal): Promise<OpenSink>
}

/** A definition that forgot its type of settings: what the registry, the config schema and the runner hold. */
export interface SinkType {
  readonly type: string
  readonly config: z.ZodObject
  batching(config: unknown): Batching
  open(config: unknown, context: SinkContext, signal: AbortSignal): Promise<OpenSink>
}

/** Makes a sink known: settings given to `batching` and `open` were checked against `config` before. */
export function defineSink<Config extends z.ZodObject>(definition: SinkDefinition<Config>): SinkType {
  return {
    type: definition.type,
    config: definition.config,
    batching: (config) => definition.batching(config as z.output<Config>),
    open: (config, context, signal) => definition.open(config as z.output<Config>, context, signal),
  }
}
