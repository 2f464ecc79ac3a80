// ACLs: deny wins, what implies what, names and beginnings of names, and which rules a filter means.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Acl,
  type AclFilter,
  AclIndex,
  type AclQuestion,
  aclKey,
  filterFits,
} from '../../../../collector/broker/security/acls.ts'

const rule = (changes: Partial<Acl> = {}): Acl => ({
  resourceType: 'TOPIC',
  resourceName: 'orders',
  patternType: 'LITERAL',
  principal: 'User:alice',
  host: '*',
  operation: 'READ',
  permission: 'ALLOW',
  ...changes,
})

const question = (changes: Partial<AclQuestion> = {}): AclQuestion => ({
  principal: 'User:alice',
  host: '10.0.0.7',
  operation: 'READ',
  resourceType: 'TOPIC',
  ...changes,
})

function judge(rules: readonly Acl[], changes: Partial<AclQuestion> = {}, name = 'orders') {
  return new AclIndex(rules).judge(question(changes), name)
}

describe('a rule', () => {
  test('is for its user, its host, its operation and its resource', () => {
    expect(judge([rule()])).toBe('allow')
    expect(judge([rule()], { principal: 'User:bob' })).toBe('deny')
    expect(judge([rule()], { operation: 'WRITE' })).toBe('deny')
    expect(judge([rule({ host: '10.0.0.8' })])).toBe('deny')
    expect(judge([rule({ host: '10.0.0.7' })])).toBe('allow')
    expect(judge([rule()], { resourceType: 'GROUP' })).toBe('unknown')
    expect(judge([rule()], {}, 'order')).toBe('unknown')
  })

  test('may be for everybody, for every name, for the beginning of names, for every operation', () => {
    expect(judge([rule({ principal: 'User:*' })])).toBe('allow')
    expect(judge([rule({ resourceName: '*' })])).toBe('allow')
    expect(judge([rule({ resourceName: 'ord', patternType: 'PREFIXED' })])).toBe('allow')
    expect(judge([rule({ resourceName: 'orders', patternType: 'PREFIXED' })])).toBe('allow')
    expect(judge([rule({ resourceName: 'orders-', patternType: 'PREFIXED' })])).toBe('unknown')
    expect(judge([rule({ operation: 'ALL' })])).toBe('allow')
  })

  test('a beginning is not a name, and a name is not a beginning', () => {
    expect(judge([rule({ resourceName: 'ord' })])).toBe('unknown')
    expect(judge([rule({ resourceName: '*', patternType: 'PREFIXED' })])).toBe('unknown')
  })
})

describe('what implies what', () => {
  test('READ, WRITE, DELETE and ALTER allow DESCRIBE; ALTER_CONFIGS allows DESCRIBE_CONFIGS', () => {
    for (const operation of ['READ', 'WRITE', 'DELETE', 'ALTER', 'DESCRIBE'] as const) {
      expect(judge([rule({ operation })], { operation: 'DESCRIBE' })).toBe('allow')
    }
    expect(judge([rule({ operation: 'CREATE' })], { operation: 'DESCRIBE' })).toBe('deny')
    expect(judge([rule({ operation: 'DESCRIBE' })])).toBe('deny')
    const describing = { operation: 'DESCRIBE_CONFIGS' } as const
    expect(judge([rule({ operation: 'ALTER_CONFIGS' })], describing)).toBe('allow')
    expect(judge([rule({ operation: 'DESCRIBE' })], describing)).toBe('deny')
  })

  test('a DENY implies nothing', () => {
    const rules = [rule({ permission: 'DENY' }), rule({ operation: 'WRITE' })]
    expect(judge(rules, { operation: 'DESCRIBE' })).toBe('allow')
    expect(judge(rules)).toBe('deny')
  })
})

test('a DENY wins, however narrow or wide', () => {
  const allowed = rule({ resourceName: '*' })
  expect(judge([allowed, rule({ permission: 'DENY' })])).toBe('deny')
  expect(judge([rule(), rule({ permission: 'DENY', resourceName: '*' })])).toBe('deny')
  expect(judge([rule(), rule({ permission: 'DENY', resourceName: 'o', patternType: 'PREFIXED' })])).toBe(
    'deny',
  )
  expect(judge([rule(), rule({ permission: 'DENY', operation: 'ALL', principal: 'User:*' })])).toBe('deny')
  expect(judge([rule(), rule({ permission: 'DENY', host: '10.0.0.8' })])).toBe('allow')
})

