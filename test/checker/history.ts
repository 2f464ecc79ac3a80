// History: what clients of a broker did and saw, in the words of Jepsen's kafka workload; the checker's only input.

/** A record sent to a partition; the offset is null when the answer did not tell it. */
export interface Send {
  readonly kind: 'send'
  /** One topic-partition, such as `orders-0`. */
  readonly key: string
  /** Unique within its key. */
  readonly value: number
  readonly offset: number | null
}

/** Records read from a partition, in the order in which the client was given them. */
export interface Poll {
  readonly kind: 'poll'
  readonly key: string
  readonly reads: readonly Read[]
}

export interface Read {
  readonly offset: number
  readonly value: number
}

export type Step = Send | Poll

/** `ok`: it happened. `fail`: it surely did not (aborted, refused). `info`: nobody knows (no answer, crash). */
export type Outcome = 'ok' | 'fail' | 'info'

/**
 * `txn`: its steps are one transaction. `assign` and `subscribe`: from now on the process reads `keys`, chosen by itself or by
 * its group. `crash`: the process begins again and has read nothing.
 */
export type Verb = 'send' | 'poll' | 'txn' | 'assign' | 'subscribe' | 'crash'

/** One operation of one process; a process does one after the other. */
export interface Operation {
  readonly process: string
  readonly verb: Verb
  readonly outcome: Outcome
  readonly steps: readonly Step[]
  /** Of `assign` and `subscribe`. */
  readonly keys: readonly string[]
  /** Keys that came or went by a rebalance while it ran: order within it says nothing about them. */
  readonly rebalanced: readonly string[]
}

/** Operations in the order of their completion. */
export type History = readonly Operation[]

/** An operation with what is the same in most of them left out. */
export type BriefOperation = Pick<Operation, 'process' | 'verb'> & Partial<Operation>

/** Fills in: ok, no steps, no keys, no rebalance. */
export function operation(brief: BriefOperation): Operation {
  return { outcome: 'ok', steps: [], keys: [], rebalanced: [], ...brief }
}

export function send(key: string, value: number, offset: number | null): Send {
  return { kind: 'send', key, value, offset }
}

export function poll(key: string, ...reads: readonly (readonly [offset: number, value: number])[]): Poll {
  return { kind: 'poll', key, reads: reads.map(([offset, value]) => ({ offset, value })) }
}
