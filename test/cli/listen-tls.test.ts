// The TLS files of the Kafka listener: renewed while it runs, never half, and told of before they run out.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readListenTls, watchListenTls } from '../../cli/listen-tls.ts'
import { configSchema } from '../../config/schema.ts'
import type { ListenTls } from '../../core/runtime.ts'
import { makeCertificates } from '../interop/certificates.ts'
import { ManualClock } from '../sim/clock.ts'
import { MemoryLogger } from '../sim/logger.ts'

const folder = mkdtempSync(join(tmpdir(), 'logdrive-kafka-tls-'))
let first: ListenTls
let second: ListenTls

beforeAll(async () => {
  const { server, client } = await makeCertificates(folder)
  const pair = ({ cert, key }: typeof server): ListenTls => ({
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
    clientCa: null,
    clientAuth: 'none',
  })
  first = pair(server)
  second = pair(client)
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true }))

/** Watches; `files` is what the disk holds. */
function watch(files: { now: ListenTls }, clock = new ManualClock(Date.now())) {
  const stop = new AbortController()
  const logger = new MemoryLogger()
  const shown: ListenTls[] = []
  const watching = watchListenTls(
    () => files.now,
    (tls) => shown.push(tls),
    { clock, logger, listener: 'kafka' },
    stop.signal,
  )
  const messages = () => logger.lines.map((line) => line.message)
  const end = async () => {
    stop.abort()
    await watching
  }
  return { clock, shown, messages, end }
}

test('a renewed pair is handed out once, an unchanged one never', async () => {
  const files = { now: first }
  const { clock, shown, end } = watch(files)
  await clock.advance(60_000)
  expect(shown).toEqual([])
  files.now = second
  await clock.advance(60_000)
  await clock.advance(60_000)
  expect(shown).toEqual([second])
  await end()
})

test('a certificate whose key is not there yet waits for it', async () => {
  const files = { now: first }
  const { clock, shown, messages, end } = watch(files)
  files.now = { ...first, cert: second.cert }
  await clock.advance(60_000)
  files.now = { ...first, cert: 'half a fi' }
  await clock.advance(60_000)
  expect(shown).toEqual([])
  expect(messages().filter((message) => message.includes('the old ones count')).length).toBe(2)
  files.now = second
  await clock.advance(60_000)
  expect(shown).toEqual([second])
  await end()
})

test('what runs out soon, or has, is said', async () => {
  const inDays = (days: number) => new ManualClock(Date.now() + days * 24 * 60 * 60 * 1000)
  for (const [days, expected] of [
    [0, ['the certificate of a listener runs out soon']],
    [8, ['the certificate of a listener has run out']],
    [-30, []],
  ] as const) {
    const { messages, end } = watch({ now: first }, inDays(days))
    expect(messages()).toEqual(expected)
    await end()
  }
})

test('files are read from where the YAML says, a missing one by its key', () => {
  const config = (cert: string) => {
    const kafka = { tls: { cert, key: join(folder, 'server.key') } }
    const parsed = configSchema([]).parse({ version: 1, collector: { kafka } })
    if (parsed.collector.kafka === undefined || parsed.collector.kafka === 'off') throw new Error('off')
    return parsed.collector.kafka
  }
  expect(readListenTls(config(join(folder, 'server.pem')).tls, 'collector.kafka.tls')).toEqual(first)
  expect(() => readListenTls(config(join(folder, 'gone.pem')).tls, 'collector.kafka.tls')).toThrow(
    'collector.kafka.tls.cert',
  )
})
