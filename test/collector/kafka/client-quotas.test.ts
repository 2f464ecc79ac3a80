// Quotas for looking at: all of the YAML, or those a filter means; they are not changed through Kafka.
import { expect, test } from 'vitest'
import { kafkaErrorName } from '../../../protocol/errors.ts'
import { openSite, type Site } from './asking.ts'

const [exact, byDefault, any] = [0, 1, 2]
const user = (matchType: number, match: string | null = null) => ({ entityType: 'user', matchType, match })
const client = (matchType: number, match: string | null = null) => ({
  entityType: 'client-id',
  matchType,
  match,
})

async function found(site: Site, components: ReturnType<typeof user>[], strict = false) {
  const { entries } = await site.ask('DescribeClientQuotas', { components, strict })
  return entries?.map(({ entity, values }) => {
    const who = entity.map((part) => `${part.entityType}=${part.entityName}`).join(' ')
    return `${who}: ${values.map((one) => `${one.key}=${one.value}`).join(' ')}`
  })
}

const alice = 'user=alice: producer_byte_rate=1000 consumer_byte_rate=2000'
const both = 'user=alice client-id=nightly: producer_byte_rate=500'
const nightly = 'client-id=nightly: consumer_byte_rate=100'
const everybody = 'user=null: producer_byte_rate=5000'

test('quotas are told as Kafka names them', async () => {
  await using site = await openSite()
  expect(await found(site, [])).toEqual([alice, both, nightly, everybody])
})

test('a filter means those that have all its parts; a strict one those that have no others', async () => {
  await using site = await openSite()
  expect(await found(site, [user(any)])).toEqual([alice, both, everybody])
  expect(await found(site, [user(any)], true)).toEqual([alice, everybody])
  expect(await found(site, [user(exact, 'alice')], true)).toEqual([alice])
  expect(await found(site, [user(byDefault)])).toEqual([everybody])
  expect(await found(site, [user(exact, 'alice'), client(exact, 'nightly')], true)).toEqual([both])
  expect(await found(site, [client(any)])).toEqual([both, nightly])
  expect(await found(site, [{ entityType: 'ip', matchType: any, match: null }])).toEqual([])
})

test('a filter that makes no sense is refused', async () => {
  await using site = await openSite()
  for (const components of [[user(any), user(any)], [user(7)], [{ ...user(any), entityType: 'planet' }]]) {
    const answer = await site.ask('DescribeClientQuotas', { components, strict: false })
    expect([kafkaErrorName(answer.errorCode), answer.entries]).toEqual(['INVALID_REQUEST', null])
  }
})

test('a change is refused, and the answer says where to make it', async () => {
  await using site = await openSite()
  const entity = [{ entityType: 'user', entityName: 'alice' }]
  const ops = [{ key: 'producer_byte_rate', value: 1, remove: false }]
  const { entries } = await site.ask('AlterClientQuotas', { entries: [{ entity, ops }], validateOnly: false })
  expect(entries).toMatchObject([{ entity, errorMessage: expect.stringContaining('collector.kafka.quotas') }])
})
