// SCRAM (RFC 5802, RFC 7677) as pure functions: messages taken apart and put together, proofs checked.
//
//   client-first   n,,n=user,r=nonce                 gs2 header "n,," then the "bare" message
//   server-first   r=noncenonce2,s=salt,i=4096
//   client-final   c=biws,r=noncenonce2,p=proof      c: the gs2 header in base64
//   server-final   v=signature
//
// Passwords are taken as their UTF-8 bytes, without SASLprep, as Kafka and its clients do.
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { KafkaError } from '../../protocol/errors.ts'
import type { ScramCredential, ScramMechanism } from '../broker/security/security-store.ts'

/** Fewer are no protection (RFC 7677); more would let a login keep the machine busy (Kafka's bound). */
export const iterationsMin = 4096
export const iterationsMax = 16_384

/** What the client said first. */
export interface ClientFirst {
  readonly user: string
  readonly nonce: string
  /** `n,,` and the like: comes again in the final message. */
  readonly gs2Header: string
  /** The message without that header: part of what is signed. */
  readonly bare: string
}

const nonceCharactersMax = 256
const hashes = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const
const hashBytes = { 'SCRAM-SHA-256': 32, 'SCRAM-SHA-512': 64 } as const

/** Takes the first message apart. Throws SASL_AUTHENTICATION_FAILED naming what is wrong with it. */
export function readClientFirst(token: Uint8Array): ClientFirst {
  const text = utf8(token)
  const header = /^([ny]|p=[A-Za-z0-9.-]{1,64}),(?:a=([^,]{1,512}))?,/.exec(text)
  if (header === null) throw failed('the first message has no GS2 header')
  const [gs2Header = '', binding = '', asOther] = header
  if (binding.startsWith('p')) throw failed('channel binding is not offered')
  const bare = text.slice(gs2Header.length)
  const message = /^n=([^,]{1,1024}),r=([\x21-\x2b\x2d-\x7e]{1,1024})(?:,[a-zA-Z]=[^,]{1,512}){0,8}$/.exec(
    bare,
  )
  if (message === null) throw failed('the first message is not n=user,r=nonce')
  const [, name = '', nonce = ''] = message
  if (nonce.length > nonceCharactersMax) throw failed('the nonce is too long')
  const user = readName(name)
  if (asOther !== undefined && readName(asOther) !== user) throw failed('nobody may act for somebody else')
  return { user, nonce, gs2Header, bare }
}

/** Puts the answer to the first message together. `nonce` is the client's and ours behind it. */
export function writeServerFirst(nonce: string, credential: ScramCredential): string {
  return `r=${nonce},s=${base64(credential.salt)},i=${credential.iterations}`
}

/** What is known when the client's last message comes. */
export interface ScramState {
  readonly mechanism: ScramMechanism
  readonly first: ClientFirst
  /** Both parts. */
  readonly nonce: string
  readonly serverFirst: string
  readonly credential: ScramCredential
}

/** Checks the last message: the server's signature (`v=...`), or null for a wrong password. Throws when it makes no sense. */
export function checkClientFinal(token: Uint8Array, state: ScramState): string | null {
  const { mechanism, first, credential } = state
  const text = utf8(token)
  const message =
    /^(c=([A-Za-z0-9+/=]{1,1024}),r=([^,]{1,1024})(?:,[a-zA-Z]=[^,]{1,512}){0,8}),p=([A-Za-z0-9+/=]{1,256})$/.exec(
      text,
    )
  if (message === null) throw failed('the last message is not c=...,r=...,p=...')
  const [, withoutProof = '', binding = '', nonce = '', proofText = ''] = message
  if (Buffer.from(binding, 'base64').toString('utf8') !== first.gs2Header) {
    throw failed('the channel binding is not that of the first message')
  }
  if (!isNonceOf(state, nonce)) throw failed('the nonce is not that of this login')
  const proof = Buffer.from(proofText, 'base64')
  if (proof.length !== hashBytes[mechanism]) throw failed('the proof has the wrong length')
  const signed = `${first.bare},${state.serverFirst},${withoutProof}`
  const signature = hmac(mechanism, credential.storedKey, signed)
  const clientKey = proof.map((byte, i) => byte ^ (signature[i] ?? 0))
  if (!isSame(digest(mechanism, clientKey), credential.storedKey)) return null
  return `v=${base64(hmac(mechanism, credential.serverKey, signed))}`
}

/**
 * Whether the client echoes the whole nonce. librdkafka before 2.6 (Debian 12: kcat, rsyslog, syslog-ng) writes its own
 * part once more before it; what the check is for, that our part comes back whole in this login, holds all the same.
 */
function isNonceOf({ first, nonce }: ScramState, echoed: string): boolean {
  return [nonce, first.nonce + nonce].some((whole) => isSame(Buffer.from(echoed), Buffer.from(whole)))
}

/** PBKDF2 of a password, in the machine's background threads: some ms. */
export function saltPassword(
  mechanism: ScramMechanism,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, hashBytes[mechanism], hashes[mechanism], (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** What a server keeps of a salted password. Throws nothing; the length was checked by `isSaltedPassword`. */
export function credentialOf(
  mechanism: ScramMechanism,
  saltedPassword: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): ScramCredential {
  const storedKey = digest(mechanism, hmac(mechanism, saltedPassword, 'Client Key'))
  return { salt, iterations, storedKey, serverKey: hmac(mechanism, saltedPassword, 'Server Key') }
}

/** True for what `saltPassword` of this mechanism can have made. */
export function isSaltedPassword(mechanism: ScramMechanism, bytes: Uint8Array): boolean {
  return bytes.length === hashBytes[mechanism]
}

/** Takes as long for any two of the same length. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

/** `=2C` and `=3D` stand for the characters that take messages apart; no other `=` may be there. */
function readName(name: string): string {
  if (/=(?!2C|3D)/.test(name)) throw failed('a name with a bare "="')
  return name.replace(/=2C/g, ',').replace(/=3D/g, '=')
}

function utf8(token: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(token)
  } catch {
    throw failed('a message is not UTF-8')
  }
}

function hmac(mechanism: ScramMechanism, key: Uint8Array, text: string): Uint8Array {
  return createHmac(hashes[mechanism], key).update(text).digest()
}

function digest(mechanism: ScramMechanism, bytes: Uint8Array): Uint8Array {
  return createHash(hashes[mechanism]).update(bytes).digest()
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function failed(what: string): KafkaError {
  return new KafkaError('SASL_AUTHENTICATION_FAILED', `Authentication failed: ${what}`)
}
