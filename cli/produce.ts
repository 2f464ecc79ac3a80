// logdrive produce: the lines of stdin become records, in bounded batches, one request at a time.

import { LogdriveError } from '../core/errors.ts'
import { answerError, type Collector, collectorOf, field, listIn } from './client.ts'
import {
  type Arguments,
  type Command,
  collectorOptions,
  exitCodes,
  type Io,
  onlyPositional,
  usage,
  wholeNumber,
} from './command.ts'
import { escapeForTerminal } from './output.ts'

// Below the collector's limits of 8 MiB and 20,000 records a body.
const batchBytesMax = 2 * 1024 * 1024
const batchLinesMax = 5000
const lineBytesMax = 7 * 1024 * 1024
/** A refusal with Retry-After is tried again this often; nothing was stored, so nothing doubles. */
const triesMax = 10
const waitMsMax = 30_000
const complaintsMax = 20

/** Records are stored in the order of the lines of each key. Exit code 1 when any line was refused. */
export const produce: Command = {
  name: 'produce',
  summary: 'Sends the lines of stdin to a topic',
  usage: 'TOPIC [options] < lines',
  examples: [
    `echo '{"user":"ada","page":"/"}' | logdrive produce page_views --key user`,
    'logdrive produce logs --text < /var/log/syslog',
    'logdrive produce orders --partition 2 --header source:import --header run:7 < orders.ndjson',
  ],
  options: {
    key: { value: 'FIELD', about: 'the field whose value is the record key: the same key keeps its order' },
    partition: { value: 'N', about: 'all to this partition, whatever their keys' },
    header: {
      value: 'NAME:VALUE',
      many: true,
      about: 'a header of every record; may be given more than once',
    },
    text: { about: 'lines are plain text, not JSON: each is sent as a JSON string' },
    url: collectorOptions.url,
    // --key is the record's here, as in every tool that produces.
    'api-key': collectorOptions.key,
    json: { about: 'print the counts as JSON' },
  },
  async run(args, io, signal) {
    const topic = onlyPositional(args, 'topic')
    const sender = new Sender(collectorOf(args, io, 'api-key'), pathOf(topic, args), io, signal)
    try {
      await sendLines(io.stdin, args.has('text'), sender)
    } catch (error) {
      // Stopped by hand: the counts say how far it came.
      if (!signal.aborted) throw error
    }
    await sender.finish(args.has('json'))
    return sender.rejected > 0 || signal.aborted ? exitCodes.failed : exitCodes.good
  },
}

async function sendLines(input: AsyncIterable<Uint8Array>, isText: boolean, sender: Sender): Promise<void> {
  let batch = new Batch()
  for await (const { bytes, line } of linesOf(input)) {
    const record = isText ? Buffer.from(JSON.stringify(bytes.toString('utf8'))) : bytes
    if (!batch.fits(record)) {
      await sender.send(batch)
      batch = new Batch()
    }
    batch.add(record, line)
  }
  if (batch.count > 0) await sender.send(batch)
}

function pathOf(topic: string, args: Arguments): string {
  const query = new URLSearchParams()
  const key = args.text('key')
  if (key !== undefined) query.set('key', key)
  const partition = args.text('partition')
  if (partition !== undefined) query.set('partition', String(wholeNumber(partition, 'partition', 0, 1023)))
  for (const header of args.texts('header')) {
    if (header.indexOf(':') < 1) throw usage(`--header takes NAME:VALUE, not "${header}"`)
    query.append('header', header)
  }
  const path = `/v1/topics/${encodeURIComponent(topic)}/records`
  return query.size === 0 ? path : `${path}?${query}`
}

/** Lines on their way into one request. */
class Batch {
  readonly #pieces: Uint8Array[] = []
  /** The line of stdin behind each record. */
  readonly #lines: number[] = []
  #bytes = 0

  get count(): number {
    return this.#pieces.length
  }

