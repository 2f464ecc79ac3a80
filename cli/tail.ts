// logdrive tail: records of topics as they are, or as they come, one JSON a line.

import { LogdriveError } from '../core/errors.ts'
import { collectorOf, field } from './client.ts'
import { type Arguments, type Command, collectorOptions, exitCodes, usage, wholeNumber } from './command.ts'
import { escapeForTerminal } from './output.ts'
import { whereOf } from './where.ts'

const eventCharactersMax = 64 * 1024 * 1024
const topicsMax = 64

/** Ends at the end of the topics, after --max records, or (with --follow) when it is stopped. */
export const tail: Command = {
  name: 'tail',
  summary: 'Prints the records of topics, one JSON a line',
  usage: 'TOPIC... [options]',
  examples: [
    'logdrive tail page_views clicks --follow',
    'logdrive tail logs --from beginning --max 10',
    'logdrive tail logs --from 2026-11-21T08:00:00Z | jq .value',
    'logdrive tail orders --partition 2 --from 1200 --max 1',
  ],
  options: {
    from: { value: 'WHERE', about: 'beginning, end, an offset, or a time such as 2026-11-21T08:00:00Z' },
    partition: { value: 'N', about: 'only this partition' },
    max: { value: 'N', about: 'stop after N records' },
    follow: { short: 'f', about: 'go on with what comes (the default starts at the end then)' },
    ...collectorOptions,
    json: { about: 'no change: the output is JSON lines already' },
  },
  async run(args, io, signal) {
    const path = pathOf(args)
    const collector = collectorOf(args, io)
    const max = args.text('max')
    let left =
      max === undefined ? Number.POSITIVE_INFINITY : wholeNumber(max, 'max', 1, Number.MAX_SAFE_INTEGER)
    // Ends the request as soon as there are enough, however the collector counts.
    const enough = new AbortController()
    const stop = AbortSignal.any([signal, enough.signal])
    for await (const event of eventsOf(collector.stream(path, stop))) {
      if (event.name === 'error') throw streamError(event.data)
      if (event.data === '' || event.name !== 'message') continue
      await io.stdout.write(`${io.stdout.isTerminal ? escapeForTerminal(event.data) : event.data}\n`)
      left -= 1
      if (left === 0) break
    }
    enough.abort()
    return exitCodes.good
  },
}

function pathOf(args: Arguments): string {
  const topics = args.positionals
  if (topics.length === 0) throw usage('name at least one topic')
  if (topics.length > topicsMax) throw usage(`${topicsMax} topics at a time`)
  const query = new URLSearchParams()
  for (const topic of topics) query.append('topic', topic)
  const follow = args.has('follow')
  query.set('from', whereOf(args.text('from') ?? (follow ? 'end' : 'beginning'), 'from'))
  const partition = args.text('partition')
  if (partition !== undefined) query.set('partition', String(wholeNumber(partition, 'partition', 0, 1023)))
  const max = args.text('max')
  if (max !== undefined) query.set('max', String(wholeNumber(max, 'max', 1, Number.MAX_SAFE_INTEGER)))
  query.set('follow', follow ? '1' : '0')
  return `/v1/tail?${query}`
}

interface ServerEvent {
  readonly name: string
  readonly data: string
}

/** Server-sent events out of bytes (WHATWG HTML, 9.2.6): fields until an empty line; comments are left out. */
async function* eventsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder()
  let name = 'message'
  let data: string[] = []
  let rest = ''
  for await (const piece of pieces) {
    rest += decoder.decode(piece, { stream: true })
    // A lone return at the very end may be half of a line end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    if (rest.length > eventCharactersMax)
      throw new LogdriveError('REQUEST_TOO_LARGE', 'an event without an end')
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { name, data: data.join('\n') }
        name = 'message'
        data = []
      } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      else if (line.startsWith('event:')) name = line.slice(6).trim()
    }
  }
}

function streamError(data: string): LogdriveError {
  try {
    const error = field(JSON.parse(data), 'error') ?? JSON.parse(data)
    return new LogdriveError('UNAVAILABLE', String(field(error, 'message') ?? data))
  } catch {
    return new LogdriveError('UNAVAILABLE', data)
  }
}
