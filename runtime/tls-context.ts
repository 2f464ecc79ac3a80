// What servers with TLS have in common: their keys as node takes them, and our word for keys that it does not take.
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import { LogdriveError } from '../core/errors.ts'
import type { ListenTls } from '../core/runtime.ts'

const handshakeMs = 10_000

/** Keys and certificates of a server; TLS 1.2 and up. */
export function contextOf({ cert, key, clientCa }: ListenTls): SecureContextOptions {
  return { cert, key, ...(clientCa === null ? {} : { ca: clientCa }), minVersion: 'TLSv1.2' }
}

/** All that a server with TLS is told. */
export function listenOptions(tls: ListenTls): TlsOptions {
  return {
    ...contextOf(tls),
    requestCert: tls.clientAuth !== 'none',
    rejectUnauthorized: tls.clientAuth === 'require',
    handshakeTimeout: handshakeMs,
  }
}

/** CONFIG_INVALID where node refuses the keys. */
export function orInvalid<Value>(make: () => Value): Value {
  try {
    return make()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new LogdriveError('CONFIG_INVALID', `the certificate or its key cannot be used: ${why}`, {
      cause: error,
    })
  }
}
