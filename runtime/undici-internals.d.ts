// Types of the four files of undici that http-client.ts loads; they are no public entry points of the package.

declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici'
  export = Pool
}

declare module 'undici/lib/dispatcher/proxy-agent.js' {
  import { ProxyAgent } from 'undici'
  export = ProxyAgent
}

declare module 'undici/lib/api/api-request.js' {
  import type { Dispatcher } from 'undici'

  /** What `dispatcher.request(options)` is in the whole package. */
  const request: (this: Dispatcher, options: Dispatcher.RequestOptions) => Promise<Dispatcher.ResponseData>
  export = request
}

declare module 'undici/lib/api/api-connect.js' {
  import type { Dispatcher } from 'undici'

  /** What `dispatcher.connect(options)` is in the whole package. */
  const connect: Dispatcher['connect']
  export = connect
}
