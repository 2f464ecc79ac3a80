// Whatever is sent or written to a running Logdrive: it says clearly what is wrong, and loses nothing else.
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { activityTopics, type LocalSystem, startSystem } from './local-system.ts'
import { Running, until } from './processes.ts'

const mebibyte = 1024 * 1024
/** Garbage of requests that went before, and noise; far below what the bodies hold. */
const memoryBytesMax = 64 * mebibyte

let system: LocalSystem
beforeAll(async () => {
  system = await startSystem({
    topics: [...activityTopics, 'page_views.dead-letter', 'notes', 'web_logs'],
    more: ({ folder }) => `agent:
  state: ${folder}/agent-state
  inputs:
    nginx: { type: file, paths: ["${folder}/logs/*.log"], topic: web_logs }
`,
  })
  await system.ready()
})
afterAll(async () => {
  await system[Symbol.asyncDispose]()
})

test('a wrong YAML: exit code 78, and where each problem is', async () => {
  const file = join(system.folder, 'wrong.yaml')
  await writeFile(file, 'version: 1\ncollector:\n  http: { listen: 127.0.0.1:99999 }\n  flsh: commit\n')
  await using running = new Running(['up', '-c', file])
  expect(await running.ended()).toBe(78)
  tell('wrong YAML', running.output)
  expect(running.output).toContain(`${file}:3:19 collector.http.listen: `)
  expect(running.output).toContain(`${file}:4:3 collector.flsh: unknown key "flsh"; did you mean "flush"?`)
})

test.each(['caf%C3%A9', 'a%20b', 'a%2Fb', '%2E%2E%2Fetc', 'x'.repeat(250)])(
  'the topic name %s is refused, with the rule',
  async (name) => {
    await betweenGood(async () => {
      const { status, error } = await post(`/v1/topics/${name}/records`, '{}\n')
      tell('topic name', status, error)
      expect(status).toBe(400)
      expect(`${error.message} ${error.hint}`).toMatch(
        /is not a topic name .*A-Z, a-z, 0-9, dot, underscore and hyphen/,
      )
    })
  },
)

test('an event of 70 KiB among good ones: it alone is dropped, and says why', async () => {
  await betweenGood(async () => {
    const site = 'large'
    const events = [click(1), { ...click(2), title: 'x'.repeat(70 * 1024) }, click(3)]
    const { status, body } = await post(
      '/v1/e',
      JSON.stringify({ v: 1, site, source: uuid(), events }),
      'text/plain',
    )
    tell('70 KiB event', status, body)
    expect(status).toBe(200)
    const results = resultsOf(body, events)
    expect(results.map((one) => one?.result)).toEqual(['ok', 'drop', 'ok'])
    expect(results[1]?.details).toBe('event: the event is too large; expected at most 65536 bytes')
    await system.untilAnswer(
      `SELECT count(), uniqExact(event_id) FROM logdrive.clicks WHERE site_id = '${site}' FORMAT TSV`,
      '2\t2',
      10,
    )
  })
})

test('a body of 100 MB: 413 before it is read, and no memory for it', async () => {
  await betweenGood(async () => {
    for (const declared of [true, false]) {
      const grownBytes = await growth(async () => {
        const { status, text, sentBytes } = await sendMuch(100_000_000, declared)
        tell(`100 MB ${declared ? 'declared' : 'chunked'}`, status, text, `${sentBytes} bytes sent`)
        expect(status).toBe(413)
        expect(JSON.parse(text).error).toMatchObject({ code: 'REQUEST_TOO_LARGE' })
        expect(sentBytes).toBeLessThan(50 * mebibyte)
      })
      expect(grownBytes).toBeLessThan(memoryBytesMax)
    }
  })
})

test.each(['gzip', 'zstd'] as const)('a %s bomb: 413, and no memory for it', async (packing) => {
  const zeros = Buffer.alloc(512 * mebibyte)
  const bomb = packing === 'gzip' ? gzipSync(zeros, { level: 9 }) : zstdCompressSync(zeros)
  await betweenGood(async () => {
    const grownBytes = await growth(async () => {
      const { status, error } = await post('/v1/topics/notes/records', bomb, 'application/x-ndjson', packing)
      tell(`${packing} bomb (${bomb.length} bytes)`, status, error)
      expect(status).toBe(413)
      expect(error.message).toMatch(/larger than \d+ bytes/)
    })
    tell(`${packing} bomb: the collector grew by`, `${Math.round(grownBytes / mebibyte)} MiB`)
    expect(grownBytes).toBeLessThan(memoryBytesMax)
  })
})

