// The two programs of the end-to-end simulation: production code, joined as the real commands join it.
import { z } from 'zod'
import { type Agent, startAgent } from '../../agent/agent.ts'
import { openBroker } from '../../collector/broker/broker.ts'
import { createAgents } from '../../collector/http/agents.ts'
import { batchRoutes } from '../../collector/http/ingest-batches.ts'
import { createKeyring } from '../../collector/http/keys.ts'
import { createByteBudget, defaultIngestLimits } from '../../collector/http/limits.ts'
import { createHandler, defaultHttpLimits } from '../../collector/http/server.ts'
import { openEnvelope } from '../../collector/http/source-envelope.ts'
import { sourceRoutes } from '../../collector/http/sources.ts'
import { createTraffic } from '../../collector/http/traffic.ts'
import { isCode } from '../../core/errors.ts'
import type { EventLog } from '../../core/event-log.ts'
import type { Headers, Http, Runtime } from '../../core/runtime.ts'
import { decodeBatch } from '../../protocol/batch-decode.ts'
import { splitBatches } from '../../protocol/batch-header.ts'
import { openWriter } from '../../sinks/clickhouse/writer.ts'
import { defineSink } from '../../sinks/define.ts'
import { fileSink } from '../../sinks/file/sink.ts'
import { runSinks, type SinkSpec } from '../../sinks/run.ts'
import { type Bug, brokenHttp, brokenLog, brokenStorage } from './bugs.ts'
import type { Program } from './process.ts'
import type { SimulatedWarehouse } from './warehouse.ts'

export const topic = 'web_logs'
export const archive = '/data/archive'
const key = 'key-of-the-fleet'
const port = 8750

/** Broker, ingest over HTTP, and the file sink; ends by its signal or by a failed disk. */
export function collectorProgram(bug: Bug, warehouse: SimulatedWarehouse): Program {
  return async (whole, signal) => {
    const runtime: Runtime = { ...whole, storage: brokenStorage(whole.storage, bug) }
    const config = { partitions: 2, segmentBytes: 16 * 1024, upkeepMs: 700, retentionMs: null }
    await using broker = await openBroker({ folder: '/data/log', config }, runtime)
    const log = brokenLog(broker, bug)
    await using _server = await serveIngest(log, runtime, signal)
    await using sinks = runSinks(log, [archiveSpec, warehouseSpec(warehouse)], runtime, signal)
    const stopped = new Promise<null>((resolve) => {
      if (signal.aborted) resolve(null)
      signal.addEventListener('abort', () => resolve(null), { once: true })
    })
    const failure = await Promise.race([broker.failed, sinks.wait().then(() => null), stopped])
    if (failure !== null) throw failure
  }
}

const archiveSpec: SinkSpec = {
  name: 'archive',
  type: fileSink,
  config: fileSink.config.parse({
    path: `${archive}/{topic}/{partition}/`,
    rotate: { rows: 40, bytes: '64KiB', age: '300ms' },
  }),
  topics: [topic],
  folder: '/data/sinks/archive',
  retryMsMin: 20,
  retryMsMax: 1_000,
}

/** The ClickHouse sink as it is, over a simulated server. */
function warehouseSpec(warehouse: SimulatedWarehouse): SinkSpec {
  const type = defineSink({
    type: 'warehouse',
    config: z.strictObject({}),
    batching: () => ({ rowsMax: 60, bytesMax: 64 * 1024, ageMs: 200 }),
    open: (_config, { name, topics, runtime }, signal) => {
      const options = {
        name,
        topics,
        database: 'logdrive',
        embedded: false,
        ttlMs: null,
        details: () => ({}),
      }
      return openWriter(warehouse.view(runtime), options, runtime, signal)
    },
  })
  const folder = '/data/sinks/warehouse'
  return { name: 'warehouse', type, config: {}, topics: [topic], folder, retryMsMin: 20, retryMsMax: 1_000 }
}

