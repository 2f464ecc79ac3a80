// Every API asks for its right: who lacks it is told so and nothing else, whether or not the thing is there; who has only it, may.
import { describe, expect, test } from 'vitest'
import type { Acl } from '../../../collector/broker/security/acls.ts'
import type { AuthorizerOptions } from '../../../collector/kafka/authorizer.ts'
import type { ApiName } from '../../../protocol/apis/index.ts'
import { kafkaErrorName } from '../../../protocol/errors.ts'
import { openSite, type Site } from './asking.ts'
import { anyAcl, type Guard, guards, type Names, type Right } from './guard-table.ts'

const there: Names = { topic: 'secret-topic', group: 'secret-group', id: 'secret-id' }

const rule = (permission: Acl['permission'], [operation, resourceType]: Right): Acl => ({
  resourceType,
  resourceName: resourceType === 'CLUSTER' ? 'kafka-cluster' : '*',
  patternType: 'LITERAL',
  principal: 'User:CN=mallory',
  host: '*',
  operation,
  permission,
})

const everything = (['TOPIC', 'GROUP', 'CLUSTER', 'TRANSACTIONAL_ID'] as const).map((type) =>
  rule('ALLOW', ['ALL', type]),
)

async function siteWith(acls: readonly Acl[]): Promise<Site> {
  const authorizer: AuthorizerOptions = { superUsers: ['User:CN=root'], acls, allowEveryoneIfNoAcl: false }
  const site = await openSite({ security: { clientAuth: 'require', authorizer } })
  const session = site.session('10.0.0.7', 'CN=root')
  await site.broker.createTopic(there.topic, {})
  const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }]
  const topics = [{ name: there.topic, partitions }]
  await site.ask('OffsetCommit', { groupId: there.group, topics }, { session })
  await site.ask('InitProducerId', { transactionalId: there.id, transactionTimeoutMs: 1000 }, { session })
  return site
}

/** The same names, but nothing has the ones that a right of the row is about. */
function absent({ needs }: Guard<ApiName>): Names {
  const types = needs.map(([, type]) => type)
  return {
    topic: types.includes('TOPIC') ? 'nothing' : there.topic,
    group: types.includes('GROUP') ? 'nothing' : there.group,
    id: types.includes('TRANSACTIONAL_ID') ? 'nothing' : there.id,
  }
}

async function errorsOf(
  site: Site,
  api: ApiName,
  guard: Guard<ApiName>,
  names: Names,
): Promise<ReadonlySet<string>> {
  const session = site.session('10.0.0.7', 'CN=mallory')
  const options = guard.version === undefined ? { session } : { session, version: guard.version }
  const answer = await site.ask(api, guard.request(names), options)
  const found = new Set<string>()
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
    for (const [key, inner] of Object.entries(value)) {
      if (/errorCode$/i.test(key) && key !== 'topicConfigErrorCode')
        found.add(kafkaErrorName(Number(inner)) ?? '?')
      look(inner)
    }
  }
  look(answer)
  return found
}

const rows = (Object.keys(guards) as (keyof typeof guards)[])
  .flatMap((api) => (guards[api] as readonly Guard<ApiName>[]).map((guard) => ({ api, guard })))
  .map(({ api, guard }) => ({ api, guard, right: guard.needs.map((need) => need.join(' ')).join(' or ') }))

describe.each(rows)('$api needs $right', ({ api, guard }) => {
  test('who may do nothing at all is refused', async () => {
    await using site = await siteWith([])
    const errors = await errorsOf(site, api, guard, there)
    expect([...errors].some((error) => error.endsWith('AUTHORIZATION_FAILED'))).toBe(true)
    expect(errors).toEqual(await errorsOf(site, api, guard, absent(guard)))
  })

  test('who may do all but this is told so, whether or not the thing is there', async () => {
    await using site = await siteWith([...everything, ...guard.needs.map((need) => rule('DENY', need))])
    const errors = await errorsOf(site, api, guard, there)
    expect(errors).toContain(guard.error)
    expect(errors).toEqual(await errorsOf(site, api, guard, absent(guard)))
  })

  test('who may do only this is not refused', async () => {
    for (const need of guard.needs) {
      await using site = await siteWith([need, ...(guard.also ?? [])].map((right) => rule('ALLOW', right)))
      const errors = [...(await errorsOf(site, api, guard, there))]
      expect(errors.filter((error) => error.endsWith('AUTHORIZATION_FAILED'))).toEqual([])
    }
  })
})

test('lists hold nothing that one may not know of', async () => {
  await using site = await siteWith([])
  const session = site.session('10.0.0.7', 'CN=mallory')
  const lists: readonly unknown[] = [
    await site.ask('Metadata', { topics: null }, { session }),
    await site.ask('DescribeLogDirs', { topics: null }, { session }),
    await site.ask('DescribeAcls', anyAcl, { session }),
    await site.ask('DescribeUserScramCredentials', { users: null }, { session }),
    await site.ask('ListGroups', {}, { session }),
    await site.ask('ListTransactions', { stateFilters: [], producerIdFilters: [] }, { session }),
  ]
  expect(JSON.stringify(lists)).not.toMatch(/secret|__consumer_offsets/)
})

test('a topic by its id is told of to nobody who may not know it', async () => {
  await using site = await siteWith([])
  const session = site.session('10.0.0.7', 'CN=mallory')
  const topicId = site.broker.findTopic(there.topic)?.id ?? ''
  const deleted = await site.ask(
    'DeleteTopics',
    { topics: [{ name: null, topicId }], timeoutMs: 1 },
    { session },
  )
  expect(deleted.responses).toMatchObject([{ name: null, topicId, errorCode: 100 }])
  const known = await site.ask('Metadata', { topics: [{ topicId, name: null }] }, { session })
  expect(known.topics).toMatchObject([{ name: null, topicId, errorCode: 100 }])
})
