// Quotas: bytes a second of a user or client; who took more is told how long to pause, and not read from meanwhile (KIP-219).
import type { ApiName } from '../../protocol/apis/index.ts'

/** Bytes a second in one direction; null: as much as it likes. */
export interface QuotaRates {
  readonly producerBytesPerSecond: number | null
  readonly consumerBytesPerSecond: number | null
}

/** Whom a quota is for; null stands for everybody who has no quota of their own (each of them gets that much). */
export interface Quota extends QuotaRates {
  /** Such as `User:alice`. */
  readonly principal: string | null
  readonly clientId: string | null
}

export interface QuotaClient {
  readonly principal: string
  readonly clientId: string | null
}

/** Idle clients that are remembered; more are forgotten, in the order they came. */
const bucketsMax = 10_000
/** A client that was silent may take this many seconds' worth at once (Kafka's window of samples). */
const burstSeconds = 1
/** Nobody is told to pause longer at a time. */
const throttleMsMax = 30_000

/** One direction of one client: what it may still take; negative when it owes. */
interface Bucket {
  bytes: number
  at: number
}

/** Charges every answer to its client. Time is an argument, in monotonic ms. */
export class Quotas {
  readonly #quotas: readonly Quota[]
  readonly #buckets = new Map<string, Bucket>()

  constructor(quotas: readonly Quota[]) {
    this.#quotas = quotas
  }

  /** As the configuration has them. */
  get list(): readonly Quota[] {
    return this.#quotas
  }

  /** Nobody has a quota. */
  get isEmpty(): boolean {
    return this.#quotas.length === 0
  }

  /** How long the client has to pause now, in ms; 0 when it is within its quota. */
  charge(
    api: ApiName,
    client: QuotaClient,
    bytes: { readonly in: number; readonly out: number },
    now: number,
  ): number {
    if (api === 'Produce') return this.#take('producer', client, bytes.in, now)
    return api === 'Fetch' ? this.#take('consumer', client, bytes.out, now) : 0
  }

  #take(direction: 'producer' | 'consumer', client: QuotaClient, bytes: number, now: number): number {
    const quota = this.#quotaOf(client)
    if (quota === null) return 0
    const rate = direction === 'producer' ? quota.producerBytesPerSecond : quota.consumerBytesPerSecond
    if (rate === null) return 0
    const bucket = this.#bucket(direction, quota, client, rate, now)
    bucket.bytes = Math.min(rate * burstSeconds, bucket.bytes + ((now - bucket.at) * rate) / 1000)
    bucket.at = now
    bucket.bytes -= bytes
    return bucket.bytes >= 0 ? 0 : Math.min(throttleMsMax, (-bucket.bytes * 1000) / rate)
  }

  /** The most special one: user and client, user, client, everybody. */
  #quotaOf({ principal, clientId }: QuotaClient): Quota | null {
    let best: Quota | null = null
    let bestRank = -1
    for (const quota of this.#quotas) {
      if (quota.principal !== null && quota.principal !== principal) continue
      if (quota.clientId !== null && quota.clientId !== clientId) continue
      const rank = (quota.principal === null ? 0 : 2) + (quota.clientId === null ? 0 : 1)
      if (rank > bestRank) {
        best = quota
        bestRank = rank
      }
    }
    return best
  }

  /** Where the quota names no user (or client), each user (or client) has a bucket of its own. */
  #bucket(direction: string, quota: Quota, client: QuotaClient, rate: number, now: number): Bucket {
    const who = JSON.stringify([
      direction,
      quota.clientId === null || quota.principal !== null ? client.principal : '',
      quota.clientId === null ? '' : client.clientId,
    ])
    const known = this.#buckets.get(who)
    if (known !== undefined) return known
    if (this.#buckets.size >= bucketsMax) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    const bucket = { bytes: rate * burstSeconds, at: now }
    this.#buckets.set(who, bucket)
    return bucket
  }
}
