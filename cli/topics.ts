// logdrive topics: list, describe, create, alter, delete.

import { duration, formatDuration, size } from '../config/fields.ts'
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
import { type Cell, cellOf, escapeForTerminal, factLines, humanSize, jsonText, table } from './output.ts'

const actions = ['list', 'describe', 'create', 'alter', 'delete'] as const
type Action = (typeof actions)[number]

/** `list` is what it does without an action. */
export const topics: Command = {
  name: 'topics',
  summary: 'Lists, describes, creates, alters and deletes topics',
  usage: 'list | describe NAME | create NAME | alter NAME | delete NAME --yes',
  examples: [
    'logdrive topics list',
    'logdrive topics create orders --partitions 8 --retention-age 30d --retention-bytes 20GiB',
    'logdrive topics alter orders --retention-age 90d',
    'logdrive topics alter orders --config cleanup.policy=compact --config min.cleanable.dirty.ratio=',
    'logdrive topics delete orders --yes',
  ],
  options: {
    partitions: { value: 'N', about: 'create, alter: partitions (they can grow, never shrink)' },
    'retention-age': { value: 'AGE', about: 'create, alter: records older than this go, such as 7d' },
    'retention-bytes': {
      value: 'SIZE',
      about: 'create, alter: a partition over this loses its oldest, such as 20GiB',
    },
    config: {
      value: 'NAME=VALUE',
      many: true,
      about:
        'create, alter: a Kafka topic config, such as cleanup.policy=compact; nothing behind = is the default',
    },
    internal: { about: 'list: the ones that begin with "__" too' },
    yes: { about: 'delete: yes, with all its records' },
    ...collectorOptions,
    ...jsonOption,
  },
  async run(args, io, signal) {
    const { action, name } = actionOf(args, actions, 'topic')
    const collector = collectorOf(args, io)
    const answer = await perform(action, name, args, collector, signal)
    if (args.has('json')) await io.stdout.write(jsonText(answer, io.stdout))
    else await io.stdout.write(textOf(action, name ?? '', answer))
    return exitCodes.good
  },
}

async function perform(
  action: Action,
  name: string | undefined,
  args: Arguments,
  collector: Collector,
  signal: AbortSignal,
): Promise<unknown> {
  if (action === 'list') {
    if (name !== undefined) throw usage(`list takes no name; topics describe ${name}?`)
    const query = args.has('internal') ? '?internal=1' : ''
    return await collector.request({ method: 'GET', path: `/v1/topics${query}` }, signal)
  }
  if (name === undefined) throw usage(`${action}: the topic is missing`)
  const path = `/v1/topics/${encodeURIComponent(name)}`
  const settings = settingsOf(args)
  switch (action) {
    case 'describe':
      return await collector.request({ method: 'GET', path }, signal)
    case 'create':
      return await collector.request(
        { method: 'POST', path: '/v1/topics', body: { name, ...settings } },
        signal,
      )
    case 'alter':
      if (Object.keys(settings).length === 0)
        throw usage('alter: say what: --partitions, --retention-age, --retention-bytes or --config')
      return await collector.request({ method: 'PATCH', path, body: settings }, signal)
    case 'delete':
      if (!args.has('yes')) throw usage(`delete: "${name}" goes with all its records: say --yes`)
      return await collector.request({ method: 'DELETE', path }, signal)
  }
}

/** Settings as the collector's routes take them: ms and bytes, Kafka's configs by name. */
function settingsOf(args: Arguments): Readonly<Record<string, unknown>> {
  const partitions = args.text('partitions')
  const age = args.text('retention-age')
  const bytes = args.text('retention-bytes')
  const configs = args.texts('config').map(configOf)
  return {
    ...(configs.length === 0 ? {} : { configs: Object.fromEntries(configs) }),
    ...(partitions === undefined ? {} : { partitions: wholeNumber(partitions, 'partitions', 1, 1024) }),
    ...(age === undefined ? {} : { retention_ms: quantity(duration(), age, 'retention-age') }),
    ...(bytes === undefined ? {} : { retention_bytes: quantity(size(), bytes, 'retention-bytes') }),
  }
}

/** `name=value`; without a value the config goes back to its default. */
function configOf(text: string): readonly [string, string | null] {
  const at = text.indexOf('=')
  if (at < 1) throw usage(`--config takes NAME=VALUE, not "${text}"`)
  const value = text.slice(at + 1)
  return [text.slice(0, at), value === '' ? null : value]
}

function quantity(
  schema: ReturnType<typeof duration> | ReturnType<typeof size>,
  text: string,
  option: string,
): number {
  const parsed = schema.safeParse(text)
  if (!parsed.success) throw usage(`--${option}: ${parsed.error.issues[0]?.message}`)
  return parsed.data
}

function textOf(action: Action, name: string, answer: unknown): string {
  switch (action) {
    case 'list':
      return listText(listIn(answer, 'topics'))
    case 'describe':
      return describeText(answer)
    case 'create':
      return `created ${escapeForTerminal(name)}\n`
    case 'alter':
      return `altered ${escapeForTerminal(name)}\n`
    case 'delete':
      return `deleted ${escapeForTerminal(name)}\n`
  }
}

function listText(list: readonly unknown[]): string {
  if (list.length === 0) return 'no topics yet\n'
  const rows = list.map((topic): readonly Cell[] => {
    const partitions = listIn(topic, 'partitions')
    return [
      cellOf(field(topic, 'name')),
      partitions.length,
      total(partitions, (one) => Number(field(one, 'end_offset')) - Number(field(one, 'start_offset'))),
      humanSize(total(partitions, (one) => Number(field(one, 'bytes')))),
      ageOf(topic),
    ]
  })
  return table(['topic', 'partitions', 'records', 'size', 'keeps'], rows)
}

function describeText(topic: unknown): string {
  const limit = field(topic, 'retention_bytes')
  const facts: readonly (readonly [string, Cell])[] = [
    ['name', cellOf(field(topic, 'name'))],
    ['id', cellOf(field(topic, 'id'))],
    ['keeps', ageOf(topic)],
    ['keeps at most', typeof limit === 'number' ? `${humanSize(limit)} a partition` : 'any size'],
  ]
  const lines = factLines(facts.map(([name, value]) => [name, escapeForTerminal(String(value ?? '-'))]))
  const rows = listIn(topic, 'partitions').map((one): readonly Cell[] => [
    cellOf(field(one, 'partition')),
    cellOf(field(one, 'start_offset')),
    cellOf(field(one, 'end_offset')),
    humanSize(Number(field(one, 'bytes'))),
  ])
  const partitions = table(['partition', 'start', 'end', 'size'], rows)
  return `${lines}\n${partitions}${configsText(listIn(topic, 'configs'))}`
}

/** What was set for the topic or the broker; the rest is as Kafka's defaults, and in --json. */
function configsText(configs: readonly unknown[]): string {
  const set = configs.filter((one) => field(one, 'source') !== 'default')
  if (set.length === 0) return ''
  const rows = set.map((one): readonly Cell[] => [
    cellOf(field(one, 'name')),
    cellOf(field(one, 'value')),
    cellOf(field(one, 'source')),
  ])
  return `\n${table(['config', 'value', 'set by'], rows)}`
}

function total(list: readonly unknown[], count: (one: unknown) => number): number {
  return list.reduce<number>((sum, one) => sum + count(one), 0)
}

function ageOf(topic: unknown): string {
  const age = field(topic, 'retention_ms')
  return typeof age === 'number' ? formatDuration(age) : 'for ever'
}
