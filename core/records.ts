// The shapes of records: one to be stored, one read back, and a decoded RecordBatch as arrays over its bytes.

export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** A record on its way in, before it has an offset. */
export interface NewRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
  /** Where it stands in its source; a record at or below the kept position is a duplicate and is not stored again. */
  readonly source: RecordPosition | null
}

export interface RecordPosition {
  readonly source: string
  readonly epoch: number
  readonly position: number
}

/** A record read back: the slow, comfortable view. Byte arrays are views: copy what you keep. */
export interface LogRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/**
 * One decoded RecordBatch: record `i` is `bytes.subarray(valueFrom[i], valueTo[i])` and so on, no copies. -1 in a
 * `From` array means null. `bytes` belongs to whoever decoded it.
 */
export interface DecodedBatch {
  readonly baseOffset: number
  readonly count: number
  /** The unpacked records section. */
  readonly bytes: Uint8Array
  readonly offsetDeltas: Int32Array
  readonly timestamps: Float64Array
  readonly keyFrom: Int32Array
  readonly keyTo: Int32Array
  readonly valueFrom: Int32Array
  readonly valueTo: Int32Array
  /** Where each record's header section starts (its count varint). */
  readonly headersFrom: Int32Array
}

/** Header keys that Logdrive itself writes; see docs/record-batch.md. */
export const headerKeys = {
  source: 'ld-source',
  epoch: 'ld-epoch',
  from: 'ld-from',
  to: 'ld-to',
  guard: 'ld-guard',
  host: 'ld-host',
  path: 'ld-path',
  truncated: 'ld-truncated',
  parsed: 'ld-parsed',
  transformError: 'ld-transform-error',
} as const
