// The language that the rig speaks with a driver: one job as a JSON line on stdin, events as JSON lines on stdout.

/** A record as jobs and events carry it; key, value and header values are base64, null where Kafka has null. */
export interface JobRecord {
  readonly partition?: number
  readonly timestamp?: number
  readonly key: string | null
  readonly value: string | null
  readonly headers?: readonly (readonly [string, string | null])[]
}

/** A record that a consumer got. */
export interface ConsumedRecord extends JobRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly headers: readonly (readonly [string, string | null])[]
}

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type Codec = (typeof codecs)[number]

/** How a client gets in. Paths are PEM files. */
export interface Security {
  readonly protocol: 'ssl' | 'sasl_plaintext' | 'sasl_ssl'
  readonly mechanism?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username?: string
  readonly password?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

interface Common {
  readonly brokers: string
  readonly security?: Security
}

export interface ProduceJob extends Common {
  readonly op: 'produce'
  readonly topic: string
  readonly codec?: Codec
  readonly idempotent?: boolean
  readonly records: readonly JobRecord[]
}

/** Reads all partitions without a group where the client can; `ready` is told when the positions are known. */
export interface ConsumeJob extends Common {
  readonly op: 'consume'
  readonly topic: string
  readonly from: 'beginning' | 'end' | { readonly time: number }
  readonly count: number
  readonly timeoutMs: number
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** For clients that only read as a member of a group. */
  readonly group: string
}

/** A member of a group until SIGTERM; tells `assigned` and commits after what it read. */
export interface MemberJob extends Common {
  readonly op: 'member'
  readonly topic: string
  readonly group: string
  readonly sessionTimeoutMs?: number
  readonly assignor?: string
  /** The newer protocol (KIP-848), where the broker says how long sessions are. */
  readonly groupProtocol?: 'consumer'
}

/** Steps of an administrator, each answered by its result, `{error}` or `{unsupported}`. */
export interface AdminJob extends Common {
  readonly op: 'admin'
  readonly steps: readonly AdminStep[]
}

export type AdminStep =
  | readonly ['createTopic', string, number, Readonly<Record<string, string>>]
  | readonly ['listTopics']
  | readonly ['partitions' | 'configs' | 'deleteTopic' | 'describeGroup' | 'deleteGroup', string]
  | readonly ['createPartitions', string, number]
  | readonly ['alterConfigs', string, Readonly<Record<string, string>>]
  | readonly ['listGroups']
  | readonly ['groupOffsets', string, string]
  | readonly ['deleteRecords', string, number, number]

/** Transactions one after the other by one producer. */
export interface TransactJob extends Common {
  readonly op: 'transact'
  readonly topic: string
  readonly transactionalId: string
  readonly transactions: readonly {
    readonly records: readonly JobRecord[]
    readonly end: 'commit' | 'abort'
    readonly offsets?: {
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly offset: number
    }
  }[]
}

export type Job = ProduceJob | ConsumeJob | MemberJob | AdminJob | TransactJob

/** What a driver tells. A job ends with `done` or `error`. */
export type DriverEvent =
  | { readonly ev: 'ready' }
  | ({ readonly ev: 'record' } & ConsumedRecord)
  | { readonly ev: 'assigned'; readonly partitions: readonly number[] }
  | ({ readonly ev: 'done' } & Done)
  | { readonly ev: 'error'; readonly message: string }

/** Results: acks are [partition, offset] in the order of the records, null where the client does not tell. */
export interface Done {
  readonly acks?: readonly Ack[] | null
  readonly transactions?: readonly (readonly Ack[] | null)[]
  readonly results?: readonly unknown[]
  /** What a client wrote that writes records of its own: as many as it was asked to. */
  readonly written?: readonly JobRecord[]
  /** What a client read that tells no records, only how many. */
  readonly counted?: Counted
}

/** How much a consumer read; megabytes of keys and values, with four digits. */
export interface Counted {
  readonly records: number
  readonly megabytes: string
}

export type Ack = readonly [partition: number, offset: number]
