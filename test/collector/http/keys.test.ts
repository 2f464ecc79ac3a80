// Keys open what they are for; without keys only this machine comes in, and no web page through its browser.
import { describe, expect, test } from 'vitest'
import { createKeyring, presentedKey, type Visit } from '../../../collector/http/keys.ts'

const visit = (change: Partial<Visit>): Visit => ({
  access: 'track',
  presented: null,
  headers: {},
  client: '203.0.113.1',
  clientIsSure: true,
  ...change,
})
const judge = (keyring: ReturnType<typeof createKeyring>, change: Partial<Visit>): string => {
  try {
    keyring.authorize(visit(change))
    return 'in'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

describe('with keys', () => {
  const keyring = createKeyring([
    { name: 'web', key: 'w', allow: ['track'], origins: ['https://shop.example'] },
    { name: 'fleet', key: 'f', allow: ['ship'], origins: [] },
    { name: 'ops', key: 'o', allow: ['admin'], origins: [] },
  ])

  test('every key opens its own doors, admin all of them', () => {
    const table = (['w', 'f', 'o', 'x', '', null] as const).map((presented) =>
      (['track', 'ship', 'admin'] as const).map((access) => judge(keyring, { presented, access })).join(' '),
    )
    expect(table).toEqual([
      'in FORBIDDEN FORBIDDEN',
      'FORBIDDEN in FORBIDDEN',
      'in in in',
      'KEY_MISSING KEY_MISSING KEY_MISSING',
      'KEY_MISSING KEY_MISSING KEY_MISSING',
      'KEY_MISSING KEY_MISSING KEY_MISSING',
    ])
  })

  test('loopback needs a key too', () => {
    expect(judge(keyring, { client: '127.0.0.1' })).toBe('KEY_MISSING')
  })

  test('a key with origins is refused to pages of other origins, and free for servers', () => {
    const from = (origin?: string) =>
      judge(keyring, {
        presented: 'w',
        headers: origin === undefined ? {} : { origin, host: 'logs.example' },
      })
    expect(from()).toBe('in')
    expect(from('https://shop.example')).toBe('in')
    expect(from('HTTPS://SHOP.EXAMPLE')).toBe('in')
    expect(from('https://logs.example')).toBe('in')
    expect(from('https://evil.example')).toBe('FORBIDDEN')
    expect(from('http://shop.example')).toBe('FORBIDDEN')
    expect(from('https://shop.example.evil.example')).toBe('FORBIDDEN')
    expect(from('null')).toBe('FORBIDDEN')
  })

  test('only allowed origins may read answers', () => {
    const host = { host: 'logs.example' }
    expect(keyring.allowsOrigin('https://shop.example', 'w', host)).toBe(true)
    expect(keyring.allowsOrigin('https://evil.example', 'w', host)).toBe(false)
  })

  test('a key of megabytes is unknown, not hashed', () => {
    expect(judge(keyring, { presented: 'w'.repeat(1_000_000) })).toBe('KEY_MISSING')
  })
})

describe('without keys', () => {
  const keyring = createKeyring([])

  test('this machine may do everything, others nothing', () => {
    expect(judge(keyring, { client: '127.0.0.1', access: 'admin' })).toBe('in')
    expect(judge(keyring, { client: '::1', access: 'ship' })).toBe('in')
    expect(judge(keyring, { client: '203.0.113.1', access: 'track' })).toBe('KEY_MISSING')
    expect(judge(keyring, { client: '203.0.113.1', access: 'admin', presented: 'x' })).toBe('KEY_MISSING')
  })

  test('behind an unknown proxy on this machine nobody is local', () => {
    expect(judge(keyring, { client: '127.0.0.1', access: 'admin', clientIsSure: false })).toBe('KEY_MISSING')
  })

  test('a web page in a browser on this machine may track, but neither ship nor administer', () => {
    const headers = { origin: 'https://evil.example', host: '127.0.0.1:8750' }
    expect(judge(keyring, { client: '127.0.0.1', access: 'track', headers })).toBe('in')
    expect(judge(keyring, { client: '127.0.0.1', access: 'ship', headers })).toBe('FORBIDDEN')
    expect(judge(keyring, { client: '127.0.0.1', access: 'admin', headers })).toBe('FORBIDDEN')
  })

  test('a re-bound DNS name does not administer', () => {
    const headers = { origin: 'http://evil.example:8750', host: 'evil.example:8750' }
    expect(judge(keyring, { client: '127.0.0.1', access: 'admin', headers })).toBe('FORBIDDEN')
    expect(
      judge(keyring, { client: '127.0.0.1', access: 'admin', headers: { host: 'localhost:8750' } }),
    ).toBe('in')
    expect(judge(keyring, { client: '127.0.0.1', access: 'admin', headers: { host: '[::1]:8750' } })).toBe(
      'in',
    )
  })
})

test('a key comes as Bearer, as Basic user or password, or in the query', () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  expect(presentedKey({ authorization: 'Bearer abc' }, null)).toBe('abc')
  expect(presentedKey({ authorization: 'bearer  abc ' }, 'q')).toBe('abc')
  expect(presentedKey({ authorization: basic('writekey:') }, null)).toBe('writekey')
  expect(presentedKey({ authorization: basic(':secret') }, null)).toBe('secret')
  expect(presentedKey({ authorization: basic('') }, null)).toBeNull()
  expect(presentedKey({ authorization: 'Digest x' }, 'q')).toBe('q')
  expect(presentedKey({}, 'q')).toBe('q')
  expect(presentedKey({}, null)).toBeNull()
})