test('some name is allowed unless every name is denied', () => {
  const any = (rules: readonly Acl[]) => new AclIndex(rules).judgeAny(question())
  const prefixed = { patternType: 'PREFIXED', resourceName: 'ord' } as const
  const denied = { permission: 'DENY' } as const
  expect(any([])).toBe(false)
  expect(any([rule()])).toBe(true)
  expect(any([rule(), rule(denied)])).toBe(false)
  expect(any([rule({ resourceName: '*' }), rule(denied)])).toBe(true)
  expect(any([rule({ resourceName: '*' }), rule({ ...denied, resourceName: '*' })])).toBe(false)
  expect(any([rule(prefixed), rule({ ...denied, resourceName: 'ord' })])).toBe(true)
  expect(any([rule(prefixed), rule({ ...denied, ...prefixed, resourceName: 'o' })])).toBe(false)
  expect(any([rule(prefixed), rule({ ...denied, ...prefixed, resourceName: 'order' })])).toBe(true)
})

describe('a filter', () => {
  const any: AclFilter = {
    resourceType: 'ANY',
    resourceName: null,
    patternType: 'ANY',
    principal: null,
    host: null,
    operation: 'ANY',
    permission: 'ANY',
  }
  const prefixed = rule({ patternType: 'PREFIXED', resourceName: 'ord' })
  const everything = rule({ resourceName: '*' })
  const all = [rule(), prefixed, everything]
  const found = (filter: Partial<AclFilter>) => all.filter((acl) => filterFits({ ...any, ...filter }, acl))

  test('of nothing means all', () => {
    expect(found({})).toEqual(all)
  })

  test('names a pattern exactly, or all that count for a name', () => {
    expect(found({ resourceName: 'orders' })).toEqual([rule()])
    expect(found({ resourceName: 'orders', patternType: 'LITERAL' })).toEqual([rule()])
    expect(found({ resourceName: 'orders', patternType: 'PREFIXED' })).toEqual([])
    expect(found({ resourceName: 'ord', patternType: 'PREFIXED' })).toEqual([prefixed])
    expect(found({ resourceName: 'orders', patternType: 'MATCH' })).toEqual(all)
    expect(found({ resourceName: 'other', patternType: 'MATCH' })).toEqual([everything])
  })

  test('takes words as they are: ALL is not ANY', () => {
    expect(found({ operation: 'ALL' })).toEqual([])
    expect(found({ operation: 'READ' })).toEqual(all)
    expect(found({ principal: 'User:*' })).toEqual([])
    expect(found({ host: '10.0.0.7' })).toEqual([])
    expect(found({ permission: 'DENY' })).toEqual([])
  })
})

test('the index says what looking at every rule says', () => {
  const name = fc.constantFrom('a', 'ab', 'abc', 'b', '*')
  const acl: fc.Arbitrary<Acl> = fc.record({
    resourceType: fc.constantFrom('TOPIC', 'GROUP'),
    resourceName: name,
    patternType: fc.constantFrom('LITERAL', 'PREFIXED'),
    principal: fc.constantFrom('User:alice', 'User:bob', 'User:*'),
    host: fc.constantFrom('*', '10.0.0.7'),
    operation: fc.constantFrom('READ', 'WRITE', 'DESCRIBE', 'ALL'),
    permission: fc.constantFrom('ALLOW', 'DENY'),
  })
  const asked = fc.record({
    principal: fc.constantFrom('User:alice', 'User:bob'),
    host: fc.constantFrom('10.0.0.7', '10.0.0.8'),
    operation: fc.constantFrom('READ' as const, 'DESCRIBE' as const),
    resourceType: fc.constantFrom('TOPIC' as const, 'GROUP' as const),
  })
  fc.assert(
    fc.property(fc.array(acl, { maxLength: 12 }), asked, name, (rules, who, resource) => {
      expect(new AclIndex(rules).judge(who, resource)).toBe(slowly(rules, who, resource))
    }),
    { numRuns: 2_000 },
  )
})

/** Kafka's rules, said without an index. */
function slowly(rules: readonly Acl[], who: AclQuestion, name: string): string {
  const about = rules.filter(
    (acl) =>
      acl.resourceType === who.resourceType &&
      (acl.patternType === 'PREFIXED'
        ? name.startsWith(acl.resourceName)
        : acl.resourceName === name || acl.resourceName === '*'),
  )
  if (about.length === 0) return 'unknown'
  const mine = about.filter(
    (acl) => ['User:*', who.principal].includes(acl.principal) && ['*', who.host].includes(acl.host),
  )
  const implying = who.operation === 'DESCRIBE' ? ['READ', 'WRITE', 'DELETE', 'ALTER'] : []
  const isDenied = mine.some(
    (acl) => acl.permission === 'DENY' && ['ALL', who.operation].includes(acl.operation),
  )
  const isAllowed = mine.some(
    (acl) => acl.permission === 'ALLOW' && ['ALL', who.operation, ...implying].includes(acl.operation),
  )
  return isAllowed && !isDenied ? 'allow' : 'deny'
}

test('equal rules have the same key, others do not', () => {
  expect(aclKey(rule())).toBe(aclKey(rule()))
  expect(aclKey(rule({ host: 'a' }))).not.toBe(aclKey(rule()))
})
