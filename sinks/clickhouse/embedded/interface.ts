// The ClickHouse HTTP interface over the embedded engine: request in, query run, answer out, as a server does it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip, zstdCompress } from 'node:zlib'
import type { Gate } from '../gate.ts'
import { contentTypeOf, exceptionText, statusOf, summaryText } from './answers.ts'
import { type Body, readBody, wholeBody } from './body.ts'
import { type Engine, EngineError, type EngineResult } from './engine.ts'
import { createInserter, type Inserter } from './insert.ts'
import { createLane } from './lane.ts'
import { type Asked, readAsked } from './request.ts'
import type { Spool } from './spool.ts'
import { readStatement, type Statement } from './statement.ts'

/** Bounds of one request; all in bytes. */
const bodyBytesMax = 256 * 1024 * 1024
const statementBytesMax = 16 * 1024 * 1024
/** An INSERT must name its format within this many bytes: ClickHouse's max_query_size. */
const headBytes = 262_144
/** Statements that work at once; more wait, and past `waitingMax` they are refused with code 202. */
export const queriesMax = 4
export const insertsMax = 2
const waitingMax = 100

export interface InterfaceOptions {
  readonly engine: Engine
  readonly spool: Spool
  /** The database of requests that name none. */
  readonly database: string
}

interface Parts extends InterfaceOptions {
  readonly inserter: Inserter
  readonly reads: Gate
  readonly changes: Gate
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Makes the request handler for node:http. It never throws: every trouble becomes an answer. */
export function createInterface(options: InterfaceOptions): Handler {
  const changes = createLane(insertsMax, waitingMax)
  const reads = createLane(queriesMax, waitingMax)
  const parts: Parts = {
    ...options,
    changes,
    reads,
    inserter: createInserter(options.engine, options.spool, changes),
  }
  return (request, response) => {
    answer(parts, request, response).catch((error: unknown) => refuse(parts, request, response, error))
  }
}

async function answer(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('X-ClickHouse-Server-Display-Name', 'logdrive')
  const asked = readAsked(request, parts.database)
  if (asked.kind === 'text') {
    response.writeHead(asked.status, { 'Content-Type': 'text/html; charset=UTF-8' }).end(asked.text)
    return
  }
  response.setHeader('X-ClickHouse-Query-Id', asked.queryId)
  response.setHeader('X-ClickHouse-Timezone', parts.engine.timezone)
  const body = readBody(request, bodyBytesMax)
  const given = Buffer.from(asked.query, 'utf8')
  const early = given.length > 0 && isDataInsert(readStatement(given.toString('latin1')))
  const head = early ? new Uint8Array(0) : await body.head(headBytes)
  const text = Buffer.concat(
    given.length > 0 && head.length > 0 ? [given, Buffer.from('\n'), head] : [given, head],
  )
  const statement = readStatement(text.toString('latin1'))
  if (statement.kind === 'data') {
    await insert({ parts, asked, statement, body, text, given }, request, response)
    return
  }
  const tail = await wholeBody(body, statementBytesMax)
  const sql =
    asked.query + (given.length > 0 && tail.length > 0 ? '\n' : '') + Buffer.from(tail).toString('utf8')
  await run(parts, asked, sql, response)
}

function isDataInsert(statement: Statement): boolean {
  return statement.kind === 'data'
}

interface Insert {
  readonly parts: Parts
  readonly asked: Asked
  readonly statement: Extract<Statement, { kind: 'data' }>
  readonly body: Body
  /** The query parameter, and behind it what was read of the body. */
  readonly text: Buffer
  readonly given: Buffer
}

async function insert(found: Insert, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { parts, asked, statement, body, text, given } = found
  const inParameter = statement.dataFrom <= given.length
  // In a body that was joined with a parameter, a line end of ours stands between the two.
  const joined = given.length > 0 && text.length > given.length ? given.length + 1 : given.length
  async function* data(): AsyncGenerator<Uint8Array> {
    if (inParameter && statement.dataFrom < given.length) yield given.subarray(statement.dataFrom)
    yield* body.all(inParameter ? 0 : statement.dataFrom - joined)
  }
  const result = await parts.inserter.insert({
    statement,
    sql: text.toString('utf8', 0, statement.dataFrom),
    prelude: asked.prelude,
    database: asked.database,
    data: data(),
    bytesHint: Number(request.headers['content-length'] ?? bodyBytesMax / 4),
  })
  const summary = { resultRows: 0, resultBytes: 0, seconds: result.seconds, writtenBytes: result.bytes }
  response.setHeader('X-ClickHouse-Summary', summaryText({ ...summary, writtenRows: result.rows ?? 0 }))
  response.writeHead(200, { 'Content-Length': 0 }).end()
}

async function run(parts: Parts, asked: Asked, sql: string, response: ServerResponse): Promise<void> {
  const statement = readStatement(sql)
  if (statement.kind === 'invalid') {
    throw new EngineError(statement.code, `Code: ${statement.code}. DB::Exception: ${statement.message}`)
  }
  const read = statement.kind === 'read'
  const format = (read ? statement.format : null) ?? asked.format
  const tag = read ? asked.tag : null
  const request = { prelude: asked.prelude, sql, format, tag }
  const cancel = () => {
    if (read && !response.writableFinished) parts.engine.cancel(asked.tag).catch(() => {})
  }
  response.once('close', cancel)
  try {
    const lane = read ? parts.reads : parts.changes
    const result = await lane(() => runUnlessGone(parts.engine, request, response))
    if (result !== null) await respond(asked, response, format, result)
  } finally {
    response.off('close', cancel)
    if (!read) parts.inserter.forget()
  }
}

/** A reader that left while it waited for its turn is not worth a query. */
async function runUnlessGone(
  engine: Engine,
  request: Parameters<Engine['run']>[0],
  response: ServerResponse,
): Promise<EngineResult | null> {
  if (response.destroyed && request.tag !== null) return null
  return await engine.run(request)
}

async function respond(
  asked: Asked,
  response: ServerResponse,
  format: string,
  result: EngineResult,
): Promise<void> {
  const resultRows = result.rows
  const resultBytes = result.bytes.length
  const facts = { writtenRows: 0, writtenBytes: 0, resultRows, resultBytes, seconds: result.seconds }
  response.setHeader('X-ClickHouse-Summary', summaryText(facts))
  response.setHeader('X-ClickHouse-Format', format)
  response.setHeader('Content-Type', contentTypeOf(format))
  let bytes = result.bytes
  if (asked.packing !== null && bytes.length > 0) {
    bytes = asked.packing === 'gzip' ? await promisify(gzip)(bytes) : await promisify(zstdCompress)(bytes)
    response.setHeader('Content-Encoding', asked.packing)
  }
  response.writeHead(200, { 'Content-Length': bytes.length }).end(bytes)
}

/** Trouble as an answer: ClickHouse's code in a header, its words in the body. */
function refuse(parts: Parts, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const known = error instanceof EngineError
  const message = error instanceof Error ? error.message : String(error)
  const code = known ? error.code : 1001
  // What is left of the body is read and dropped, or the client would never come to read the answer.
  request.on('error', () => {}).resume()
  response.setHeader('X-ClickHouse-Exception-Code', String(code))
  const headers = {
    'Content-Type': 'text/plain; charset=UTF-8',
    ...(request.complete ? {} : { Connection: 'close' }),
  }
  response.writeHead(statusOf(code), headers).end(exceptionText(message, parts.engine.version))
}
