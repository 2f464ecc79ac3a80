// Bounds of the Kafka listener, with the defaults of Apache Kafka where it has them.

/** Nothing that a client does takes more than this. */
export interface KafkaLimits {
  /** One request, length excluded (`socket.request.max.bytes`). */
  readonly requestBytesMax: number
  /** All requests in memory together; beyond it nothing more is read (`queued.max.request.bytes`). */
  readonly framesBytesMax: number
  /** What all requests under way take of the heap; beyond it the next ones stay bytes until there is room. */
  readonly decodedBytesMax: number
  /** Requests of one connection that are not answered yet; beyond it nothing more is read from it. */
  readonly inFlightMax: number
  /** Answers of one connection that are not sent yet; beyond it nothing more is read from it. */
  readonly answerBytesMax: number
  readonly connectionsMax: number
  /** Of one address (`max.connections.per.ip`). */
  readonly connectionsPerPeerMax: number
  /** A connection without any request for so long is closed (`connections.max.idle.ms`). */
  readonly idleMs: number
  /** A request that began has to come at this pace: so long, and a second more for every 100 kB. */
  readonly requestMs: number
  /** A megabyte of an answer has to be taken within this. */
  readonly writeMs: number
  /** Bytes of one answer to Fetch; one batch may be larger (`fetch.max.bytes`). */
  readonly fetchBytesMax: number
  /** What all answers that are not sent hold together; beyond it a Fetch gets one batch at a time. */
  readonly lentBytesMax: number
  /** The longest wait of a Fetch, whatever it asks for. */
  readonly fetchWaitMsMax: number
  /** Requests under way have this long at a stop. */
  readonly drainMs: number
}

const mebibyte = 1024 * 1024

export const kafkaLimits: KafkaLimits = {
  requestBytesMax: 100 * mebibyte,
  framesBytesMax: 128 * mebibyte,
  decodedBytesMax: 128 * mebibyte,
  inFlightMax: 256,
  answerBytesMax: 8 * mebibyte,
  connectionsMax: 10_000,
  connectionsPerPeerMax: 10_000,
  idleMs: 10 * 60_000,
  requestMs: 30_000,
  writeMs: 60_000,
  fetchBytesMax: 55 * mebibyte,
  lentBytesMax: 256 * mebibyte,
  fetchWaitMsMax: 5 * 60_000,
  drainMs: 5_000,
}
