// POST /v1/groups/{group}/reset: sets a group that nobody reads for elsewhere, or says where that would be.
import { LogdriveError } from '../../core/errors.ts'
import type { ServerRequest } from '../../core/runtime.ts'
import { refuseActive } from '../broker/groups/group-reset.ts'
import { offsetOf, type TailStart } from '../broker/read.ts'
import type { OpenTopic } from '../broker/topics/topics.ts'
import { field } from './event-fields.ts'
import { parseBody, schemaInvalid } from './json-body.ts'
import { mediaType, typeUnsupported } from './limits.ts'
import type { LogAdmin } from './log-admin.ts'
import { startOf } from './tail.ts'

const bodyBytesMax = 64 * 1024
const fields = ['to', 'topic', 'partition', 'dry_run']

/** Where one partition stands and is to stand. */
interface Move {
  readonly topic: string
  readonly partition: number
  /** Null: nothing was committed there. */
  readonly from: number | null
  readonly to: number
}

/** All partitions move or, when somebody reads for the group, none. Throws REQUEST_INVALID, SCHEMA_INVALID, TOPIC_UNKNOWN. */
export async function resetGroup(group: string, request: ServerRequest, admin: LogAdmin): Promise<object> {
  if (mediaType(request) !== 'application/json') throw typeUnsupported(request, 'application/json')
  const body = parseBody(await request.body(bodyBytesMax))
  for (const name of Object.keys(body)) {
    if (!fields.includes(name))
      throw schemaInvalid(`unknown field ${name.slice(0, 64)}; known: ${fields.join(', ')}`)
  }
  const dryRun = field(body, 'dry_run') ?? false
  if (typeof dryRun !== 'boolean') throw schemaInvalid('dry_run must be true or false')
  const moves = await movesOf(group, body, admin)
  refuseActive(group, admin.groupsCoordinator)
  if (!dryRun) {
    for (const { to, topic, partition } of moves) {
      await admin.resetGroup({ group, topic, partition }, { offset: to }, request.signal)
    }
  }
  return { group, dry_run: dryRun, partitions: moves }
}

async function movesOf(
  group: string,
  body: Readonly<Record<string, unknown>>,
  admin: LogAdmin,
): Promise<readonly Move[]> {
  const start = startIn(body)
  const known = admin.groups().filter((status) => status.group === group)
  const moves: Move[] = []
  for (const { topic, index } of placesOf(body, known, admin)) {
    const partition = topic.open[index]
    if (partition === undefined) {
      throw new LogdriveError('NOT_FOUND', `topic ${topic.name} has no partition ${index}`)
    }
    const now = known.find((status) => status.topic === topic.name && status.partition === index)
    const to = await offsetOf(partition, start)
    moves.push({ topic: topic.name, partition: index, from: now?.offset ?? null, to })
  }
  return moves
}

interface Place {
  readonly topic: OpenTopic
  readonly index: number
}

/** One partition, a whole topic, or everything that the group has committed. */
function placesOf(
  body: Readonly<Record<string, unknown>>,
  known: readonly { readonly topic: string; readonly partition: number }[],
  admin: LogAdmin,
): readonly Place[] {
  const name = field(body, 'topic')
  const index = field(body, 'partition')
  if (index !== undefined && (!Number.isSafeInteger(index) || name === undefined)) {
    throw schemaInvalid('partition must be a whole number, and topic be named with it')
  }
  if (name === undefined) {
    const all = known.map(({ topic, partition }) => ({ topic: topicOf(topic, admin), index: partition }))
    if (all.length > 0) return all
    throw new LogdriveError('NOT_FOUND', 'the group has committed no offsets', { hint: 'Name a topic.' })
  }
  if (typeof name !== 'string') throw schemaInvalid('topic must be a text')
  const topic = topicOf(name, admin)
  if (typeof index === 'number') return [{ topic, index }]
  return topic.open.map((_, each) => ({ topic, index: each }))
}

function topicOf(name: string, admin: LogAdmin): OpenTopic {
  const topic = admin.findTopic(name)
  if (topic === null) throw new LogdriveError('TOPIC_UNKNOWN', `there is no topic ${name}`)
  return topic
}

/** A number is an offset, however large; a text is what `?from=` of the tail takes. */
function startIn(body: Readonly<Record<string, unknown>>): TailStart {
  const to = field(body, 'to')
  if (typeof to === 'number' && Number.isSafeInteger(to) && to >= 0) return { offset: to }
  if (typeof to === 'string') return startOf(to, 'to')
  throw schemaInvalid('to is "beginning", "end", an offset or an ISO time')
}
