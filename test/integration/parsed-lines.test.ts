// Lines that the agent parses, through the real collector into the embedded ClickHouse: each once, each in its columns.
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Agent, startAgent } from '../../agent/agent.ts'
import type { FileInput } from '../../agent/options.ts'
import type { ParseOptions } from '../../agent/parse/options.ts'
import { generateLine } from '../../cli/demo-log.ts'
import { type Broker, openBroker } from '../../collector/broker/broker.ts'
import type { RunningSinks } from '../../sinks/run.ts'
import { serviceOf } from '../collector/http/fixture.ts'
import { roomyLimits } from '../conformance/http.ts'
import { SeededRandom } from '../sim/random.ts'
import { runtime, until, warehouse } from '../sinks/clickhouse/start.ts'

const never = new AbortController().signal

function input(folder: string, name: string, parse?: ParseOptions): FileInput {
  const paths = [join(folder, 'logs', `${name}.log*`)]
  const base = { name, paths, exclude: [], topic: name, start: 'beginning' as const, lineBytesMax: 2 ** 20 }
  return parse === undefined ? base : { ...base, parse }
}

async function serveBroker(broker: Broker) {
  const service = serviceOf(broker, runtime)
  return await runtime.http.serve({ host: '127.0.0.1', port: 0 }, service.handler, roomyLimits)
}

async function ask(sinks: RunningSinks, sql: string): Promise<readonly Record<string, unknown>[]> {
  const url = sinks.status()[0]?.details?.url
  const answer = await fetch(String(url), { method: 'POST', body: `${sql} FORMAT JSONEachRow` }).catch(
    () => null,
  )
  if (answer?.status !== 200) return []
  const text = (await answer.text()).trim()
  return text === '' ? [] : text.split('\n').map((line): Record<string, unknown> => JSON.parse(line))
}

async function counted(sinks: RunningSinks, table: string, rows: number): Promise<void> {
  await until(async () => {
    const [found] = await ask(sinks, `SELECT toUInt32(count()) AS n FROM ${table}`)
    return Number(found?.n ?? 0) >= rows
  }, 120_000)
}

test('parsed and raw lines are there once, in order, with their fields, through restarts and a rotation', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'logdrive-parsed-'))
  await mkdir(join(folder, 'logs'))
  const log = (name: string) => join(folder, 'logs', `${name}.log`)
  const topics = ['web', 'app', 'raw']
  {
    await using broker = await openBroker({ folder: join(folder, 'log'), config: { partitions: 2 } }, runtime)
    await using server = await serveBroker(broker)
    await using sinks = warehouse(broker, folder, topics, 700)
    const start = (): Promise<Agent> =>
      startAgent(
        {
          collectors: [`http://127.0.0.1:${server.address.port}`],
          key: null,
          stateFolder: join(folder, 'state'),
          host: 'web-1',
          inputs: [
            input(folder, 'web', { type: 'nginx', keepRaw: true }),
            input(folder, 'app', { type: 'json', keepRaw: true }),
            input(folder, 'raw'),
          ],
          limits: { scanMs: 50, hintMs: 10, partialMs: 300, batchBytesMax: 64 * 1024 },
        },
        runtime,
        never,
      )
    const dice = new SeededRandom(7)
    const written: string[] = []
    for (let n = 0; n < 3000; n += 1) {
      written.push(
        n % 500 === 13 ? `no access line ${n} {"}` : generateLine(dice, Date.UTC(2026, 10, 21, 6, 0, n)),
      )
    }
    const odd = Buffer.from([0x7b, 0xff, 0xfe, 0x7d])
    const app = [
      '{"ts":"2026-11-21T06:00:00.123456789Z","level":"error","msg":"a } {\\"b\\" 🦊","n":1.5,"ok":true,"trace_id":"t1","req":{"path":"/x"}}',
      '{"msg":"no time","__proto__":{"x":1}}',
      '{"broken":',
      '{"a":1}{"b":2}',
      '',
    ]
    await writeFile(log('app'), Buffer.concat([Buffer.from(`${app.join('\n')}\n`), odd, Buffer.from('\n')]))
    await writeFile(log('raw'), '{"status":200,"body":"not parsed"}\nplain\n')
    let agent = await start()
    for (let part = 0; part < 6; part += 1) {
      await appendFile(log('web'), `${written.slice(part * 500, part * 500 + 500).join('\n')}\n`)
      if (part === 1 || part === 4) {
        await agent[Symbol.asyncDispose]()
        agent = await start()
      }
      if (part === 2) await rename(log('web'), `${log('web')}.1`)
    }
    await counted(sinks, 'web', written.length)
    await counted(sinks, 'app', app.length + 1)
    await counted(sinks, 'raw', 2)

    const [web] = await ask(
      sinks,
      `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(_partition, _offset)) AS places, toUInt32(uniqExact(body)) AS lines,
        toUInt32(countIf(attrs_number['status'] > 0 AND attrs_string['path'] || attrs_string['request'] != '')) AS requests,
        toUInt32(countIf(attrs_string['parse_error'] = 'not_the_format')) AS unparsed, any(host) AS host, any(source) LIKE '%web.log%' AS source FROM web`,
    )
    const without = written.filter((line) => line.includes('"" 400')).length
    expect(web).toEqual({
      rows: 3000,
      places: 3000,
      lines: new Set(written).size,
      requests: 3000 - 6 - without,
      unparsed: 6,
      host: 'web-1',
      source: 1,
    })
    expect((await ask(sinks, 'SELECT body FROM web ORDER BY ts')).length).toBe(3000)
    const bodies = await ask(sinks, "SELECT body FROM web WHERE attrs_string['parse_error'] = '' ORDER BY ts")
    expect(bodies.map(({ body }) => body)).toEqual(written.filter((line) => !line.startsWith('no access')))

    const rows = await ask(
      sinks,
      'SELECT ts, severity_text, severity_number, body, trace_id, attrs_string, attrs_number, attrs_bool FROM app ORDER BY _partition, _offset',
    )
    expect(rows[0]).toEqual({
      ts: '2026-11-21 06:00:00.123456789',
      severity_text: 'error',
      severity_number: 17,
      body: app[0],
      trace_id: 't1',
      attrs_string: { msg: 'a } {"b" 🦊', 'req.path': '/x' },
      attrs_number: { n: 1.5 },
      attrs_bool: { ok: true },
    })
    expect(rows[1]).toMatchObject({ attrs_string: { msg: 'no time' }, attrs_number: { '__proto__.x': 1 } })
    expect(rows.slice(2).map(({ body, attrs_string }) => [body, attrs_string])).toEqual([
      ['{"broken":', { parse_error: 'not_json' }],
      ['{"a":1}{"b":2}', { parse_error: 'not_json' }],
      ['', { parse_error: 'not_a_json_object' }],
      ['{\ufffd\ufffd}', { parse_error: 'not_utf8', body_base64: odd.toString('base64') }],
    ])
    // Without a parser a line that looks like JSON is a line.
    expect(await ask(sinks, 'SELECT body, attrs_string FROM raw ORDER BY _partition, _offset')).toEqual([
      { body: '{"status":200,"body":"not parsed"}', attrs_string: {} },
      { body: 'plain', attrs_string: {} },
    ])
    expect(sinks.status()[0]?.refused).toBe(0)
    const parsing = agent.status().parsing
    expect(parsing.web?.lines).toBeGreaterThan(0)
    await agent[Symbol.asyncDispose]()
  }
  await rm(folder, { recursive: true })
})
