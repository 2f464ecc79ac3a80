// Where agents ship to. A file of its own, free of the schema: a running agent carries no zod.

import type { Config } from './schema.ts'

/** Where an agent ships to: what its file says, else the collector of the same file on this machine. */
export function collectorUrls(config: Config): readonly string[] {
  if (config.agent?.collector !== undefined) return config.agent.collector
  const { listen, tls } = config.collector.http
  const { host, port } = listen
  const reachable = /^(0\.0\.0\.0|::)$/.test(host) ? '127.0.0.1' : host
  return [
    `${tls === undefined ? 'http' : 'https'}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`,
  ]
}