test('an event that is not one, among good ones: its own result, and a dead letter with its bytes', async () => {
  await betweenGood(async () => {
    const site = 'malformed'
    const bad = { ...click(2), type: 'klick', title: 'the bad one' }
    const events = [click(1), bad, click(3)]
    const text = JSON.stringify({ v: 1, site, source: uuid(), events })
    const { status, body } = await post('/v1/e', text, 'text/plain')
    tell('malformed event', status, body)
    const results = resultsOf(body, events)
    expect(results[1]?.details).toMatch(/^type: the type is unknown; expected page_view \| click/)
    expect(results.map((one) => one?.result)).toEqual(['ok', 'drop', 'ok'])
    await system.untilAnswer(`SELECT count() FROM logdrive.clicks WHERE site_id = '${site}'`, '2', 10)
    const letters = await deadLetters()
    tell(
      'its dead letter',
      letters.find((letter) => letter.includes('the bad one')),
    )
    expect(letters.filter((letter) => letter.includes('the bad one'))).toHaveLength(1)
  })
})

test('broken lines of NDJSON among good ones: their numbers and faults; the rest is stored', async () => {
  await betweenGood(async () => {
    const lines = [
      '{"body":"ndjson 1"}',
      '{"body":',
      'x',
      '{"body":"ndjson 4"}',
      `{"body":"${'y'.repeat(70_000)}"}`,
    ]
    const { status, body } = await post('/v1/topics/notes/records', lines.join('\n'))
    tell('broken NDJSON', status, body)
    expect(body).toMatchObject({ accepted: 2, rejected: 3 })
    expect((body.errors as { line: number }[]).map(({ line }) => line)).toEqual([2, 3, 5])
    await system.untilAnswer(`SELECT count() FROM logdrive.notes WHERE startsWith(body, 'ndjson ')`, '2', 10)
    const none = await post('/v1/topics/notes/records', '{"a":\n')
    tell('only a broken line', none.status, none.body)
    expect(none.status).toBe(422)
  })
})

test('a row that ClickHouse refuses: a dead letter with the reason, the rows beside it are stored', async () => {
  await betweenGood(async () => {
    const row = (event_id: string, more = {}) =>
      JSON.stringify({ event_id, site_id: 'refused', url: '/', ...more })
    const rows = [row(uuid()), row('no uuid at all'), row(uuid(), { screen_width: 'wide' }), row(uuid())]
    const { status } = await post('/v1/topics/page_views/records', rows.join('\n'))
    expect(status).toBe(200)
    await system.untilAnswer(`SELECT count() FROM logdrive.page_views WHERE site_id = 'refused'`, '2', 20)
    const letters = await until('two dead letters', 20, async () => {
      const found = await tail('page_views.dead-letter')
      return found.length >= 2 ? found : null
    })
    const reasons = letters.map(({ headers }) => headers['ld-reason'])
    tell('rows refused', ...reasons)
    expect(letters).toHaveLength(2)
    expect(JSON.stringify(letters)).toContain('no uuid at all')
    expect(reasons[0]).toMatch(/^Code 376 \(CANNOT_PARSE_UUID\): .*event_id\)$/)
    expect(reasons[1]).toMatch(/screen_width\)$/)
    const { sinks } = (await (await fetch(`${system.url}/v1/status`)).json()) as {
      sinks: { refused: number }[]
    }
    expect(sinks[0]?.refused).toBe(2)
  })
})

test('a line that is not UTF-8 stands in ClickHouse byte by byte', async () => {
  const line = Buffer.from([0x61, 0xff, 0xfe, 0x00, 0x09, 0x5c, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x27, 0x62])
  const log = join(system.folder, 'logs', 'bytes.log')
  await writeFile(log, Buffer.concat([Buffer.from('good one\n'), line, Buffer.from('\ngood two\n')]))
  const query = `SELECT groupArray(hex(body)) FROM (SELECT body FROM logdrive.web_logs WHERE source = '${log}' ORDER BY _offset) FORMAT JSONCompactEachRow`
  const hexes = [Buffer.from('good one'), line, Buffer.from('good two')].map((bytes) =>
    bytes.toString('hex').toUpperCase(),
  )
  await system.untilAnswer(query, JSON.stringify([hexes]), 15)
})

test('a line of 5 MB is cut at 1 MiB on a character, marked with its length; its neighbours are whole', async () => {
  const log = join(system.folder, 'logs', 'long.log')
  const long = `x${'é'.repeat(2_500_000)}`
  await writeFile(log, `before\n${long}\nafter\n`)
  await appendFile(log, 'and one more\n')
  const query = `SELECT groupArray(body) FROM (SELECT if(length(body) < 100, body, concat(toString(length(body)), ' ', toString(isValidUTF8(body)))) AS body
    FROM logdrive.web_logs WHERE source = '${log}' ORDER BY _offset) FORMAT JSONCompactEachRow`
  await system.untilAnswer(
    query,
    JSON.stringify([['before', `${mebibyte - 1} 1`, 'after', 'and one more']]),
    20,
  )
  const records = await tail('web_logs')
  const marks = records.flatMap(({ headers }) => headers['ld-truncated'] ?? [])
  tell('line of 5 MB', marks)
  expect(marks).toEqual([String(Buffer.byteLength(long))])
})

