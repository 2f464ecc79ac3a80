// ACLs and users through Kafka's admin calls: made, listed, deleted; and what the YAML says stays as it says.
import { pbkdf2Sync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Acl } from '../../../collector/broker/security/acls.ts'
import type { SecurityOptions } from '../../../collector/kafka/security.ts'
import type { RequestInput } from '../../../protocol/apis/index.ts'
import { kafkaErrorName } from '../../../protocol/errors.ts'
import { forever, machine } from '../broker/harness.ts'
import { openSite, type Site } from './asking.ts'

const inYaml: Acl = {
  resourceType: 'TOPIC',
  resourceName: 'orders',
  patternType: 'LITERAL',
  principal: 'User:yaml',
  host: '*',
  operation: 'READ',
  permission: 'ALLOW',
}

const security: Partial<SecurityOptions> = {
  authorizer: { superUsers: ['User:ANONYMOUS'], acls: [inYaml], allowEveryoneIfNoAcl: false },
}

type Creation = RequestInput<'CreateAcls'>['creations'][number]

const creation: Creation = {
  resourceType: 2,
  resourceName: 'shop.',
  resourcePatternType: 4,
  principal: 'User:alice',
  host: '*',
  operation: 4,
  permissionType: 3,
}

const filter = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

async function make(site: Site, changes: Partial<Creation> = {}) {
  const { results } = await site.ask('CreateAcls', { creations: [{ ...creation, ...changes }] })
  return kafkaErrorName(results[0]?.errorCode ?? 0)
}

async function list(site: Site, changes: Partial<typeof filter> = {}) {
  const { resources, errorCode } = await site.ask('DescribeAcls', { ...filter, ...changes })
  expect(errorCode).toBe(0)
  return resources.map((one) => `${one.resourceName}: ${one.acls.map((acl) => acl.principal).join(' ')}`)
}

describe('ACLs', () => {
  test('without an authorizer there are none', async () => {
    await using site = await openSite()
    expect(kafkaErrorName((await site.ask('DescribeAcls', filter)).errorCode)).toBe('SECURITY_DISABLED')
    expect(await make(site)).toBe('SECURITY_DISABLED')
    const { filterResults } = await site.ask('DeleteAcls', { filters: [filter] })
    expect(kafkaErrorName(filterResults[0]?.errorCode ?? 0)).toBe('SECURITY_DISABLED')
  })

  test('are made, count at once, survive a restart, and are deleted', async () => {
    const own = machine()
    await using site = await openSite({ security, machine: own })
    const alice = () => site.security.authorizer?.allows(who, 'WRITE', 'TOPIC', 'shop.orders')
    const who = { principal: 'User:alice', host: '10.0.0.7' }
    expect(alice()).toBe(false)
    expect(await make(site)).toBe('NONE')
    expect(await make(site)).toBe('NONE')
    expect(alice()).toBe(true)
    expect(await list(site)).toEqual(['orders: User:yaml', 'shop.: User:alice'])
    await site.broker[Symbol.asyncDispose]()
    await using again = await openSite({ security, machine: own })
    expect(await list(again)).toEqual(['orders: User:yaml', 'shop.: User:alice'])
    const { filterResults } = await again.ask('DeleteAcls', {
      filters: [{ ...filter, resourceNameFilter: 'shop.', patternTypeFilter: 4 }],
    })
    expect(filterResults[0]?.matchingAcls).toMatchObject([{ ...creationAsFound, errorCode: 0 }])
    expect(await list(again)).toEqual(['orders: User:yaml'])
  })

  const { resourcePatternType: patternType, ...creationAsFound } = { ...creation }

  test.each([1, 2, 3])('are told in version %i', async (version) => {
    await using site = await openSite({ security })
    await site.ask('CreateAcls', { creations: [creation] }, { version })
    const { resources } = await site.ask(
      'DescribeAcls',
      { ...filter, principalFilter: 'User:alice' },
      { version },
    )
    expect(resources).toMatchObject([
      {
        resourceType: 2,
        resourceName: 'shop.',
        patternType,
        acls: [{ principal: 'User:alice', host: '*', operation: 4, permissionType: 3 }],
      },
    ])
  })

  test('of the YAML cannot be deleted, and the answer says so', async () => {
    await using site = await openSite({ security })
    await make(site)
    const { filterResults } = await site.ask('DeleteAcls', { filters: [filter] })
    const outcomes = filterResults[0]?.matchingAcls.map((acl) => [
      acl.principal,
      kafkaErrorName(acl.errorCode),
    ])
    expect(outcomes).toEqual([
      ['User:alice', 'NONE'],
      ['User:yaml', 'INVALID_REQUEST'],
    ])
    expect(await list(site)).toEqual(['orders: User:yaml'])
  })

  test.each<readonly [string, Partial<Creation>]>([
    ['any resource type', { resourceType: 1 }],
    ['an unknown resource type', { resourceType: 99 }],
    ['a pattern for filters', { resourcePatternType: 2 }],
    ['any operation', { operation: 1 }],
    ['an operation that makes no sense there', { operation: 12 }],
    ['any permission', { permissionType: 1 }],
    ['a cluster of another name', { resourceType: 4, resourceName: 'mine', resourcePatternType: 3 }],
    ['a beginning of "*"', { resourceName: '*' }],
    ['a principal without a type', { principal: 'alice' }],
    ['no host', { host: '' }],
    ['no name', { resourceName: '' }],
    ['a giant name', { resourceName: 'a'.repeat(1025) }],
  ])('are refused with %s', async (_, changes) => {
    await using site = await openSite({ security })
    expect(await make(site, changes)).toBe('INVALID_REQUEST')
    expect(await list(site)).toEqual(['orders: User:yaml'])
  })

  test('that are right are made although others of the request are wrong', async () => {
    await using site = await openSite({ security })
    const creations = [{ ...creation, host: '' }, creation]
    const { results } = await site.ask('CreateAcls', { creations })
    expect(results.map((one) => kafkaErrorName(one.errorCode))).toEqual(['INVALID_REQUEST', 'NONE'])
    expect(await list(site)).toEqual(['orders: User:yaml', 'shop.: User:alice'])
  })
})

