// The client's side of SCRAM, written anew from RFC 5802, so that the server's is not checked against itself.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

export type Hash = 'sha256' | 'sha512'

export interface ScramLogin {
  readonly hash: Hash
  readonly user: string
  readonly password: string
  readonly nonce: string
}

export function clientFirst({ user, nonce }: ScramLogin): string {
  return `n,,n=${escapeName(user)},r=${nonce}`
}

/**
 * The last message, and the signature the server has to show for it. `repeats` is librdkafka before 2.6: it writes its
 * part of the nonce once more before the whole.
 */
export function clientFinal(
  login: ScramLogin,
  serverFirst: string,
  repeats = false,
): { readonly message: string; readonly signature: string } {
  const { hash, user, password, nonce } = login
  const fields = new Map(serverFirst.split(',').map((field) => [field[0], field.slice(2)]))
  const salt = Buffer.from(fields.get('s') ?? '', 'base64')
  const iterations = Number(fields.get('i'))
  const salted = pbkdf2Sync(password, salt, iterations, hash === 'sha256' ? 32 : 64, hash)
  const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest()
  const clientKey = hmac(salted, 'Client Key')
  const storedKey = createHash(hash).update(clientKey).digest()
  const withoutProof = `c=biws,r=${repeats ? nonce : ''}${fields.get('r')}`
  const signed = `n=${escapeName(user)},r=${nonce},${serverFirst},${withoutProof}`
  const clientSignature = hmac(storedKey, signed)
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (clientSignature[i] ?? 0)))
  return {
    message: `${withoutProof},p=${proof.toString('base64')}`,
    signature: hmac(hmac(salted, 'Server Key'), signed).toString('base64'),
  }
}

function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}
