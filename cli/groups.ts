// logdrive groups: list, describe, reset: consumer groups and sinks, their lag, their members, where they stand.

import { type Collector, collectorOf, field, listIn } from './client.ts'
import {
  type Arguments,
  actionOf,
  type Command,
  collectorOptions,
  exitCodes,
  jsonOption,
  usage,
  wholeNumber,
} from './command.ts'
import { type Cell, cellOf, escapeForTerminal, factLines, humanTime, jsonText, table } from './output.ts'
import { whereOf } from './where.ts'

const actions = ['list', 'describe', 'reset'] as const
type Action = (typeof actions)[number]

/** `list` is what it does without an action. */
export const groups: Command = {
  name: 'groups',
  summary: 'Lists and describes consumer groups with their lag, and sets them elsewhere',
  usage: 'list | describe NAME | reset NAME --to WHERE',
  examples: [
    'logdrive groups list',
    'logdrive groups describe sink.warehouse',
    'logdrive groups reset billing --to beginning --dry-run',
    'logdrive groups reset billing --to 2026-11-21T08:00:00Z --topic orders',
    'logdrive groups reset billing --to 1200 --topic orders --partition 3',
  ],
  options: {
    to: { value: 'WHERE', about: 'reset: beginning, end, an offset, or a time such as 2026-11-21T08:00:00Z' },
    topic: { value: 'TOPIC', about: 'reset: only this topic; without it all that the group has read' },
    partition: { value: 'N', about: 'reset: only this partition of the topic' },
    'dry-run': { about: 'reset: say what would change, and change nothing' },
    ...collectorOptions,
    ...jsonOption,
  },
  async run(args, io, signal) {
    const { action, name } = actionOf(args, actions, 'group')
    const answer = await ask(action, name, args, (request) => collectorOf(args, io).request(request, signal))
    const text = args.has('json') ? jsonText(answer, io.stdout) : textOf(action, answer)
    await io.stdout.write(text)
    return exitCodes.good
  },
}

type Send = (request: Parameters<Collector['request']>[0]) => Promise<unknown>

async function ask(action: Action, name: string | undefined, args: Arguments, send: Send): Promise<unknown> {
  if (action === 'list') {
    if (name !== undefined) throw usage(`list takes no name; groups describe ${name}?`)
    return await send({ method: 'GET', path: '/v1/groups' })
  }
  if (name === undefined) throw usage(`${action}: the group is missing`)
  const path = `/v1/groups/${encodeURIComponent(name)}`
  if (action === 'describe') return await send({ method: 'GET', path })
  return await send({ method: 'POST', path: `${path}/reset`, body: resetOf(args) })
}

function resetOf(args: Arguments): object {
  const to = args.text('to')
  if (to === undefined) throw usage('reset: say where with --to')
  const where = whereOf(to, 'to')
  const topic = args.text('topic')
  const partition = args.text('partition')
  if (partition !== undefined && topic === undefined) throw usage('--partition: name its topic with --topic')
  return {
    to: /^\d+$/.test(where) ? Number(where) : where,
    ...(topic === undefined ? {} : { topic }),
    ...(partition === undefined ? {} : { partition: wholeNumber(partition, 'partition', 0, 1023) }),
    dry_run: args.has('dry-run'),
  }
}

function textOf(action: Action, answer: unknown): string {
  if (action === 'list') return listText(listIn(answer, 'groups'))
  return action === 'describe' ? describeText(answer) : resetText(answer)
}

function listText(list: readonly unknown[]): string {
  if (list.length === 0) return 'no groups yet\n'
  const rows = list.map((group): readonly Cell[] => [
    cellOf(field(group, 'group')),
    cellOf(field(group, 'type')),
    cellOf(field(group, 'state')),
    cellOf(field(group, 'members')),
    listIn(group, 'partitions').length,
    cellOf(field(group, 'lag_records')),
    timeOf(field(group, 'lag_ms')),
  ])
  return table(['group', 'type', 'state', 'members', 'partitions', 'lag records', 'lag'], rows)
}

function describeText(group: unknown): string {
  const protocol = [field(group, 'protocol_type'), field(group, 'protocol')].filter((text) => text !== '')
  const facts: readonly (readonly [string, unknown])[] = [
    ['group', field(group, 'group')],
    ['type', field(group, 'type')],
    ['state', field(group, 'state')],
    ['protocol', protocol.length === 0 ? '-' : protocol.join(' ')],
    ['lag', `${field(group, 'lag_records')} records, ${timeOf(field(group, 'lag_ms'))}`],
  ]
  const positions = listIn(group, 'partitions').map((one): readonly Cell[] => [
    cellOf(field(one, 'topic')),
    cellOf(field(one, 'partition')),
    cellOf(field(one, 'offset')),
    cellOf(field(one, 'end_offset')),
    cellOf(field(one, 'lag_records')),
    timeOf(field(one, 'lag_ms')),
    cellOf(field(one, 'committed_at')),
  ])
  const members = listIn(group, 'members').map((one): readonly Cell[] => [
    cellOf(field(one, 'member_id')),
    cellOf(field(one, 'instance_id')),
    cellOf(field(one, 'client_id')),
    cellOf(field(one, 'host')),
    assignedOf(listIn(one, 'assigned')),
  ])
  const offsets = ['topic', 'partition', 'offset', 'end', 'lag records', 'lag', 'committed']
  const shown = [factLines(facts.map(([name, value]) => [name, escapeForTerminal(String(value))]))]
  if (positions.length > 0) shown.push(table(offsets, positions))
  if (members.length > 0) shown.push(table(['member', 'instance', 'client', 'host', 'reads'], members))
  return shown.join('\n')
}

function resetText(answer: unknown): string {
  const rows = listIn(answer, 'partitions').map((one): readonly Cell[] => [
    cellOf(field(one, 'topic')),
    cellOf(field(one, 'partition')),
    cellOf(field(one, 'from')),
    cellOf(field(one, 'to')),
  ])
  const note = field(answer, 'dry_run') === true ? 'nothing was changed (--dry-run)\n' : ''
  return `${table(['topic', 'partition', 'from', 'to'], rows)}${note}`
}

/** Such as `orders[0 2], clicks[1]`. */
function assignedOf(topics: readonly unknown[]): string {
  return topics.map((one) => `${field(one, 'topic')}[${listIn(one, 'partitions').join(' ')}]`).join(', ')
}

function timeOf(ms: unknown): string {
  return typeof ms === 'number' ? humanTime(ms) : '-'
}
