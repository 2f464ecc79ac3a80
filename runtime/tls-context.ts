// What servers with TLS have in common: their keys as node takes them, and our word for keys that it does not take.
import type { Socket } from 'node:net'
import type { SecureContextOptions, Server, TlsOptions } from 'node:tls'
import { LogdriveError } from '../core/errors.ts'
import type { ListenTls, Logger } from '../core/runtime.ts'

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

/**
 * Looks after the handshakes of a server, which are nobody's connection yet: one that fails or takes too long is logged and cut;
 * who stops the server cuts those that are under way, or they would keep it open.
 */
export function handshakesOf(server: Server, logger: Logger): { cut(): void } {
  // Node does not say which socket is below one of TLS, but no two have the same other end.
  const sockets = new Map<string, Socket>()
  const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    sockets.set(peer, socket)
    socket.once('close', () => sockets.delete(peer))
  })
  server.on('secureConnection', (socket) => sockets.delete(peerOf(socket)))
  server.on('tlsClientError', (error, socket) => {
    logger.debug({ err: error }, 'a TLS handshake failed')
    // Of one that took too long node only tells.
    socket.destroy()
  })
  return {
    cut() {
      for (const socket of sockets.values()) socket.destroy()
    },
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
