// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs: configs of topics, and of the broker for looking at.
import type { RequestOf, ResponseInput } from '../../protocol/apis/index.ts'
import { KafkaError } from '../../protocol/errors.ts'
import type { ConfigChange, ConfigEntry, ConfigSource, ConfigType } from '../broker/topics/topic-configs.ts'
import { brokerConfigName, brokerConfigs } from './broker-configs.ts'
import { nodeId, type RequestContext } from './context.ts'
import type { Handlers } from './dispatch.ts'
import { clusterResource } from './security.ts'
import { noTrouble, repeated, type Trouble, troubleOf } from './trouble.ts'

type DescribeRequest = RequestOf<'DescribeConfigs'>
type Described = ResponseInput<'DescribeConfigs'>['results'][number]
type DescribedConfig = Described['configs'][number]
type CreatedConfig = NonNullable<ResponseInput<'CreateTopics'>['topics'][number]['configs']>[number]

/** `ConfigResource.Type`. */
const resourceTypes = { topic: 2, broker: 4 } as const
/** `ConfigEntry.ConfigSource`. */
const sourceCodes: Readonly<Record<ConfigSource, number>> = { topic: 1, broker: 4, default: 5 }
/** `ConfigEntry.ConfigType`. */
const typeCodes: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7,
}
/** `AlterConfigOp.OpType`, by code. */
const operations = ['set', 'delete', 'append', 'subtract'] as const

export const configHandlers = {
  DescribeConfigs(request, context) {
    const results = request.resources.map((resource): Described => {
      const { resourceType, resourceName } = resource
      try {
        const entries = entriesOf(resource, context)
        const keys = resource.configurationKeys
        const wanted = keys === null ? entries : entries.filter((entry) => keys.includes(entry.name))
        const isTopic = resourceType === resourceTypes.topic
        const configs = wanted.map((entry) => describedConfig(entry, request, isTopic))
        return { ...noTrouble, resourceType, resourceName, configs }
      } catch (error) {
        return { ...troubleOf(error, context), resourceType, resourceName, configs: [] }
      }
    })
    return { results }
  },

  async AlterConfigs({ resources, validateOnly }, context) {
    const responses = await alterEach(resources, context, async (name, resource) => {
      const pairs = resource.configs.map(({ name: config, value }) => [config, value] as const)
      await context.broker.configs.replace(name, Object.fromEntries(pairs), { validateOnly })
    })
    return { responses }
  },

  async IncrementalAlterConfigs({ resources, validateOnly }, context) {
    const responses = await alterEach(resources, context, async (name, resource) => {
      const changes = resource.configs.map(changeOf)
      await context.broker.configs.alter(name, changes, { validateOnly })
    })
    return { responses }
  },
} satisfies Partial<Handlers>

/** A config as CreateTopics tells it. */
export function createdConfig(entry: ConfigEntry): CreatedConfig {
  const { name, value, source } = entry
  return { name, value, readOnly: false, configSource: sourceCodes[source], isSensitive: false }
}

/** What DescribeConfigs has to know of a config; a broker's entry has no source but the YAML and the default. */
export interface DescribedEntry {
  readonly name: string
  readonly type: ConfigType
  readonly value: string
  readonly source: ConfigSource
  readonly doc: string
  readonly synonyms: ConfigEntry['synonyms']
}

function entriesOf(
  { resourceType, resourceName }: DescribeRequest['resources'][number],
  context: RequestContext,
): readonly DescribedEntry[] {
  if (resourceType === resourceTypes.topic) {
    if (!context.authorize('DESCRIBE_CONFIGS', 'TOPIC', resourceName))
      throw new KafkaError('TOPIC_AUTHORIZATION_FAILED', 'DESCRIBE_CONFIGS is not allowed')
    return context.broker.configs.describe(resourceName)
  }
  if (resourceType !== resourceTypes.broker)
    throw new KafkaError('INVALID_REQUEST', 'only topics and the broker have configs')
  if (!context.authorize('DESCRIBE_CONFIGS', 'CLUSTER', clusterResource))
    throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'DESCRIBE_CONFIGS is not allowed')
  // The empty name asks for what was set for all brokers at run time: nothing can be.
  if (resourceName === '') return []
  if (resourceName !== String(nodeId)) throw new KafkaError('INVALID_REQUEST', `the only broker is ${nodeId}`)
  return brokerConfigs(context.broker.configs)
}

function describedConfig(entry: DescribedEntry, request: DescribeRequest, isTopic: boolean): DescribedConfig {
  const { name, value, type, source, doc, synonyms } = entry
  return {
    name,
    value,
    readOnly: !isTopic,
    configSource: sourceCodes[source],
    isSensitive: false,
    synonyms: request.includeSynonyms
      ? synonyms.map((level) => ({
          name: level.source === 'topic' ? name : brokerConfigName(name),
          value: level.value,
          source: sourceCodes[level.source],
        }))
      : [],
    configType: typeCodes[type],
    documentation: request.includeDocumentation ? doc : null,
  }
}

interface AlteredResource {
  readonly resourceType: number
  readonly resourceName: string
}

/** Changes one resource after the other; what is wrong with one does not stop the next. */
async function alterEach<Resource extends AlteredResource>(
  resources: readonly Resource[],
  context: RequestContext,
  alter: (topic: string, resource: Resource) => Promise<void>,
): Promise<readonly (Trouble & AlteredResource)[]> {
  const twice = repeated(resources.map((one) => `${one.resourceType} ${one.resourceName}`))
  const responses = []
  for (const resource of resources) {
    const { resourceType, resourceName } = resource
    try {
      checkAlterable(resource, context)
      if (twice.has(`${resourceType} ${resourceName}`))
        throw new KafkaError('INVALID_REQUEST', 'the resource is named twice')
      await alter(resourceName, resource)
      responses.push({ ...noTrouble, resourceType, resourceName })
    } catch (error) {
      responses.push({ ...troubleOf(error, context), resourceType, resourceName })
    }
  }
  return responses
}

function checkAlterable({ resourceType, resourceName }: AlteredResource, context: RequestContext): void {
  if (resourceType === resourceTypes.topic) {
    if (context.authorize('ALTER_CONFIGS', 'TOPIC', resourceName)) return
    throw new KafkaError('TOPIC_AUTHORIZATION_FAILED', 'ALTER_CONFIGS is not allowed')
  }
  if (
    resourceType === resourceTypes.broker &&
    !context.authorize('ALTER_CONFIGS', 'CLUSTER', clusterResource)
  )
    throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'ALTER_CONFIGS is not allowed')
  throw new KafkaError(
    'INVALID_REQUEST',
    resourceType === resourceTypes.broker
      ? 'the broker is configured in logdrive.yaml'
      : 'only topics have configs that can be altered',
  )
}

function changeOf(change: {
  readonly name: string
  readonly configOperation: number
  readonly value: string | null
}): ConfigChange {
  const operation = operations[change.configOperation]
  if (operation === undefined)
    throw new KafkaError('INVALID_REQUEST', `there is no operation ${change.configOperation}`)
  return { name: change.name, operation, value: change.value }
}
