// Security of the Kafka listener: who may connect, how clients log in, and what they may do then.
import type { Clock, Logger, Random } from '../../core/runtime.ts'
import { KafkaError, type KafkaErrorName } from '../../protocol/errors.ts'
import type { AclOperation, AclResourceType } from '../broker/security/acls.ts'
import type { SecurityStore } from '../broker/security/security-store.ts'
import { Authorizer, type AuthorizerOptions } from './authorizer.ts'
import { type Credentials, openCredentials } from './credentials.ts'
import { anonymous, principalOfCertificate } from './principals.ts'
import { type SaslExchange, type SaslMechanism, startExchange } from './sasl-exchange.ts'

/** What the configuration says. */
export interface SecurityOptions {
  /** Other machines may connect although nobody has to say who they are. */
  readonly insecure: boolean
  readonly clientAuth: 'none' | 'request' | 'require'
  readonly certificatePrincipal: 'subject' | 'common_name'
  /** Null: nobody logs in. */
  readonly sasl: { readonly mechanisms: readonly SaslMechanism[]; readonly sessionMs: number | null } | null
  /** Passwords by user. */
  readonly passwords: Readonly<Record<string, string>>
  /** Null: everybody may do everything. */
  readonly authorizer: AuthorizerOptions | null
}

export interface SecurityParts {
  readonly store: SecurityStore
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** The other end of a new connection. */
export interface SecurityPeer {
  /** Its address. */
  readonly host: string
  /** The subject of its verified certificate, a `NAME=value` a line, or null. */
  readonly certificateSubject: string | null
}

/** The name of the only resource of type CLUSTER. */
export const clusterResource = 'kafka-cluster'
/** Before a client has logged in its frames are at most this large, in bytes (Kafka's bound). */
const strangerFrameBytesMax = 512 * 1024
/** A failed login is answered this late: guessing takes its time. */
const failureDelayMs = 100

/** Derives what is kept of the passwords: some ms a user. */
export async function openSecurity(options: SecurityOptions, parts: SecurityParts): Promise<Security> {
  const credentials = await openCredentials(options.passwords, parts.store)
  return new Security(options, parts, credentials)
}

/** One for a listener. */
export class Security {
  readonly options: SecurityOptions
  readonly parts: SecurityParts
  readonly credentials: Credentials
  /** Null: everybody may do everything. */
  readonly authorizer: Authorizer | null

  constructor(options: SecurityOptions, parts: SecurityParts, credentials: Credentials) {
    this.options = options
    this.parts = parts
    this.credentials = credentials
    this.authorizer = options.authorizer === null ? null : new Authorizer(options.authorizer, parts.store)
  }

  /** The session of a new connection. */
  openSession(peer: SecurityPeer): SecuritySession {
    return new SecuritySession(this, peer)
  }
}

/** What a client is told after one step of a login. */
export interface LoginAnswer {
  readonly error: KafkaErrorName
  readonly message: string | null
  readonly token: Uint8Array
  /** The login lasts this long; 0: for ever. */
  readonly lifetimeMs: number
}

/** Who one client is: what it said, how far its login has come, and how long it counts. */
export class SecuritySession {
  readonly security: Security
  /** Why this client may not connect at all, a sentence for the log; null when it may. */
  readonly refusal: string | null
  readonly #host: string
  #principal: string
  #isAuthenticated: boolean
  #exchange: { readonly step: SaslExchange; readonly isRaw: boolean } | null = null
  #expiresAt = Number.POSITIVE_INFINITY
  #ended = false