/** A good record before and one after; both are rows, once. */
async function betweenGood(bad: () => Promise<void>): Promise<void> {
  const id = uuid()
  const good = async (when: string) => {
    const { status } = await post('/v1/topics/notes/records', `{"body":"${when} ${id}"}\n`)
    expect(status).toBe(200)
  }
  await good('before')
  await bad()
  await good('after')
  await system.untilAnswer(
    `SELECT count(), uniqExact(body) FROM logdrive.notes WHERE endsWith(body, '${id}') FORMAT TSV`,
    '2\t2',
    15,
  )
  expect(system.running.exited).toBe(false)
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly error: { readonly code?: string; readonly message?: string; readonly hint?: string }
}

async function post(
  path: string,
  body: string | Uint8Array,
  type = 'application/x-ndjson',
  packing = 'identity',
): Promise<Answer> {
  const headers = { 'content-type': type, 'content-encoding': packing }
  const response = await fetch(`${system.url}${path}`, { method: 'POST', headers, body })
  const answer = (await response.json()) as Record<string, unknown>
  return { status: response.status, body: answer, error: (answer.error ?? {}) as Answer['error'] }
}

/** The results of events, in their order. */
function resultsOf(body: Answer['body'], events: readonly Record<string, unknown>[]) {
  const results = body.results as Record<string, { result: string; details?: string }>
  return events.map(({ id }) => results[String(id)])
}

interface Tailed {
  readonly headers: Readonly<Record<string, string>>
  readonly value: unknown
}

/** All records of a topic, as the collector shows them. */
async function tail(topic: string): Promise<Tailed[]> {
  const response = await fetch(`${system.url}/v1/tail?topic=${topic}&from=beginning`)
  expect(response.status).toBe(200)
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '))
  return lines.map((line) => JSON.parse(line.slice('data: '.length)))
}

/** The dead letters of all activity topics, as text. */
async function deadLetters(): Promise<string[]> {
  const { topics } = (await (await fetch(`${system.url}/v1/topics`)).json()) as { topics: { name: string }[] }
  const names = topics.map(({ name }) => name).filter((name) => name.endsWith('.dead-letter'))
  const letters = await Promise.all(names.map(tail))
  return letters.flat().map((letter) => JSON.stringify(letter))
}

function click(n: number): Record<string, unknown> {
  return {
    id: uuid(),
    n,
    type: 'click',
    ts: Date.now(),
    page_view_id: uuid(),
    url: 'http://shop/',
    title: '',
    props: {},
  }
}

function uuid(): string {
  return crypto.randomUUID()
}

/** How far the collector's memory rises above what it was, while `work` runs. */
async function growth(work: () => Promise<void>): Promise<number> {
  const { pid } = system.running
  // Sets the peak (VmHWM) back to what is used now.
  await writeFile(`/proc/${pid}/clear_refs`, '5')
  const before = await memory(pid, 'VmRSS')
  await work()
  return (await memory(pid, 'VmHWM')) - before
}

async function memory(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024
}

/** Sends zeros until there is an answer. */
function sendMuch(
  bytes: number,
  declared: boolean,
): Promise<{ status: number; text: string; sentBytes: number }> {
  return new Promise((resolve, reject) => {
    const chunk = Buffer.alloc(64 * 1024, 0x20)
    let sentBytes = 0
    let done = false
    const length = declared ? { 'content-length': String(bytes) } : {}
    const sending = request(`${system.url}/v1/topics/notes/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', ...length },
    })
    sending.on('response', (response) => {
      done = true
      let text = ''
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece
      })
      response.on('end', () => {
        sending.destroy()
        resolve({ status: response.statusCode ?? 0, text, sentBytes })
      })
    })
    sending.on('error', (error) => {
      if (!done) reject(error)
    })
    const write = () => {
      while (!done && sentBytes < bytes) {
        sentBytes += chunk.length
        if (!sending.write(chunk)) {
          sending.once('drain', write)
          return
        }
      }
      sending.end()
    }
    write()
  })
}

/** What a person would have seen; printed for the table of messages. */
function tell(what: string, ...seen: unknown[]): void {
  const text = seen.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(' ')
  console.info(`${what}: ${text.slice(0, 1_500)}`)
}