  fits(record: Uint8Array): boolean {
    return this.count === 0 || (this.count < batchLinesMax && this.#bytes + record.length < batchBytesMax)
  }

  add(record: Uint8Array, line: number): void {
    this.#pieces.push(record)
    this.#lines.push(line)
    this.#bytes += record.length + 1
  }

  /** The line of stdin behind the record that is the `position`th of the body, from 1. */
  lineAt(position: number): number {
    return this.#lines[position - 1] ?? 0
  }

  body(): Uint8Array {
    return Buffer.concat(this.#pieces.flatMap((piece) => [piece, newline]))
  }
}

const newline = Buffer.from('\n')

/** Sends batches one behind the other and keeps count. */
class Sender {
  accepted = 0
  rejected = 0
  #someAreText = false
  readonly #collector: Collector
  readonly #path: string
  readonly #io: Io
  readonly #signal: AbortSignal

  constructor(collector: Collector, path: string, io: Io, signal: AbortSignal) {
    this.#collector = collector
    this.#path = path
    this.#io = io
    this.#signal = signal
  }

  async send(batch: Batch): Promise<void> {
    const answer = await this.#persist(batch.body())
    this.accepted += numberIn(answer, 'accepted')
    for (const error of listIn(answer, 'errors')) {
      this.rejected += 1
      if (this.rejected > complaintsMax) continue
      const line = batch.lineAt(numberIn(error, 'line'))
      const message = String(field(error, 'message'))
      this.#someAreText ||= message.startsWith('not JSON')
      await this.#io.stderr.write(`line ${line}: ${escapeForTerminal(message)}\n`)
    }
    if (this.#io.stderr.isRich) await this.#io.stderr.write(`\r${this.accepted} records stored`)
  }

  async finish(json: boolean): Promise<void> {
    const { accepted, rejected } = this
    if (this.#someAreText) await this.#io.stderr.write('lines that are not JSON are sent with --text\n')
    if (this.#io.stderr.isRich) await this.#io.stderr.write('\r\u001b[K')
    if (rejected > complaintsMax) await this.#io.stderr.write(`... ${rejected} lines in all were refused\n`)
    if (json) await this.#io.stdout.write(`${JSON.stringify({ accepted, rejected })}\n`)
    else
      await this.#io.stderr.write(
        `${accepted} records stored${rejected > 0 ? `, ${rejected} refused` : ''}\n`,
      )
  }

  /** Sends until it is stored or refused for good. An unknown outcome is not tried again: it could double. */
  async #persist(body: Uint8Array): Promise<unknown> {
    const request = { method: 'POST', path: this.#path, body, contentType: 'application/x-ndjson' } as const
    for (let tries = 1; ; tries++) {
      const response = await this.#collector.exchange(request, this.#signal).catch((error: unknown) => {
        throw this.#withCount(error)
      })
      const text = Buffer.from(response.body).toString('utf8')
      if (response.status < 300) return JSON.parse(text)
      if (isAllRefused(response.status, text)) return JSON.parse(text)
      const error = answerError(response.status, text, response.headers['retry-after'])
      const waitMs = error.details.retryAfterMs
      if (typeof waitMs !== 'number' || tries >= triesMax) throw this.#withCount(error)
      await pause(Math.min(waitMs, waitMsMax), this.#signal)
    }
  }

  /** The same error, and how much was stored before it. */
  #withCount(error: unknown): unknown {
    if (!(error instanceof LogdriveError)) return error
    const { hint, details } = error
    const message = `${error.message}; ${this.accepted} records were stored before`
    return new LogdriveError(error.code, message, {
      ...(hint === null ? {} : { hint }),
      details,
      cause: error,
    })
  }
}

/** The collector looked at each line and took none: the lines are listed as in a 200. */
function isAllRefused(status: number, text: string): boolean {
  return (status === 422 || status === 413) && text.includes('"errors":[{')
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        reject(signal.reason)
      },
      { once: true },
    )
  })
}

/** Lines with their numbers from 1, without ends; empty ones are left out. A last line needs no newline. */
async function* linesOf(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly bytes: Buffer; readonly line: number }> {
  let rest: Buffer[] = []
  let restBytes = 0
  let line = 1
  for await (const piece of input) {
    let from = 0
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      const tail = chunk.subarray(from, end)
      const bytes = withoutReturn(rest.length === 0 ? tail : Buffer.concat([...rest, tail]))
      if (bytes.length > 0) yield { bytes, line }
      rest = []
      restBytes = 0
      line += 1
      from = end + 1
    }
    if (from < chunk.length) rest.push(chunk.subarray(from))
    restBytes += chunk.length - from
    if (restBytes > lineBytesMax)
      throw new LogdriveError('REQUEST_TOO_LARGE', `line ${line} is over ${lineBytesMax / 1024 / 1024} MiB`)
  }
  const last = withoutReturn(Buffer.concat(rest))
  if (last.length > 0) yield { bytes: last, line }
}

function withoutReturn(bytes: Buffer): Buffer {
  return bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes
}

function numberIn(value: unknown, name: string): number {
  const found = field(value, name)
  return typeof found === 'number' ? found : 0
}
