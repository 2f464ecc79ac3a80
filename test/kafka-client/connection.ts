// One connection to a Kafka broker for tests: requests go out at once, answers come in their order, silence breaks it.
import type { Address, Clock, Connection, Transport } from '../../core/runtime.ts'
import { type ApiName, apis, type RequestInput, type ResponseOf } from '../../protocol/apis/index.ts'
import { decodeResponse, encodeRequest } from '../../protocol/message.ts'
import type { Api, Input } from '../../protocol/schema.ts'

/** No answer came: nobody knows whether the request was carried out. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

export interface ConnectionParts {
  readonly transport: Transport
  readonly clock: Clock
}

export interface ConnectionOptions {
  readonly address: Address
  readonly clientId: string
  /** A request without an answer for so long breaks the connection. */
  readonly requestMs: number
}

interface Waiting {
  readonly name: ApiName
  readonly version: number
  readonly correlationId: number
  resolve(body: unknown): void
  reject(error: Error): void
}

const answerBytesMax = 64 * 1024 * 1024
const names = { Fetch: 12 } as const

/** The version that is asked: the newest, but where topics would have ids instead of names. */
export function versionOf(name: ApiName): number {
  const api: Api = apis[name]
  return name in names ? names[name as keyof typeof names] : api.versions[1]
}

/** Connects; rejects with Unanswered when nobody is there. */
export async function openConnection(
  options: ConnectionOptions,
  parts: ConnectionParts,
  signal: AbortSignal,
): Promise<KafkaConnection> {
  try {
    const connection = await parts.transport.connect(options.address, { tls: null }, signal)
    return new KafkaConnection(connection, options, parts.clock)
  } catch (error) {
    signal.throwIfAborted()
    throw new Unanswered('nobody accepts connections', { cause: error })
  }
}

export class KafkaConnection {
  readonly #connection: Connection
  readonly #options: ConnectionOptions
  readonly #clock: Clock
  readonly #waiting: Waiting[] = []
  #correlationId = 0
  #failure: Unanswered | null = null

  constructor(connection: Connection, options: ConnectionOptions, clock: Clock) {
    this.#connection = connection
    this.#options = options
    this.#clock = clock
    this.#readAll().catch((error: unknown) =>
      this.#fail(new Unanswered('the connection broke', { cause: error })),
    )
  }

  get isBroken(): boolean {
    return this.#failure !== null
  }

  /** Sends a request and gives the decoded answer. Rejects with Unanswered when the connection breaks before it is there. */
  async request<Name extends ApiName>(
    name: Name,
    body: RequestInput<Name>,
    waitMs = 0,
  ): Promise<ResponseOf<Name>> {
    if (this.#failure !== null) throw this.#failure
    this.#correlationId += 1
    const correlationId = this.#correlationId
    const version = versionOf(name)
    const api: Api = apis[name]
    const { clientId, requestMs } = this.#options
    const request = { version, correlationId, clientId, body: body as Input<Api['request']> }
    const pieces = encodeRequest(api, request)
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ name, version, correlationId, resolve, reject })
    })
    this.#connection.write(pieces).catch(() => this.#fail(new Unanswered('the connection broke')))
    const patience = new AbortController()
    this.#clock.sleep(requestMs + waitMs, patience.signal).then(
      () => {
        if (!patience.signal.aborted) this.#fail(new Unanswered(`${name}: no answer in time`))
      },
      () => undefined,
    )
    try {
      return (await answer) as ResponseOf<Name>
    } finally {
      patience.abort()
    }
  }

  /** Ends it; requests under way are Unanswered. */
  close(): void {
    this.#fail(new Unanswered('the client closed the connection'))
  }

  async #readAll(): Promise<void> {
    const size = Buffer.alloc(4)
    for (;;) {
      if ((await this.#connection.read(size, 4)) < 4) throw new Error('the broker closed the connection')
      const length = size.readInt32BE(0)
      if (length < 4 || length > answerBytesMax) throw new Error(`an answer of ${length} bytes`)
      const frame = Buffer.allocUnsafeSlow(length)
      if ((await this.#connection.read(frame, length)) < length) throw new Error('half an answer')
      const first = this.#waiting.shift()
      if (first === undefined) throw new Error('an answer to no request')
      const { correlationId, body } = decodeResponse(apis[first.name] as Api, first.version, frame)
      if (correlationId !== first.correlationId) throw new Error('an answer to another request')
      first.resolve(body)
    }
  }

  #fail(error: Unanswered): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#connection.abort()
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
