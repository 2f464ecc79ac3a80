// DescribeClientQuotas, AlterClientQuotas: the quotas of the YAML for looking at (KIP-546); they are changed there.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { KafkaError } from '../../protocol/errors.ts'
import type { Handlers } from './dispatch.ts'
import type { Quota } from './quotas.ts'
import { clusterResource } from './security.ts'
import { noTrouble, troubleOf } from './trouble.ts'

type Component = RequestOf<'DescribeClientQuotas'>['components'][number]
type Entry = NonNullable<ResponseInput<'DescribeClientQuotas'>['entries']>[number]
type Entity = Entry['entity'][number]

/** `ClientQuotaFilterComponent` match types. */
const matchTypes = { exact: 0, default: 1, any: 2 } as const
const entityTypes = ['user', 'client-id', 'ip']

export const clientQuotaHandlers = {
  DescribeClientQuotas({ components, strict }, context) {
    try {
      if (!context.authorize('DESCRIBE_CONFIGS', 'CLUSTER', clusterResource))
        throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'DESCRIBE_CONFIGS is not allowed')
      checkComponents(components)
      const entries = context.quotas.map(entryOf).filter((entry) => fits(entry, components, strict))
      return { ...noTrouble, entries }
    } catch (error) {
      return { ...troubleOf(error, context), entries: null }
    }
  },

  AlterClientQuotas({ entries }, context) {
    const trouble = context.authorize('ALTER_CONFIGS', 'CLUSTER', clusterResource)
      ? new KafkaError('INVALID_REQUEST', 'quotas are in the YAML: collector.kafka.quotas')
      : new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'ALTER_CONFIGS is not allowed')
    return { entries: entries.map(({ entity }) => ({ ...troubleOf(trouble, context), entity })) }
  },
} satisfies Partial<Handlers>

/** Kafka leaves the prefix of users away; a quota of nobody in particular is the default of users. */
function entryOf({ principal, clientId, producerBytesPerSecond, consumerBytesPerSecond }: Quota): Entry {
  const user = { entityType: 'user', entityName: principal === null ? null : principal.replace(/^User:/, '') }
  const client = { entityType: 'client-id', entityName: clientId }
  const entity = clientId === null ? [user] : principal === null ? [client] : [user, client]
  return {
    entity,
    values: [
      ...(producerBytesPerSecond === null
        ? []
        : [{ key: 'producer_byte_rate', value: producerBytesPerSecond }]),
      ...(consumerBytesPerSecond === null
        ? []
        : [{ key: 'consumer_byte_rate', value: consumerBytesPerSecond }]),
    ],
  }
}

function checkComponents(components: readonly Component[]): void {
  const types = components.map((component) => component.entityType)
  if (new Set(types).size < types.length) throw new KafkaError('INVALID_REQUEST', 'a type is named twice')
  const isKnown = components.every(
    ({ entityType, matchType }) => entityTypes.includes(entityType) && matchType >= 0 && matchType <= 2,
  )
  if (!isKnown)
    throw new KafkaError('INVALID_REQUEST', 'there are user, client-id and ip; matches 0, 1 and 2')
}

/** With `strict` an entry has no other parts. */
function fits({ entity }: Entry, components: readonly Component[], strict: boolean): boolean {
  const isMeant = components.every((component) => entity.some((part) => partFits(part, component)))
  return isMeant && !(strict && components.length > 0 && entity.length > components.length)
}

function partFits(
  { entityType, entityName }: Entity,
  { entityType: type, matchType, match }: Component,
): boolean {
  if (entityType !== type) return false
  if (matchType === matchTypes.any) return true
  return matchType === matchTypes.default ? entityName === null : entityName === match
}