const sasl: Partial<SecurityOptions> = {
  sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256'], sessionMs: null },
  passwords: { yaml: 'yaml-secret' },
}

const salt = new TextEncoder().encode('a-salt')
const upsertion = {
  name: 'carol',
  mechanism: 1,
  iterations: 8192,
  salt,
  saltedPassword: new Uint8Array(pbkdf2Sync('carol-secret', salt, 8192, 32, 'sha256')),
}

async function alter(site: Site, body: Partial<RequestInput<'AlterUserScramCredentials'>>) {
  const { results } = await site.ask('AlterUserScramCredentials', { deletions: [], upsertions: [], ...body })
  return results.map((one) => [one.user, kafkaErrorName(one.errorCode)])
}

async function users(site: Site, names: readonly string[] | null = null) {
  const asked = names === null ? null : names.map((name) => ({ name }))
  const { results } = await site.ask('DescribeUserScramCredentials', { users: asked })
  return results.map((one) => {
    const infos = one.credentialInfos.map((info) => `${info.mechanism}/${info.iterations}`)
    return `${one.user} ${kafkaErrorName(one.errorCode)} ${infos.join(' ')}`.trim()
  })
}

async function mayLogIn(site: Site, user: string, password: string): Promise<boolean> {
  return await site.security.credentials.check(user, password)
}