async function serveIngest(log: EventLog, runtime: Runtime, signal: AbortSignal): Promise<AsyncDisposable> {
  const limits = defaultIngestLimits
  const budget = createByteBudget(limits.inFlightBytesMax)
  const ingest = { log, limits, budget, runtime, signal }
  const keyring = createKeyring([{ name: 'fleet', key, allow: ['ship'], origins: [] }])
  const traffic = createTraffic(runtime.clock)
  const routes = [...batchRoutes(ingest, createAgents(runtime.clock)), ...sourceRoutes(log)]
  const options = { routes, keyring, trustedProxies: [], traffic }
  const handler = createHandler(options, runtime)
  return await runtime.http.serve({ host: '0.0.0.0', port }, handler, defaultHttpLimits)
}

/** What the test sees of the agent's inside. */
export interface AgentWatch {
  /** Lines whose batch was answered with 200. */
  readonly acknowledged: Set<string>
  /** The agent of the current incarnation. */
  agent: Agent | null
}

/** The agent with small bounds, so that a short run meets all of them. */
export function agentProgram(bug: Bug, watch: AgentWatch): Program {
  return async (whole, signal) => {
    const http = watched(brokenHttp(whole.http, bug), watch.acknowledged)
    const inputs = [
      {
        name: 'apps',
        paths: ['/logs/*.log'],
        exclude: [],
        topic,
        start: 'beginning' as const,
        lineBytesMax: 65_536,
      },
    ]
    const options = {
      collectors: [`http://collector:${port}`],
      key,
      stateFolder: '/state',
      host: 'web-1',
      inputs,
      limits,
    }
    await using agent = await startAgent(options, { ...whole, http }, signal)
    watch.agent = agent
    await agent.stopped
  }
}

const limits = {
  scanMs: 200,
  hintMs: 20,
  batchBytesMax: 4096,
  batchLinesMax: 64,
  batchesMax: 6,
  openFilesMax: 8,
  requestsMax: 3,
  requestMs: 2_000,
  partialMs: 3_000,
  graceMs: 1_500,
  idleMs: 1_000,
  checkpointMs: 100,
  retryMsMin: 20,
  retryMsMax: 1_000,
  blockedMs: 1_000,
  drainMs: 500,
}

/** Notes the lines of every batch that was answered with 200. */
function watched(http: Http, acknowledged: Set<string>): Http {
  return {
    serve: (address, handler, serverLimits) => http.serve(address, handler, serverLimits),
    async request(request, signal) {
      // Before the request: the agent may use the buffer again as soon as it is answered.
      const batches = batchesOf(request.headers, request.body)
      const answer = await http.request(request, signal)
      if (answer.status !== 200 || batches.length === 0) return answer
      const { results } = JSON.parse(Buffer.from(answer.body).toString())
      for (const [index, lines] of batches.entries()) {
        if (Array.isArray(results) && results[index]?.status !== 200) continue
        for (const line of lines) acknowledged.add(line)
      }
      return answer
    },
  }
}

/** The lines of each batch that is answered by itself. */
function batchesOf(headers: Headers, body: Uint8Array | null): readonly (readonly string[])[] {
  if (body === null) return []
  const isShared = headers['content-type'] === 'application/vnd.logdrive.sources'
  return isShared ? openEnvelope(body).map(({ bytes }) => linesOf(bytes)) : [linesOf(body)]
}

function linesOf(body: Uint8Array): readonly string[] {
  const lines: string[] = []
  for (const placed of splitBatches(body, defaultIngestLimits.batch)) {
    const batch = decodeBatch(body, placed.at, defaultIngestLimits.batch)
    for (let i = 0; i < batch.count; i += 1) {
      const value = batch.bytes.subarray(batch.valueFrom[i], batch.valueTo[i])
      lines.push(Buffer.from(value).toString())
    }
  }
  return lines
}

/** Failures that a process may die of: its disk said no. Everything else is a bug. */
export function isExpected(error: unknown): boolean {
  if (error instanceof SuppressedError) return isExpected(error.error) && isExpected(error.suppressed)
  return isCode(error, 'DISK_FAILED') || isCode(error, 'DISK_FULL')
}
