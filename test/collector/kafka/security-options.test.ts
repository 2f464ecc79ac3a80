// From the YAML to security: friendly rules become Kafka's, users get their principal, certificates too.
import { describe, expect, test } from 'vitest'
import { principalOfCertificate } from '../../../collector/kafka/principals.ts'
import { securityOptions } from '../../../collector/kafka/security-options.ts'
import { load } from '../../config/samples.ts'

function optionsOf(kafka: string) {
  const loaded = load(`version: 1\ncollector: { kafka: ${kafka} }`)
  if ('problems' in loaded) throw new Error(loaded.problems.map((one) => one.message).join('\n'))
  const { kafka: config } = loaded.config.collector
  if (config === undefined || config === 'off') throw new Error('off')
  return securityOptions(config)
}

/** Rules as one line each. */
function rules(acls: string): readonly string[] {
  const { authorizer } = optionsOf(`{ acls: ${acls} }`)
  return (authorizer?.acls ?? []).map((acl) =>
    [
      acl.permission,
      acl.principal,
      acl.host,
      acl.operation,
      acl.resourceType,
      acl.patternType,
      acl.resourceName,
    ].join(' '),
  )
}

test('nothing said is open to this machine and has no authorizer', () => {
  expect(optionsOf('{}')).toEqual({
    insecure: false,
    clientAuth: 'none',
    certificatePrincipal: 'subject',
    sasl: null,
    passwords: {},
    authorizer: null,
  })
})

test('sasl without more means SCRAM', () => {
  const users = 'users: { Alice@Example.com: { password: secret } }'
  expect(optionsOf(`{ sasl: { session_max: 1h }, ${users} }`)).toMatchObject({
    sasl: { mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-512'], sessionMs: 3_600_000 },
    passwords: { 'Alice@Example.com': 'secret' },
  })
})

test('super users alone switch the authorizer on, an empty list of ACLs does too', () => {
  expect(optionsOf('{ super_users: [admin, "User:CN=root"] }').authorizer).toEqual({
    superUsers: ['User:admin', 'User:CN=root'],
    acls: [],
    allowEveryoneIfNoAcl: false,
  })
  expect(optionsOf('{ acls: [] }').authorizer).toMatchObject({ superUsers: [], acls: [] })
})

describe('an ACL of the YAML', () => {
  test('names users, operations and topics: each with each', () => {
    expect(
      rules('[{ allow: [alice, "User:CN=bob"], to: [read, write], topics: [orders, "shop.*", "*"] }]'),
    ).toEqual(
      ['LITERAL orders', 'PREFIXED shop.', 'LITERAL *'].flatMap((topic) =>
        ['READ', 'WRITE'].flatMap((operation) =>
          ['User:alice', 'User:CN=bob'].map((user) => `ALLOW ${user} * ${operation} TOPIC ${topic}`),
        ),
      ),
    )
  })

  test('takes from its operations those that make sense on each resource', () => {
    expect(rules('[{ allow: "*", to: [read, write], topics: a, groups: g, transactional_ids: t }]')).toEqual([
      'ALLOW User:* * READ TOPIC LITERAL a',
      'ALLOW User:* * WRITE TOPIC LITERAL a',
      'ALLOW User:* * READ GROUP LITERAL g',
      'ALLOW User:* * WRITE TRANSACTIONAL_ID LITERAL t',
    ])
    expect(rules('[{ allow: ops, to: all, cluster: true }]')).toEqual([
      'ALLOW User:ops * ALL CLUSTER LITERAL kafka-cluster',
    ])
  })

  test('may deny, and count for some addresses only', () => {
    expect(rules('[{ deny: eve, to: read, topics: a, from: [10.0.0.7, "::1"] }]')).toEqual([
      'DENY User:eve 10.0.0.7 READ TOPIC LITERAL a',
      'DENY User:eve ::1 READ TOPIC LITERAL a',
    ])
  })
})

describe('the principal of a certificate', () => {
  const subject = 'C=DE\nO=Example\\, Inc.\nCN=alice'

  test('is its subject, the narrowest first, as Kafka writes it', () => {
    expect(principalOfCertificate(subject, 'subject')).toBe('User:CN=alice,O=Example\\, Inc.,C=DE')
    expect(principalOfCertificate('', 'subject')).toBe('User:ANONYMOUS')
  })

  test('may be its common name, when there is exactly one', () => {
    expect(principalOfCertificate(subject, 'common_name')).toBe('User:alice')
    expect(principalOfCertificate('O=Example\nCN=a\\,b', 'common_name')).toBe('User:a,b')
    for (const odd of ['O=Example', 'CN=alice\nCN=root', 'CN=', 'CN=alice\\0AO=x', 'CN=alice+OU=x'])
      expect(principalOfCertificate(odd, 'common_name')).toBe('User:ANONYMOUS')
  })
})