describe('users', () => {
  test('are made with what their client has salted, log in, survive a restart, and are deleted', async () => {
    const own = machine()
    await using site = await openSite({ security: sasl, machine: own })
    expect(await mayLogIn(site, 'carol', 'carol-secret')).toBe(false)
    expect(await alter(site, { upsertions: [upsertion] })).toEqual([['carol', 'NONE']])
    expect(await mayLogIn(site, 'carol', 'carol-secret')).toBe(true)
    expect(await mayLogIn(site, 'carol', 'wrong')).toBe(false)
    await site.broker[Symbol.asyncDispose]()
    await using again = await openSite({ security: sasl, machine: own })
    expect(await mayLogIn(again, 'carol', 'carol-secret')).toBe(true)
    expect(await users(again)).toEqual(['carol NONE 1/8192', 'yaml NONE 1/4096 2/4096'])
    expect(await alter(again, { deletions: [{ name: 'carol', mechanism: 1 }] })).toEqual([['carol', 'NONE']])
    expect(await mayLogIn(again, 'carol', 'carol-secret')).toBe(false)
  })

  test('no password is on the disk', async () => {
    const own = machine()
    await using site = await openSite({ security: sasl, machine: own })
    await alter(site, { upsertions: [upsertion] })
    await using file = await own.disk.storage().open('/data/security', 'read')
    const bytes = new Uint8Array(file.size)
    await file.read(0, bytes)
    const text = new TextDecoder().decode(bytes)
    expect(text).toContain('carol')
    expect(text).not.toContain('secret')
    expect(text).not.toContain(Buffer.from(upsertion.saltedPassword).toString('base64'))
  })

  test('of the YAML are not changed through Kafka', async () => {
    await using site = await openSite({ security: sasl })
    expect(await alter(site, { upsertions: [{ ...upsertion, name: 'yaml' }] })).toEqual([
      ['yaml', 'UNACCEPTABLE_CREDENTIAL'],
    ])
    expect(await mayLogIn(site, 'yaml', 'yaml-secret')).toBe(true)
  })

  test('win when the YAML names them later', async () => {
    const own = machine()
    await using site = await openSite({ security: sasl, machine: own })
    await alter(site, { upsertions: [upsertion] })
    await site.broker[Symbol.asyncDispose]()
    const passwords = { carol: 'another-secret' }
    await using again = await openSite({ security: { ...sasl, passwords }, machine: own })
    expect(await mayLogIn(again, 'carol', 'another-secret')).toBe(true)
    expect(await mayLogIn(again, 'carol', 'carol-secret')).toBe(false)
  })

  test.each<readonly [string, Partial<typeof upsertion>, string]>([
    ['too few iterations', { iterations: 4095 }, 'UNACCEPTABLE_CREDENTIAL'],
    ['too many iterations', { iterations: 16_385 }, 'UNACCEPTABLE_CREDENTIAL'],
    ['no salt', { salt: new Uint8Array(0) }, 'UNACCEPTABLE_CREDENTIAL'],
    ['a salted password of another mechanism', { mechanism: 2 }, 'UNACCEPTABLE_CREDENTIAL'],
    ['no name', { name: '' }, 'UNACCEPTABLE_CREDENTIAL'],
    ['a giant name', { name: 'x'.repeat(513) }, 'UNACCEPTABLE_CREDENTIAL'],
    ['an unknown mechanism', { mechanism: 3 }, 'UNSUPPORTED_SASL_MECHANISM'],
  ])('are refused with %s', async (_, changes, error) => {
    await using site = await openSite({ security: sasl })
    const one = { ...upsertion, ...changes }
    expect(await alter(site, { upsertions: [one] })).toEqual([[one.name, error]])
    expect(await users(site)).toEqual(['yaml NONE 1/4096 2/4096'])
  })

  test('a mechanism twice is refused, a password that is not there cannot be deleted', async () => {
    await using site = await openSite({ security: sasl })
    expect(await alter(site, { upsertions: [upsertion, upsertion] })).toEqual([
      ['carol', 'DUPLICATE_RESOURCE'],
    ])
    expect(await alter(site, { deletions: [{ name: 'dave', mechanism: 1 }] })).toEqual([
      ['dave', 'RESOURCE_NOT_FOUND'],
    ])
  })

  test('that are not there are told of as such', async () => {
    await using site = await openSite({ security: sasl })
    expect(await users(site, ['dave', 'yaml', 'yaml'])).toEqual([
      'dave RESOURCE_NOT_FOUND',
      'yaml DUPLICATE_RESOURCE 1/4096 2/4096',
    ])
  })

  test('a login with the iterations of its user', async () => {
    await using site = await openSite({ security: sasl })
    await alter(site, { upsertions: [upsertion] })
    const session = site.session()
    session.handshake('SCRAM-SHA-256', 1)
    const { token } = await session.authenticate(new TextEncoder().encode('n,,n=carol,r=abc'), forever)
    expect(new TextDecoder().decode(token)).toContain(`s=${Buffer.from(salt).toString('base64')},i=8192`)
  })
})
