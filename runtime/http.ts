// HTTP both ways: undici outwards, node:http inwards, joined behind core's Http.
import type { Http, Logger } from '../core/runtime.ts'
import { httpClient } from './http-client.ts'
import { serveHttp } from './http-server.ts'

/** HTTP of this machine; `logger` hears of handlers that throw what they should have answered. */
export function nodeHttp(logger: Logger): Http {
  const request = httpClient()
  return {
    request,
    serve: (address, handler, limits) => serveHttp(address, handler, limits, logger),
  }
}
