// logdrive topics: list, describe, create, alter, delete.

import { duration, formatDuration, size } from '../config/fields.ts'
import { didYouMean } from '../config/suggest.ts'
import { type Collector, collectorOf, field, listIn } from './client.ts'
import {
  type Arguments,
  type Command,
  collectorOptions,
  exitCodes,
  jsonOption,
  usage,
  wholeNumber,
} from './command.ts'
import { type Cell, escapeForTerminal, humanSize, jsonText, table } from './output.ts'

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
    'logdrive topics delete orders --yes',
  ],
  options: {
    partitions: { value: 'N', about: 'create, alter: partitions (they can grow, never shrink)' },
    'retention-age': { value: 'AGE', about: 'create, alter: records older than this go, such as 7d' },
    'retention-bytes': {
      value: 'SIZE',
      about: 'create, alter: a partition over this loses its oldest, such as 20GiB',
    },
    internal: { about: 'list: the ones that begin with "__" too' },
    yes: { about: 'delete: yes, with all its records' },
    ...collectorOptions,
    ...jsonOption,
  },
  async run(args, io, signal) {
    const [first = 'list', name, more] = args.positionals
    const action = actions.find((one) => one === first)
    if (action === undefined) throw usage(`unknown action "${first}"${didYouMean(first, actions)}`)
    if (more !== undefined) throw usage(`one topic at a time: "${more}" is one too many`)
    const collector = collectorOf(args, io)
    const answer = await perform(action, name, args, collector, signal)
    if (args.has('json')) await io.stdout.write(jsonText(answer, io.stdout))
    else await io.stdout.write(textOf(action, name ?? '', answer, args))
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
    return await collector.request({ method: 'GET', path: '/v1/topics' }, signal)
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
        throw usage('alter: say what: --partitions, --retention-age or --retention-bytes')
      return await collector.request({ method: 'PATCH', path, body: settings }, signal)
    case 'delete':
      if (!args.has('yes')) throw usage(`delete: "${name}" goes with all its records: say --yes`)
      return await collector.request({ method: 'DELETE', path }, signal)
  }
}

/** Settings as the collector's routes take them: ms and bytes. */
function settingsOf(args: Arguments): Readonly<Record<string, number>> {
  const partitions = args.text('partitions')
  const age = args.text('retention-age')
  const bytes = args.text('retention-bytes')
  return {
    ...(partitions === undefined ? {} : { partitions: wholeNumber(partitions, 'partitions', 1, 1024) }),
    ...(age === undefined ? {} : { retentionMs: quantity(duration(), age, 'retention-age') }),
    ...(bytes === undefined ? {} : { retentionBytes: quantity(size(), bytes, 'retention-bytes') }),
  }
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

function textOf(action: Action, name: string, answer: unknown, args: Arguments): string {
  switch (action) {
    case 'list':
      return listText(listIn(answer, 'topics'), args.has('internal'))
    case 'describe':
      return describeText(field(answer, 'topic') ?? answer)
    case 'create':
      return `created ${escapeForTerminal(name)}\n`
    case 'alter':
      return `altered ${escapeForTerminal(name)}\n`
    case 'delete':
      return `deleted ${escapeForTerminal(name)}\n`
  }
}

function listText(list: readonly unknown[], internal: boolean): string {
  const rows = list
    .filter((topic) => internal || !String(field(topic, 'name')).startsWith('__'))
    .map((topic): readonly Cell[] => [
      String(field(topic, 'name')),
      partitionCount(topic),
      recordCount(topic),
      sizeOf(field(topic, 'bytes')),
      ageOf(field(topic, 'retentionMs')),
    ])
  return rows.length === 0
    ? 'no topics yet\n'
    : table(['topic', 'partitions', 'records', 'size', 'keeps'], rows)
}

function describeText(topic: unknown): string {
  const facts: readonly (readonly [string, Cell])[] = [
    ['name', cellOf(field(topic, 'name'))],
    ['id', cellOf(field(topic, 'id'))],
    ['partitions', partitionCount(topic)],
    ['keeps', ageOf(field(topic, 'retentionMs'))],
    ['keeps at most', sizeOf(field(topic, 'retentionBytes'))],
    ['size', sizeOf(field(topic, 'bytes'))],
  ]
  const lines = facts.map(
    ([label, value]) => `${label.padEnd(15)}${escapeForTerminal(String(value ?? '-'))}\n`,
  )
  const partitions = partitionsOf(topic).map((partition, index): readonly Cell[] => [
    cellOf(field(partition, 'partition')) ?? index,
    cellOf(field(partition, 'startOffset')),
    cellOf(field(partition, 'endOffset')),
    sizeOf(field(partition, 'bytes')),
  ])
  const details =
    partitions.length === 0 ? '' : `\n${table(['partition', 'start', 'end', 'size'], partitions)}`
  return `${lines.join('')}${details}`
}

function partitionsOf(topic: unknown): readonly unknown[] {
  const partitions = field(topic, 'partitions')
  return Array.isArray(partitions) ? partitions : listIn(topic, 'offsets')
}

function partitionCount(topic: unknown): Cell {
  const partitions = field(topic, 'partitions')
  return Array.isArray(partitions) ? partitions.length : cellOf(partitions)
}

function recordCount(topic: unknown): Cell {
  const records = field(topic, 'records')
  if (typeof records === 'number') return records
  const counts = partitionsOf(topic).map((one) => [field(one, 'startOffset'), field(one, 'endOffset')])
  if (counts.length === 0) return null
  return counts.reduce((sum, [start, end]) => sum + Number(end) - Number(start), 0)
}

function sizeOf(value: unknown): Cell {
  return typeof value === 'number' ? humanSize(value) : null
}

function ageOf(value: unknown): Cell {
  return typeof value === 'number' ? formatDuration(value) : null
}

function cellOf(value: unknown): Cell {
  return typeof value === 'string' || typeof value === 'number' ? value : null
}
