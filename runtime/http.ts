// HTTP both ways: undici outwards, node:http inwards, joined behind core's Http.
import type { Http, Logger } from '../core/runtime.ts'
import { type ClientOptions, httpClient } from './http-client.ts'

/**
 * HTTP of this machine; `logger` hears of handlers that throw what they should have answered. `client`: what requests show and
 * believe, and which way they take.
 */
export function nodeHttp(logger: Logger, client: ClientOptions = {}): Http {
  const request = httpClient(client)
  return {
    request,
    async serve(address, handler, limits, tls = null) {
      // Loaded by who serves only.
      const { serveHttp } = await import('./http-server.ts')
      return await serveHttp({ address, limits, tls }, handler, logger)
    },
  }
}