  constructor(security: Security, peer: SecurityPeer) {
    const { options } = security
    this.security = security
    this.#host = peer.host.replace(/^::ffff:/, '')
    const { certificateSubject: subject } = peer
    this.#principal =
      subject === null ? anonymous : principalOfCertificate(subject, options.certificatePrincipal)
    this.#isAuthenticated = options.sasl === null
    const isOpen = options.sasl === null && options.clientAuth !== 'require' && !options.insecure
    this.refusal =
      isOpen && !isLoopback(this.#host) ? 'nobody logs in here, so only this machine may connect' : null
  }

  /** Such as `User:alice`. */
  get principal(): string {
    return this.#principal
  }

  /** A login failed: when its answer is out, the connection closes. */
  get ended(): boolean {
    return this.#ended
  }

  /** The next frame is a bare SASL token without a Kafka header, for `token`. */
  get expectsToken(): boolean {
    return this.#exchange?.isRaw === true
  }

  /** The largest frame that is read now, in bytes; null: no bound of ours. */
  get frameBytesMax(): number | null {
    return this.#isAuthenticated ? null : strangerFrameBytesMax
  }

  /** `refuse`: the connection closes without an answer, as Kafka does. */
  admits(apiName: string): 'yes' | 'refuse' {
    if (this.refusal !== null || this.#ended) return 'refuse'
    if (apiName === 'SaslHandshake' || apiName === 'SaslAuthenticate') return 'yes'
    if (!this.#isAuthenticated) return apiName === 'ApiVersions' ? 'yes' : 'refuse'
    return this.#now() < this.#expiresAt ? 'yes' : 'refuse'
  }

  /** True when the client may do this with the resource. */
  authorize(operation: AclOperation, resourceType: AclResourceType, resourceName: string): boolean {
    const { authorizer } = this.security
    if (authorizer === null) return true
    return authorizer.allows(
      { principal: this.#principal, host: this.#host },
      operation,
      resourceType,
      resourceName,
    )
  }

  /** True when the client may do this with some resource of the type, whatever its name (KIP-679). */
  authorizeAny(operation: AclOperation, resourceType: AclResourceType): boolean {
    const { authorizer } = this.security
    if (authorizer === null) return true
    return authorizer.allowsAny({ principal: this.#principal, host: this.#host }, operation, resourceType)
  }

  /** Starts a login. With version 0 its tokens come bare. */
  handshake(mechanism: string, apiVersion: number): KafkaErrorName {
    const { options, parts, credentials } = this.security
    if (options.sasl === null) return 'ILLEGAL_SASL_STATE'
    const known = options.sasl.mechanisms.find((one) => one === mechanism)
    if (known === undefined || this.#exchange !== null) {
      this.#ended = true
      return known === undefined ? 'UNSUPPORTED_SASL_MECHANISM' : 'ILLEGAL_SASL_STATE'
    }
    this.#exchange = {
      step: startExchange(known, credentials, parts.random),
      isRaw: apiVersion === 0,
    }
    return 'NONE'
  }

  /** One step of the login. A failure is answered late. */
  async authenticate(token: Uint8Array, signal: AbortSignal): Promise<LoginAnswer> {
    const exchange = this.#exchange
    if (exchange === null) {
      this.#ended = true
      return failure('ILLEGAL_SASL_STATE', 'SaslHandshake comes first')
    }
    try {
      const { token: answer, user } = await exchange.step(token)
      const lifetimeMs = user === null ? 0 : this.#become(`User:${user}`)
      return { error: 'NONE', message: null, token: answer, lifetimeMs }
    } catch (error) {
      this.#ended = true
      this.#exchange = null
      const { clock, logger } = this.security.parts
      if (!(error instanceof KafkaError)) throw error
      logger.warn({ peer: this.#host, reason: error.message }, 'a Kafka client could not log in')
      await clock.sleep(failureDelayMs, signal)
      return failure(error.error, error.message)
    }
  }

  /** One step of a login whose tokens come bare; null: close the connection. */
  async token(bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array | null> {
    const answer = await this.authenticate(bytes, signal)
    return answer.error === 'NONE' ? answer.token : null
  }

  /** The login succeeded. Gives how long it lasts, in ms; throws when a client comes back as somebody else. */
  #become(principal: string): number {
    if (this.#isAuthenticated && principal !== this.#principal) {
      throw new KafkaError('SASL_AUTHENTICATION_FAILED', 'Authentication failed: the user must stay the same')
    }
    const sessionMs = this.security.options.sasl?.sessionMs ?? null
    this.#exchange = null
    this.#principal = principal
    this.#isAuthenticated = true
    this.#expiresAt = sessionMs === null ? Number.POSITIVE_INFINITY : this.#now() + sessionMs
    return sessionMs ?? 0
  }

  #now(): number {
    return this.security.parts.clock.monotonic()
  }
}

function failure(error: KafkaErrorName, message: string): LoginAnswer {
  return { error, message, token: new Uint8Array(0), lifetimeMs: 0 }
}

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.')
}
