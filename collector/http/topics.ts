// Topics over HTTP: list, describe, create, alter, delete.
import { LogdriveError } from '../../core/errors.ts'
import type { EventLog, TopicOptions } from '../../core/event-log.ts'
import type { ServerRequest } from '../../core/runtime.ts'
import type { TopicStatus } from '../broker/status.ts'
import { json } from './errors.ts'
import { field, isRecord } from './event-fields.ts'
import { parseBody, schemaInvalid } from './json-body.ts'
import { mediaType, typeUnsupported } from './limits.ts'
import type { LogAdmin } from './log-admin.ts'
import { param, type Route } from './router.ts'

const bodyBytesMax = 64 * 1024
const partitionsMax = 1024

/** The routes. */
export function topicRoutes(log: EventLog, admin: LogAdmin): readonly Route[] {
  const one = '/v1/topics/{topic}'
  return [
    {
      method: 'GET',
      path: '/v1/topics',
      access: 'admin',
      about: 'All topics with their partitions and offsets; ?internal=1 shows the ones that begin with __.',
      handle: async (call) => {
        const all = call.query.get('internal') === '1'
        const names = log.topics().flatMap(({ name }) => (all || !name.startsWith('__') ? name : []))
        return json(200, { topics: names.map((name) => shown(admin.describeTopic(name))) })
      },
    },
    {
      method: 'GET',
      path: one,
      access: 'admin',
      about: 'One topic with its configs.',
      handle: async (call) => json(200, described(param(call, 'topic'), admin)),
    },
    {
      method: 'POST',
      path: '/v1/topics',
      access: 'admin',
      about: 'Creates a topic: { name, partitions?, retention_ms?, retention_bytes?, configs? }.',
      handle: async ({ request }) => {
        const body = await readObject(request)
        const name = field(body, 'name')
        if (typeof name !== 'string') throw schemaInvalid('name must be a text')
        refuseInternal(name)
        const topic = await admin.createTopic(name, optionsOf(body, ['name']))
        return json(201, described(topic.name, admin))
      },
    },
    {
      method: 'PATCH',
      path: one,
      access: 'admin',
      about:
        'Changes a topic: { partitions?, retention_ms?, retention_bytes?, configs? }; partitions only grow, a config that is null goes back to its default.',
      handle: async (call) => {
        const name = param(call, 'topic')
        refuseInternal(name)
        await admin.alterTopic(name, optionsOf(await readObject(call.request), []))
        return json(200, described(name, admin))
      },
    },
    {
      method: 'DELETE',
      path: one,
      access: 'admin',
      about: 'Deletes a topic and all its records.',
      handle: async (call) => {
        const name = param(call, 'topic')
        refuseInternal(name)
        await admin.deleteTopic(name)
        return json(200, { deleted: name })
      },
    },
  ]
}

/** The log's own topics are nobody else's to change. */
export function refuseInternal(name: string): void {
  if (!name.startsWith('__')) return
  throw new LogdriveError('FORBIDDEN', 'topics that begin with __ belong to the log itself')
}

/** A small JSON object of a request that changes something. Only application/json: no form of a web page sends it. */
async function readObject(request: ServerRequest): Promise<Readonly<Record<string, unknown>>> {
  if (mediaType(request) !== 'application/json') throw typeUnsupported(request, 'application/json')
  return parseBody(await request.body(bodyBytesMax))
}

function optionsOf(body: Readonly<Record<string, unknown>>, others: readonly string[]): TopicOptions {
  const known = ['partitions', 'retention_ms', 'retention_bytes', 'configs', ...others]
  for (const name of Object.keys(body)) {
    if (!known.includes(name))
      throw schemaInvalid(`unknown field ${name.slice(0, 64)}; known: ${known.join(', ')}`)
  }
  const partitions = wholeNumber(body, 'partitions', partitionsMax)
  const retentionMs = wholeNumber(body, 'retention_ms', Number.MAX_SAFE_INTEGER)
  const retentionBytes = wholeNumber(body, 'retention_bytes', Number.MAX_SAFE_INTEGER)
  const configs = configsOf(body)
  return {
    ...(configs === undefined ? {} : { configs }),
    ...(partitions === undefined ? {} : { partitions }),
    ...(retentionMs === undefined ? {} : { retentionMs }),
    ...(retentionBytes === undefined ? {} : { retentionBytes }),
  }
}

function wholeNumber(body: Readonly<Record<string, unknown>>, name: string, max: number): number | undefined {
  const value = field(body, name)
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= max) return value
  throw schemaInvalid(`${name} must be a whole number from 1 to ${max}`)
}

/** Kafka's configs by name, as Kafka writes the values. */
function configsOf(
  body: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string | null>> | undefined {
  const value = field(body, 'configs')
  if (value === undefined) return undefined
  if (!isRecord(value)) throw schemaInvalid('configs must be an object of names and values')
  const entries = Object.entries(value).map(([name, one]): readonly [string, string | null] => {
    if (one === null || typeof one === 'string') return [name, one]
    if (typeof one === 'number' || typeof one === 'boolean') return [name, String(one)]
    throw schemaInvalid(`configs.${name.slice(0, 64)} must be a text, a number, true, false or null`)
  })
  return Object.fromEntries(entries)
}

/** One topic with all its configs: where the value comes from tells what was set. */
function described(name: string, admin: LogAdmin): object {
  const configs = admin.configs.describe(name).map(({ name, value, source }) => ({ name, value, source }))
  return { ...shown(admin.describeTopic(name)), configs }
}

function shown(topic: TopicStatus): object {
  return {
    name: topic.name,
    id: topic.id,
    retention_ms: topic.retentionMs,
    retention_bytes: topic.retentionBytes,
    partitions: topic.partitions.map((partition) => ({
      partition: partition.partition,
      start_offset: partition.startOffset,
      end_offset: partition.highWatermark,
      bytes: partition.bytes,
      segments: partition.segments,
      gaps: partition.gaps,
    })),
  }
}
