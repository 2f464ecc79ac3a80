// Sessions: who may connect, how a login goes, what happens when it fails, and how long it counts.
import { describe, expect, test } from 'vitest'
import { credentialOf } from '../../../collector/kafka/scram.ts'
import type { Security, SecurityOptions, SecuritySession } from '../../../collector/kafka/security.ts'
import { drain } from '../../sim/clock.ts'
import { forever, machine } from '../broker/harness.ts'
import { openSite, type Site } from './asking.ts'
import { clientFinal, clientFirst, type Hash } from './scram-client.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (token: Uint8Array) => new TextDecoder().decode(token)

const sasl: Partial<SecurityOptions> = {
  sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], sessionMs: null },
  passwords: { alice: 'alice-secret', 'bob,=': 'bob-secret' },
}

/** A step; the clock moves on when it waits out the delay of a failure. */
async function step(site: Site, session: SecuritySession, token: string | Uint8Array) {
  const { clock } = site.machine
  const sleepingBefore = clock.sleeping
  let isDone = false
  const answer = session.authenticate(typeof token === 'string' ? bytes(token) : token, forever)
  const done = answer.finally(() => {
    isDone = true
  })
  while (!isDone) await (clock.sleeping > sleepingBefore ? clock.advance(100) : drain())
  return await done
}

async function loginWithScram(
  site: Site,
  session: SecuritySession,
  { hash = 'sha256' as Hash, user = 'alice', password = 'alice-secret' } = {},
) {
  expect(session.handshake(hash === 'sha256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512', 1)).toBe('NONE')
  const login = { hash, user, password, nonce: 'nonce-of-the-client' }
  const first = await step(site, session, clientFirst(login))
  const { message, signature } = clientFinal(login, text(first.token))
  return { last: await step(site, session, message), signature }
}

describe('without sasl', () => {
  test('this machine is served at once, as nobody; others are not', async () => {
    await using site = await openSite()
    for (const host of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
      const session = site.session(host)
      expect([session.refusal, session.principal, session.admits('Produce')]).toEqual([
        null,
        'User:ANONYMOUS',
        'yes',
      ])
    }
    const other = site.session('10.0.0.7')
    expect(other.refusal).toBe('nobody logs in here, so only this machine may connect')
    expect(other.admits('ApiVersions')).toBe('refuse')
  })

  test('others are served when that is wanted', async () => {
    await using site = await openSite({ security: { insecure: true } })
    expect(site.session('10.0.0.7').admits('Produce')).toBe('yes')
  })

  test('a client certificate says who it is, and lets other machines in when it is required', async () => {
    await using site = await openSite({ security: { clientAuth: 'require' } })
    const session = site.session('10.0.0.7', 'O=Example\nCN=alice')
    expect([session.refusal, session.principal]).toEqual([null, 'User:CN=alice,O=Example'])
  })

  test('a login is out of place', async () => {
    await using site = await openSite()
    expect(site.session().handshake('PLAIN', 1)).toBe('ILLEGAL_SASL_STATE')
  })
})

describe('before the login', () => {
  test('only ApiVersions and the SASL requests are served, and frames are small', async () => {
    await using site = await openSite({ security: sasl })
    const session = site.session('10.0.0.7')
    const served = ['ApiVersions', 'SaslHandshake', 'SaslAuthenticate'].map((name) => session.admits(name))
    expect(served).toEqual(['yes', 'yes', 'yes'])
    expect(['Metadata', 'Produce', 'Fetch'].map((name) => session.admits(name))).toEqual([
      'refuse',
      'refuse',
      'refuse',
    ])
    expect(session.frameBytesMax).toBe(512 * 1024)
  })

  test('a client certificate alone does not count where clients log in', async () => {
    await using site = await openSite({ security: { ...sasl, clientAuth: 'require' } })
    expect(site.session('10.0.0.7', 'CN=alice').admits('Metadata')).toBe('refuse')
  })
})

