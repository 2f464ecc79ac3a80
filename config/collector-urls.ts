// Where agents ship to. A file of its own, free of the schema: a running agent carries no zod.

import type { Config } from './schema.ts'

/** Where an agent ships to: what its file says, else the collector of the same file on this machine. */
export function collectorUrls(config: Config): readonly string[] {
  if (config.agent?.collector !== undefined) return config.agent.collector
  const { host, port } = config.collector.http.listen
  const reachable = /^(0\.0\.0\.0|::)$/.test(host) ? '127.0.0.1' : host
  return [`http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`]
}
