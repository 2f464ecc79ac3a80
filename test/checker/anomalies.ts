// Anomalies: what can be wrong with a history of Kafka clients, and which of it Kafka's model allows.

/** Names as Jepsen has them; `G1c-wr` is G1c by reads alone. */
export type AnomalyName =
  | 'inconsistent-offsets' // two values at one offset
  | 'duplicate' // one value at two offsets
  | 'phantom' // a value that nobody sent
  | 'G1a' // a value read that was aborted or refused
  | 'lost-write' // a committed value passed over by readers for ever
  | 'unseen' // an acknowledged value that nobody read, though all was read at the end
  | 'precommitted-read' // a transaction read what it wrote itself
  | 'poll-skip' // a process's next poll left something out
  | 'nonmonotonic-poll' // a process's next poll went back
  | 'int-poll-skip' // within one operation
  | 'int-nonmonotonic-poll'
  | 'nonmonotonic-send' // a process's next send stands before its last
  | 'int-nonmonotonic-send'
  | 'int-send-skip' // another's records stand between those of one transaction
  | 'G0' // writes of transactions interleave in a circle
  | 'G1c' // a circle of writes and reads
  | 'G1c-wr' // a circle of reads: two transactions saw each other

export interface Anomaly {
  readonly name: AnomalyName
  /** Kafka promises nothing against it. */
  readonly allowed: boolean
  /** Where, for people. */
  readonly what: string
}