describe('a login', () => {
  test.each(['sha256', 'sha512'] as const)('with SCRAM (%s), users with "," and "=" too', async (hash) => {
    await using site = await openSite({ security: sasl })
    for (const [user, password] of Object.entries(sasl.passwords ?? {})) {
      const session = site.session()
      const { last, signature } = await loginWithScram(site, session, { hash, user, password })
      expect(last).toMatchObject({ error: 'NONE', lifetimeMs: 0 })
      expect(text(last.token)).toBe(`v=${signature}`)
      expect([session.principal, session.admits('Produce'), session.ended]).toEqual([
        `User:${user}`,
        'yes',
        false,
      ])
      expect(session.frameBytesMax).toBeNull()
    }
  })

  test('with PLAIN', async () => {
    await using site = await openSite({ security: sasl })
    const session = site.session()
    session.handshake('PLAIN', 1)
    expect(await step(site, session, '\0alice\0alice-secret')).toMatchObject({ error: 'NONE' })
    expect(session.principal).toBe('User:alice')
  })

  test('with bare tokens after a handshake of version 0', async () => {
    await using site = await openSite({ security: sasl })
    const session = site.session()
    expect(session.expectsToken).toBe(false)
    session.handshake('PLAIN', 0)
    expect(session.expectsToken).toBe(true)
    expect(await session.token(bytes('alice\0alice\0alice-secret'), forever)).toEqual(new Uint8Array(0))
    expect([session.expectsToken, session.principal]).toEqual([false, 'User:alice'])
  })

  test('a user called like a principal is not that principal', async () => {
    const passwords = { 'User:admin': 'not-the-admin' }
    await using site = await openSite({ security: { ...sasl, passwords } })
    const session = site.session()
    session.handshake('PLAIN', 1)
    await step(site, session, '\0User:admin\0not-the-admin')
    expect(session.principal).toBe('User:User:admin')
  })
})

describe('a login fails', () => {
  const plain = async (site: Site, token: string | Uint8Array) => {
    const session = site.session()
    session.handshake('PLAIN', 1)
    const answer = await step(site, session, token)
    expect([session.ended, session.admits('ApiVersions')]).toEqual([true, 'refuse'])
    return answer.message
  }

  test('with the same words for a wrong password and for a user that is not there', async () => {
    await using site = await openSite({ security: sasl })
    const wrong = 'Authentication failed: wrong user or password'
    expect(await plain(site, '\0alice\0wrong')).toBe(wrong)
    expect(await plain(site, '\0mallory\0wrong')).toBe(wrong)
    const known = await loginWithScram(site, site.session(), { password: 'wrong' })
    const unknown = await loginWithScram(site, site.session(), { user: 'mallory' })
    expect(known.last).toEqual(unknown.last)
    expect(unknown.last).toMatchObject({ error: 'SASL_AUTHENTICATION_FAILED', message: wrong })
  })

  test('with tokens that make no sense', async () => {
    await using site = await openSite({ security: sasl })
    expect(await plain(site, '')).toContain('three parts')
    expect(await plain(site, '\0alice')).toContain('three parts')
    expect(await plain(site, '\0alice\0a\0b')).toContain('three parts')
    expect(await plain(site, '\0\0x')).toContain('must not be empty')
    expect(await plain(site, '\0alice\0')).toContain('must not be empty')
    expect(await plain(site, 'root\0alice\0alice-secret')).toContain('somebody else')
    expect(await plain(site, Uint8Array.of(0, 0xff, 0, 1))).toContain('not UTF-8')
    expect(await plain(site, `\0alice\0${'x'.repeat(70_000)}`)).toContain('longer than 65536 bytes')
  })

  test('late, and only then', async () => {
    await using site = await openSite({ security: sasl })
    const session = site.session()
    session.handshake('SCRAM-SHA-256', 1)
    let isAnswered = false
    const answer = session.authenticate(bytes('nonsense'), forever).then(() => {
      isAnswered = true
    })
    await site.machine.clock.advance(99)
    expect(isAnswered).toBe(false)
    await site.machine.clock.advance(1)
    await answer
  })

  test('with a mechanism that is not offered, a second handshake, or tokens without one', async () => {
    await using site = await openSite({
      security: { ...sasl, sasl: { mechanisms: ['PLAIN'], sessionMs: null } },
    })
    const other = site.session()
    expect(other.handshake('SCRAM-SHA-256', 1)).toBe('UNSUPPORTED_SASL_MECHANISM')
    expect(other.ended).toBe(true)
    const twice = site.session()
    twice.handshake('PLAIN', 1)
    expect(twice.handshake('PLAIN', 1)).toBe('ILLEGAL_SASL_STATE')
    const none = site.session()
    expect(await none.authenticate(bytes('\0alice\0alice-secret'), forever)).toMatchObject({
      error: 'ILLEGAL_SASL_STATE',
    })
    expect(none.ended).toBe(true)
  })

  test('with the last message of another login', async () => {
    await using site = await openSite({ security: sasl })
    const login = { hash: 'sha256' as const, user: 'alice', password: 'alice-secret', nonce: 'same-nonce' }
    const overheard = site.session()
    overheard.handshake('SCRAM-SHA-256', 1)
    const first = await step(site, overheard, clientFirst(login))
    const { message } = clientFinal(login, text(first.token))
    expect((await step(site, overheard, message)).error).toBe('NONE')
    const replay = site.session()
    replay.handshake('SCRAM-SHA-256', 1)
    await step(site, replay, clientFirst(login))
    expect((await step(site, replay, message)).message).toContain('nonce')
  })

  test('after a failed step there is no other', async () => {
    await using site = await openSite({ security: sasl })
    const session = site.session()
    session.handshake('PLAIN', 1)
    await step(site, session, '\0alice\0wrong')
    expect(await step(site, session, '\0alice\0alice-secret')).toMatchObject({ error: 'ILLEGAL_SASL_STATE' })
    expect(session.principal).toBe('User:ANONYMOUS')
  })
})

