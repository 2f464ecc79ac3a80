// The TLS files of a listener: read at the start, looked at again every minute, so that a renewed certificate counts.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ListenTlsConfig } from '../config/listen-tls.ts'
import { LogdriveError } from '../core/errors.ts'
import type { Clock, ListenTls, Logger } from '../core/runtime.ts'

type TlsFiles = Readonly<Pick<ListenTlsConfig, 'cert' | 'key' | 'client_ca' | 'client_auth'>>

interface Parts {
  /** Such as `Kafka`. */
  readonly listener: string
  readonly clock: Clock
  readonly logger: Logger
}

const lookMs = 60_000
/** Before a certificate runs out this long, it is said at every start. */
const soonMs = 14 * 24 * 60 * 60 * 1000

/** PEM texts, or null without TLS. Throws CONFIG_INVALID for a file that went since the configuration was checked. */
export function readListenTls(tls: TlsFiles | undefined, place: string): ListenTls | null {
  if (tls === undefined) return null
  return {
    cert: pemText(tls.cert, `${place}.cert`),
    key: pemText(tls.key, `${place}.key`),
    clientCa: tls.client_ca === undefined ? null : pemText(tls.client_ca, `${place}.client_ca`),
    clientAuth: tls.client_auth,
  }
}

/** Looks at the files now and then and hands out what is new; files that do not fit together are told of and left alone. */
export async function watchListenTls(
  read: () => ListenTls | null,
  renew: (tls: ListenTls) => void,
  parts: Parts,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, listener } = parts
  let known = read()
  if (known === null) return
  warnOfEnd(known, parts)
  for (;;) {
    await clock.sleep(lookMs, signal)
    if (signal.aborted) return
    try {
      const found = read()
      if (found === null || isSame(found, known)) continue
      checkPair(found)
      renew(found)
      known = found
      logger.info({ listener }, 'clients see another certificate from now on')
      warnOfEnd(found, parts)
    } catch (error) {
      logger.warn(
        { err: error, listener },
        'the TLS files of a listener changed and cannot be used; the old ones count',
      )
    }
  }
}

/** How long the server's certificate still holds, in ms; negative when it has run out. */
export function certificateLeftMs({ cert }: ListenTls, nowMs: number): number {
  return Date.parse(new X509Certificate(cert).validTo) - nowMs
}

function warnOfEnd(tls: ListenTls, { clock, logger, listener }: Parts): void {
  const leftMs = certificateLeftMs(tls, clock.now())
  if (leftMs < 0) logger.warn({ leftMs, listener }, 'the certificate of a listener has run out')
  else if (leftMs < soonMs) logger.warn({ leftMs, listener }, 'the certificate of a listener runs out soon')
}

/** A key is written after its certificate, or before: the pair counts only when it is one. */
function checkPair({ cert, key }: ListenTls): void {
  if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return
  throw new LogdriveError('CONFIG_INVALID', 'the key is not that of the certificate')
}

function isSame(one: ListenTls, other: ListenTls): boolean {
  return one.cert === other.cert && one.key === other.key && one.clientCa === other.clientCa
}

/** The text of a file. Throws CONFIG_INVALID naming the key of the YAML. */
export function pemText(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new LogdriveError('CONFIG_INVALID', `${key}: ${path} cannot be read`, {
      cause: error,
      hint: 'See its owner and mode.',
    })
  }
}
