// The TLS files of the Kafka listener, read from the disk.

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { KafkaConfig } from '../config/schema.ts'
import { LogdriveError } from '../core/errors.ts'
import type { ListenTls } from '../core/runtime.ts'

/** PEM texts, or null without TLS. Throws CONFIG_INVALID for a file that went since the configuration was checked. */
export function readKafkaTls({ tls }: KafkaConfig): ListenTls | null {
  if (tls === undefined) return null
  return {
    cert: textOf(tls.cert, 'cert'),
    key: textOf(tls.key, 'key'),
    clientCa: tls.client_ca === undefined ? null : textOf(tls.client_ca, 'client_ca'),
    clientAuth: tls.client_auth,
  }
}

/** How long the server's certificate still holds, in ms; negative when it has run out. */
export function certificateLeftMs({ cert }: ListenTls, nowMs: number): number {
  return Date.parse(new X509Certificate(cert).validTo) - nowMs
}

function textOf(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new LogdriveError('CONFIG_INVALID', `collector.kafka.tls.${key}: ${path} cannot be read`, {
      cause: error,
      hint: 'See its owner and mode.',
    })
  }
}
