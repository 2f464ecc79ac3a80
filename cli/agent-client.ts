// What an agent shows, believes, and which way it takes to its collector: from the YAML and its files.

import type { Config } from '../config/schema.ts'
import type { ClientOptions } from '../runtime/http-client.ts'
import { pemText } from './listen-tls.ts'

/** Throws CONFIG_INVALID for a file that cannot be read. */
export function clientOptions({ agent }: Config): ClientOptions {
  const { tls, proxy } = agent ?? {}
  return {
    proxy: proxy ?? null,
    tls: tls === undefined ? null : { ...filesOf(tls), pins: tls.pins },
  }
}

type Files = Partial<Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>>

function filesOf({ ca, cert, key }: Files) {
  const text = (file: string | undefined, name: string) =>
    file === undefined ? null : pemText(file, `agent.tls.${name}`)
  return { ca: text(ca, 'ca'), cert: text(cert, 'cert'), key: text(key, 'key') }
}
