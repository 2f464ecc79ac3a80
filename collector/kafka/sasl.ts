// SaslHandshake, SaslAuthenticate: the requests that carry a login.
import { kafkaErrors } from '../../protocol/errors.ts'
import type { Handlers } from './dispatch.ts'

export const saslHandlers = {
  SaslHandshake({ mechanism }, { session, apiVersion }) {
    const error = session.handshake(mechanism, apiVersion)
    const mechanisms = session.security.options.sasl?.mechanisms ?? []
    return { errorCode: kafkaErrors[error], mechanisms: [...mechanisms] }
  },

  async SaslAuthenticate({ authBytes }, { session, signal }) {
    const { error, message, token, lifetimeMs } = await session.authenticate(authBytes, signal)
    return {
      errorCode: kafkaErrors[error],
      errorMessage: message,
      authBytes: token,
      sessionLifetimeMs: lifetimeMs,
    }
  },
} satisfies Partial<Handlers>
