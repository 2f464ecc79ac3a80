// SCRAM messages: the vector of RFC 7677, and what a hostile client may send.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkClientFinal,
  credentialOf,
  readClientFirst,
  type ScramState,
  saltPassword,
  writeServerFirst,
} from '../../../collector/kafka/scram.ts'
import { KafkaError } from '../../../protocol/errors.ts'
import { clientFinal, clientFirst } from './scram-client.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** RFC 7677 section 3. */
const vector = {
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

async function vectorState(): Promise<ScramState> {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  const salted = await saltPassword('SCRAM-SHA-256', 'pencil', salt, 4096)
  const credential = credentialOf('SCRAM-SHA-256', salted, salt, 4096)
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const first = readClientFirst(bytes(vector.clientFirst))
  return {
    mechanism: 'SCRAM-SHA-256',
    first,
    nonce,
    serverFirst: writeServerFirst(nonce, credential),
    credential,
  }
}

test('the exchange of RFC 7677', async () => {
  const state = await vectorState()
  expect(state.first).toMatchObject({ user: 'user', nonce: 'rOprNGfwEbeRWgbNEkqO', gs2Header: 'n,,' })
  expect(state.serverFirst).toBe(vector.serverFirst)
  expect(checkClientFinal(bytes(vector.clientFinal), state)).toBe(vector.serverFinal)
})

test.each(['sha256', 'sha512'] as const)('a client that we did not write logs in with %s', async (hash) => {
  const mechanism = hash === 'sha256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512'
  const login = { hash, user: 'a=b,c', password: 'pässwörd,=\u{1f511}', nonce: 'abc' }
  const salt = bytes('salt of a user')
  const credential = credentialOf(
    mechanism,
    await saltPassword(mechanism, login.password, salt, 5000),
    salt,
    5000,
  )
  const first = readClientFirst(bytes(clientFirst(login)))
  expect(first.user).toBe('a=b,c')
  const serverFirst = writeServerFirst('abcdef', credential)
  const state: ScramState = { mechanism, first, nonce: 'abcdef', serverFirst, credential }
  const { message, signature } = clientFinal(login, serverFirst)
  expect(checkClientFinal(bytes(message), state)).toBe(`v=${signature}`)
  const old = clientFinal(login, serverFirst, true)
  expect(checkClientFinal(bytes(old.message), state)).toBe(`v=${old.signature}`)
  const wrong = clientFinal({ ...login, password: 'password' }, serverFirst)
  expect(checkClientFinal(bytes(wrong.message), state)).toBeNull()
})

describe('a first message is refused', () => {
  test.each([
    ['empty', '', 'no GS2 header'],
    ['without its header', 'n=user,r=abc', 'no GS2 header'],
    ['with channel binding', 'p=tls-unique,,n=user,r=abc', 'channel binding is not offered'],
    ['for somebody else', 'n,a=root,n=user,r=abc', 'nobody may act for somebody else'],
    ['without a user', 'n,,n=,r=abc', 'not n=user,r=nonce'],
    ['without a nonce', 'n,,n=user,r=', 'not n=user,r=nonce'],
    ['with a nonce of spaces', 'n,,n=user,r=a b', 'not n=user,r=nonce'],
    ['with a giant nonce', `n,,n=user,r=${'x'.repeat(257)}`, 'the nonce is too long'],
    ['with a bare "="', 'n,,n=us=er,r=abc', 'a name with a bare "="'],
    ['with a wrong escape', 'n,,n=us=2cer,r=abc', 'a name with a bare "="'],
    ['with a mandatory extension', 'n,,m=ext,n=user,r=abc', 'not n=user,r=nonce'],
    ['with a delegation token', 'n,,n=user,r=abc,tokenauth=true', 'not n=user,r=nonce'],
  ])('%s', (_, text, message) => {
    expect(() => readClientFirst(bytes(text))).toThrow(message)
  })

  test('that is not UTF-8', () => {
    expect(() => readClientFirst(Uint8Array.of(0x6e, 0x2c, 0x2c, 0xff))).toThrow('not UTF-8')
  })

  test('but not for acting for oneself, for a client that could bind channels, or for extensions', () => {
    expect(readClientFirst(bytes('n,a=user,n=user,r=abc')).user).toBe('user')
    expect(readClientFirst(bytes('y,,n=user,r=abc')).gs2Header).toBe('y,,')
    expect(readClientFirst(bytes('n,,n=user,r=abc,x=1')).nonce).toBe('abc')
  })
})

describe('a last message is refused', () => {
  test('with another binding, another nonce, and a proof of another length', async () => {
    const state = await vectorState()
    const refusal = (text: string) => expect(() => checkClientFinal(bytes(text), state))
    const { nonce } = state
    const proof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='
    refusal(`c=eSws,r=${nonce},p=${proof}`).toThrow('channel binding')
    refusal(`c=biws,r=${nonce}x,p=${proof}`).toThrow('nonce')
    refusal(`c=biws,r=rOprNGfwEbeRWgbNEkqO,p=${proof}`).toThrow('nonce')
    refusal(`c=biws,r=${nonce},p=AAAA`).toThrow('length')
    refusal(`c=biws,r=${nonce}`).toThrow('not c=')
    refusal('').toThrow('not c=')
  })

  test('with any byte changed it is refused or wrong, never right', async () => {
    const state = await vectorState()
    const good = bytes(vector.clientFinal)
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bad = Uint8Array.from(good)
        bad[at] = (bad[at] ?? 0) ^ change
        try {
          // The last two bits before the padding of base64 say nothing.
          const isSameProof = Buffer.from(Buffer.from(bad).toString('latin1').slice(-44), 'base64').equals(
            Buffer.from(vector.clientFinal.slice(-44), 'base64'),
          )
          if (!isSameProof) expect(checkClientFinal(bad, state)).toBeNull()
        } catch (error) {
          expect(error).toBeInstanceOf(KafkaError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

test('any bytes are a message or refused as a failed login', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (token) => {
      try {
        readClientFirst(token)
      } catch (error) {
        expect(error).toMatchObject({ error: 'SASL_AUTHENTICATION_FAILED' })
      }
    }),
  )
})
