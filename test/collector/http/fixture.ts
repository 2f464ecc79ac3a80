// A collector's HTTP interface on a free port, over the real broker on a temporary folder.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, openBroker } from '../../../collector/broker/broker.ts'
import { defaultIngestLimits } from '../../../collector/http/limits.ts'
import { defaultHttpLimits } from '../../../collector/http/server.ts'
import { createService, type HttpService, type ServiceOptions } from '../../../collector/http/service.ts'
import type { HttpLimits, Runtime } from '../../../core/runtime.ts'
import { encodeLines } from '../../../protocol/batch-encode.ts'
import type { Codec } from '../../../protocol/compression.ts'
import { nodeRuntime } from '../../../runtime/node.ts'
import { batchHeaders } from '../../batch-headers.ts'

export interface Collector extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly broker: Broker
  readonly service: HttpService
  /** Sends a request; a string body goes as JSON unless `headers` say otherwise. */
  send(method: string, path: string, init?: SendInit): Promise<Answer>
  /** The records of a topic, as its tail shows them. */
  records(topic: string): Promise<readonly ShownRecord[]>
}

export interface SendInit {
  readonly body?: string | Uint8Array | undefined
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: AnswerBody
}

/** What tests look into, of any answer; an answer has some of it. */
export interface AnswerBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string }
  readonly http: { readonly open_requests: number; readonly in_flight_bytes: number }
  readonly losses: { readonly totals: readonly unknown[] }
  readonly topics: readonly { readonly name: string }[]
  readonly groups: readonly {
    readonly lag_records: number
    readonly lag_ms: number
    readonly partitions: readonly { readonly offset: number; readonly end_offset: number }[]
  }[]
  readonly partitions: readonly {
    readonly partition: number
    readonly from: number | null
    readonly to: number
  }[]
  readonly configs: readonly { readonly name: string; readonly value: string; readonly source: string }[]
  readonly agents: readonly unknown[]
  readonly results: Readonly<Record<string, unknown>>
  readonly offsets: readonly { readonly partition: number }[]
  readonly duplicate: boolean
  readonly missing: readonly unknown[]
  readonly paths: Readonly<Record<string, object>>
  readonly id: unknown
  readonly sinks: unknown
  readonly lag_records: unknown
  readonly positions: unknown
  readonly accepted: unknown
  readonly errors: unknown
}

export interface ShownRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: string
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly value: unknown
  readonly value_base64?: string
}

export interface CollectorOptions extends Partial<ServiceOptions> {
  readonly http?: Partial<HttpLimits>
  /** The same data as another collector's. */
  readonly folder?: string
}

/** The HTTP interface of a broker, without keys unless told otherwise. */
export function serviceOf(
  broker: Broker,
  runtime: Runtime,
  options: Partial<ServiceOptions> = {},
): HttpService {
  return createService(
    {
      log: broker,
      admin: broker,
      keys: [],
      trustedProxies: [],
      limits: defaultIngestLimits,
      statics: new Map(),
      version: '0.0.0-test',
      sinks: () => [],
      kafka: () => ({ address: null, reason: 'off' }),
      checks: [],
      ...options,
    },
    runtime,
  )
}

/** Starts a collector without keys unless told otherwise. */
export async function startCollector(options: CollectorOptions = {}): Promise<Collector> {
  const runtime = nodeRuntime({ level: 'silent' })
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'logdrive-http-')))
  const broker = await openBroker({ folder, config: {} }, runtime)
  const service = serviceOf(broker, runtime, options)
  const limits = { ...defaultHttpLimits, ...options.http }
  const server = await runtime.http.serve({ host: '127.0.0.1', port: 0 }, service.handler, limits)
  const { port } = server.address
  const url = `http://127.0.0.1:${port}`
  const send = (method: string, path: string, init: SendInit = {}) => request(url, method, path, init)
  return {
    url,
    port,
    broker,
    service,
    send,
    async records(topic) {
      return parseTail((await send('GET', `/v1/tail?topic=${topic}`)).text)
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await broker[Symbol.asyncDispose]()
      if (options.folder === undefined) await rm(folder, { recursive: true })
    },
  }
}

async function request(url: string, method: string, path: string, init: SendInit): Promise<Answer> {
  const type = init.body === undefined ? {} : { 'content-type': 'application/json' }
  const headers = { ...type, ...init.headers }
  const response = await fetch(url + path, { method, headers, body: init.body ?? null, redirect: 'manual' })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  const json = isJson && text !== '' ? JSON.parse(text) : null
  return { status: response.status, headers: response.headers, text, json }
}

/** The data of server-sent events. */
export function parseTail(text: string): readonly ShownRecord[] {
  const lines = text.split('\n').filter((line) => line.startsWith('data: '))
  return lines.map((line) => JSON.parse(line.slice(6)) as ShownRecord)
}

export interface BatchFacts {
  readonly source: string
  readonly epoch?: number
  readonly from: number
  readonly to: number
}

/** A batch of lines as an agent encodes it. */
export function agentBatch(lines: readonly string[], facts: BatchFacts, codec: Codec = 'zstd'): Uint8Array {
  const bytes = Buffer.from(`${lines.join('\n')}\n`)
  let end = -1
  const ends = lines.map((line) => {
    end += Buffer.byteLength(line) + 1
    return end
  })
  const header = (key: string, value: string) => ({ key, value: Buffer.from(value) })
  const firstHeaders = [
    header('ld-source', facts.source),
    header('ld-epoch', String(facts.epoch ?? 0)),
    header('ld-from', String(facts.from)),
    header('ld-to', String(facts.to)),
    header('ld-host', 'web-1'),
    header('ld-path', '/var/log/app.log'),
  ]
  return encodeLines({
    bytes,
    ends,
    count: lines.length,
    timestampMs: 1_700_000_000_000,
    codec,
    firstHeaders,
  })
}

/** The headers of an agent's request. */
export function agentHeaders(facts: BatchFacts, gap = false): Readonly<Record<string, string>> {
  return {
    ...batchHeaders({ epoch: 0, ...facts }),
    'logdrive-agent': 'agent-1',
    ...(gap ? { 'logdrive-gap': 'true' } : {}),
  }
}
