// One SASL exchange: tokens of a client in, our tokens out, and at the end the user or a failure.
import type { Random } from '../../core/runtime.ts'
import { KafkaError } from '../../protocol/errors.ts'
import type { ScramMechanism } from '../broker/security/security-store.ts'
import type { Credentials } from './credentials.ts'
import { checkClientFinal, readClientFirst, type ScramState, writeServerFirst } from './scram.ts'

/** Mechanisms by the names of SASL. */
export type SaslMechanism = 'PLAIN' | ScramMechanism

/** Our token, and the user when the exchange is over. */
export interface SaslAnswer {
  readonly token: Uint8Array
  readonly user: string | null
}

/** Gets the client's tokens one after the other. Throws SASL_AUTHENTICATION_FAILED; it is over then. */
export type SaslExchange = (token: Uint8Array) => Promise<SaslAnswer>

/** Longer tokens are refused unread. */
const tokenBytesMax = 64 * 1024

/** Starts an exchange. */
export function startExchange(
  mechanism: SaslMechanism,
  credentials: Credentials,
  random: Random,
): SaslExchange {
  const exchange = mechanism === 'PLAIN' ? plain(credentials) : scram(mechanism, credentials, random)
  return async (token) => {
    if (token.length > tokenBytesMax) throw failed(`a token is longer than ${tokenBytesMax} bytes`)
    return await exchange(token)
  }
}

/** RFC 4616: `[authorization id] NUL user NUL password`. */
function plain(credentials: Credentials): SaslExchange {
  return async (token) => {
    const parts = utf8(token).split('\0')
    const [asOther = '', user = '', password = ''] = parts
    if (parts.length !== 3) throw failed('a token of PLAIN has three parts')
    if (user === '' || password === '') throw failed('user and password must not be empty')
    if (asOther !== '' && asOther !== user) throw failed('nobody may act for somebody else')
    if (!(await credentials.check(user, password))) throw wrongPassword()
    return { token: new Uint8Array(0), user }
  }
}

function scram(mechanism: ScramMechanism, credentials: Credentials, random: Random): SaslExchange {
  let state: (ScramState & { readonly isKnown: boolean }) | null = null
  return async (token) => {
    if (state === null) {
      const first = readClientFirst(token)
      const { credential, isKnown } = credentials.find(mechanism, first.user)
      const nonce = `${first.nonce}${random.uuid()}${random.uuid()}`
      const serverFirst = writeServerFirst(nonce, credential)
      state = { mechanism, first, nonce, serverFirst, credential, isKnown }
      return { token: new TextEncoder().encode(serverFirst), user: null }
    }
    const signature = checkClientFinal(token, state)
    if (signature === null || !state.isKnown) throw wrongPassword()
    return { token: new TextEncoder().encode(signature), user: state.first.user }
  }
}

function utf8(token: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(token)
  } catch {
    throw failed('a token is not UTF-8')
  }
}

/** The same for a user that is not there. */
function wrongPassword(): KafkaError {
  return failed('wrong user or password')
}

function failed(what: string): KafkaError {
  return new KafkaError('SASL_AUTHENTICATION_FAILED', `Authentication failed: ${what}`)
}