describe('a user that is not there', () => {
  const serverFirst = async (security: Security, user: string) => {
    const session = security.openSession({ host: '127.0.0.1', certificateSubject: null })
    session.handshake('SCRAM-SHA-256', 1)
    const { token } = await session.authenticate(bytes(`n,,n=${user},r=abc`), forever)
    return text(token).replace(/^r=[^,]*/, '')
  }

  test('is asked like one that is, with the same salt each time', async () => {
    await using site = await openSite({ security: sasl })
    const unknown = await serverFirst(site.security, 'mallory')
    expect(unknown).toMatch(/^,s=[A-Za-z0-9+/]{22}==,i=4096$/)
    expect(await serverFirst(site.security, 'mallory')).toBe(unknown)
    expect(await serverFirst(site.security, 'mallet')).not.toBe(unknown)
    expect(await serverFirst(site.security, 'alice')).toMatch(/^,s=[A-Za-z0-9+/]{22}==,i=4096$/)
  })
})

test('what is told of a user that is not there makes no proof', async () => {
  await using site = await openSite({ security: sasl })
  const nobody = site.security.credentials.find('SCRAM-SHA-256', 'mallory').credential
  const { salt, iterations, storedKey } = nobody
  expect(credentialOf('SCRAM-SHA-256', salt, salt, iterations).storedKey).not.toEqual(storedKey)
})

describe('a login counts for a while', () => {
  const shortly = { ...sasl, sasl: { mechanisms: ['PLAIN'] as const, sessionMs: 60_000 } }

  test('then only a new login is served', async () => {
    await using site = await openSite({ security: shortly })
    const session = site.session()
    session.handshake('PLAIN', 1)
    expect(await step(site, session, '\0alice\0alice-secret')).toMatchObject({ lifetimeMs: 60_000 })
    await site.machine.clock.advance(59_999)
    expect(session.admits('Fetch')).toBe('yes')
    await site.machine.clock.advance(1)
    expect([session.admits('Fetch'), session.admits('SaslHandshake')]).toEqual(['refuse', 'yes'])
    session.handshake('PLAIN', 1)
    expect(await step(site, session, '\0alice\0alice-secret')).toMatchObject({ error: 'NONE' })
    expect(session.admits('Fetch')).toBe('yes')
  })

  test('requests go on while a new login is under way', async () => {
    await using site = await openSite({ security: shortly })
    const session = site.session()
    session.handshake('PLAIN', 1)
    await step(site, session, '\0alice\0alice-secret')
    session.handshake('PLAIN', 1)
    expect(session.admits('Fetch')).toBe('yes')
  })

  test('nobody becomes somebody else on the way', async () => {
    const passwords = { alice: 'alice-secret', bob: 'bob-secret' }
    await using site = await openSite({ security: { ...shortly, passwords } })
    const session = site.session()
    session.handshake('PLAIN', 1)
    await step(site, session, '\0alice\0alice-secret')
    session.handshake('PLAIN', 1)
    const answer = await step(site, session, '\0bob\0bob-secret')
    expect(answer).toMatchObject({
      error: 'SASL_AUTHENTICATION_FAILED',
      message: expect.stringContaining('the same'),
    })
    expect([session.principal, session.ended]).toEqual(['User:alice', true])
  })
})

test('no password and no name of a user comes into the log', async () => {
  const own = machine()
  await using site = await openSite({ security: sasl, machine: own })
  const session = site.session()
  session.handshake('PLAIN', 1)
  await step(site, session, '\0alice\0a-wrong-secret')
  const lines = JSON.stringify(own.logger.lines)
  expect(lines).toContain('a Kafka client could not log in')
  expect(lines).not.toMatch(/alice|secret/)
})
