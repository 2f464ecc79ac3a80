// What the tests of handlers share: a broker on a simulated machine, security as wanted, and requests of a client to it.
import type { Broker } from '../../../collector/broker/broker.ts'
import type { BrokerConfig } from '../../../collector/broker/config.ts'
import type { ClientConnection, RequestContext } from '../../../collector/kafka/context.ts'
import { handlers } from '../../../collector/kafka/dispatch.ts'
import { kafkaLimits } from '../../../collector/kafka/limits.ts'
import type { Quota } from '../../../collector/kafka/quotas.ts'
import {
  openSecurity,
  type Security,
  type SecurityOptions,
  type SecuritySession,
} from '../../../collector/kafka/security.ts'
import { type ApiName, apis, type RequestInput, type ResponseOf } from '../../../protocol/apis/index.ts'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader,
} from '../../../protocol/message.ts'
import type { Api, Input } from '../../../protocol/schema.ts'
import { SeededRandom } from '../../sim/random.ts'
import { type Machine, machine } from '../broker/harness.ts'

/** Nobody logs in, everybody may do everything. */
export const openToAll: SecurityOptions = {
  insecure: false,
  clientAuth: 'none',
  certificatePrincipal: 'subject',
  sasl: null,
  passwords: {},
  authorizer: null,
}

export interface Site extends AsyncDisposable {
  readonly machine: Machine
  readonly broker: Broker
  readonly security: Security
  /** The session of a new connection. */
  session(host?: string, certificateSubject?: string | null): SecuritySession
  /** Asks on a new connection, through the codec and back; null: no answer. */
  ask<Name extends ApiName>(
    name: Name,
    body: RequestInput<Name>,
    options?: AskOptions,
  ): Promise<ResponseOf<Name>>
}

export interface AskOptions {
  /** Default: the newest. */
  readonly version?: number
  readonly session?: SecuritySession
}

export interface SiteOptions {
  readonly security?: Partial<SecurityOptions>
  readonly config?: Partial<BrokerConfig>
  /** Where a broker was before. */
  readonly machine?: Machine
}

export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const own = options.machine ?? machine()
  const { clock, logger } = own
  const random = new SeededRandom(7)
  const broker = await own.open(options.config)
  const parts = { store: broker.security, clock, random, logger }
  const security = await openSecurity({ ...openToAll, ...options.security }, parts)
  const session = (host = '127.0.0.1', certificateSubject: string | null = null) =>
    security.openSession({ host, certificateSubject })
  return {
    machine: own,
    broker,
    security,
    session,
    async ask(name, body, { version, session: who = session() } = {}) {
      const api: Api = apis[name]
      const apiVersion = version ?? api.versions[1]
      const context = contextOf(name, apiVersion, who, { broker, clock, random, logger })
      return await answer(api, apiVersion, body, context)
    },
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  }
}

async function answer(api: Api, version: number, body: unknown, context: RequestContext) {
  const pieces = encodeRequest(api, {
    version,
    correlationId: 1,
    clientId: 'test',
    body: body as Input<Api['request']>,
  })
  const frame = Buffer.concat(pieces).subarray(4)
  const request = decodeRequest(api, version, frame, readRequestHeader(frame).bodyAt)
  const handler = handlers[context.apiName] as
    | ((request: unknown, context: RequestContext) => unknown)
    | undefined
  if (handler === undefined) throw new Error(`${api.name} is not served`)
  const response = await handler(request, context)
  if (response === null) return null as never
  const bytes = Buffer.concat(encodeResponse(api, version, 1, response as Input<Api['response']>))
  return decodeResponse(api, version, bytes.subarray(4)).body as never
}

/** What the configuration of the tests says. */
const quotas: readonly Quota[] = [
  { principal: 'User:alice', clientId: null, producerBytesPerSecond: 1000, consumerBytesPerSecond: 2000 },
  { principal: 'User:alice', clientId: 'nightly', producerBytesPerSecond: 500, consumerBytesPerSecond: null },
  { principal: null, clientId: 'nightly', producerBytesPerSecond: null, consumerBytesPerSecond: 100 },
  { principal: null, clientId: null, producerBytesPerSecond: 5000, consumerBytesPerSecond: null },
]

function contextOf(
  apiName: ApiName,
  apiVersion: number,
  session: SecuritySession,
  services: Pick<RequestContext, 'broker' | 'clock' | 'random' | 'logger'>,
): RequestContext {
  const advertised = { host: 'broker.example', port: 9092 }
  const connection: ClientConnection = {
    id: 1,
    peer: '127.0.0.1',
    listenerName: 'PLAINTEXT',
    tls: null,
    advertised,
    software: null,
    closeAfterAnswers: () => undefined,
  }
  return {
    ...services,
    apiName,
    apiVersion,
    correlationId: 1,
    clientId: 'test',
    connection,
    session,
    cluster: {
      clusterId: services.broker.clusterId,
      controllerId: 0,
      brokers: [{ nodeId: 0, rack: null, ...advertised }],
    },
    limits: kafkaLimits,
    quotas,
    lendableBytes: kafkaLimits.lentBytesMax,
    lend: (length) => new Uint8Array(length),
    signal: new AbortController().signal,
    authorize: (operation, resourceType, name) => session.authorize(operation, resourceType, name),
  }
}
