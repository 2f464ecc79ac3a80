// All handlers by the name of their API: one const for each noun, put together here.
import type { ApiName, RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { aclHandlers } from './acls.ts'
import { clientQuotaHandlers } from './client-quotas.ts'
import { clusterHandlers } from './cluster.ts'
import { commitHandlers } from './commits.ts'
import { configHandlers } from './configs.ts'
import { consumerGroupHandlers } from './consumer-groups.ts'
import type { RequestContext } from './context.ts'
import { fetchHandlers } from './fetch.ts'
import { groupHandlers } from './groups.ts'
import { logDirHandlers } from './log-dirs.ts'
import { metadataHandlers } from './metadata.ts'
import { offsetHandlers } from './offsets.ts'
import { produceHandlers } from './produce.ts'
import { producerHandlers } from './producers.ts'
import { saslHandlers } from './sasl.ts'
import { topicHandlers } from './topics.ts'
import { transactionHandlers } from './transactions.ts'
import { userHandlers } from './users.ts'
import { versionHandlers } from './versions.ts'

/**
 * Answers one API. Null: there is no answer (Produce with acks 0). What it throws becomes the API's error answer, or ends
 * the connection where there is none. Requests of a connection are started in order, each up to its first `await`; they
 * may finish in any order, the answers go out in the order of the requests.
 */
export type Handler<Name extends ApiName> = (
  request: RequestOf<Name>,
  context: RequestContext,
) => Promise<ResponseInput<Name> | null> | ResponseInput<Name> | null

/** One handler for each API that is served. */
export type Handlers = { readonly [Name in ApiName]: Handler<Name> }

/** A handler whose API is only known by its number. */
export type AnyHandler = (
  request: RequestOf<ApiName>,
  context: RequestContext,
) => Promise<ResponseInput<ApiName> | null> | ResponseInput<ApiName> | null

const nouns = {
  ...metadataHandlers,
  ...produceHandlers,
  ...fetchHandlers,
  ...offsetHandlers,
  ...groupHandlers,
  ...consumerGroupHandlers,
  ...commitHandlers,
  ...producerHandlers,
  ...transactionHandlers,
  ...topicHandlers,
  ...configHandlers,
  ...clusterHandlers,
  ...logDirHandlers,
  ...aclHandlers,
  ...clientQuotaHandlers,
  ...userHandlers,
  ...saslHandlers,
} satisfies Partial<Handlers>

/** What is served; every noun brings its part. */
export const handlers: Handlers = {
  ...nouns,
  ...versionHandlers([...(Object.keys(nouns) as ApiName[]), 'ApiVersions']),
}

/** The handler of an API that is only known by its number. */
export function handlerOf(name: ApiName): AnyHandler {
  return handlers[name] as AnyHandler
}
