// The writing half of the ClickHouse sink, over any Warehouse: exactly once by token and read-back, bad rows peeled off.
import assert from 'node:assert/strict'
import { LogdriveError } from '../../core/errors.ts'
import type { Batch } from '../../core/event-log.ts'
import type { Refusal } from '../../core/flow.ts'
import type { Runtime } from '../../core/runtime.ts'
import type { OpenSink } from '../define.ts'
import { keepRows, type RowsBody } from './body-builder.ts'
import { quoteIdentifier } from './embedded/statement.ts'
import { asSinkError, badRow, mayBeBrokenJson, reasonOf, verdictOf } from './failures.ts'
import { createGate } from './gate.ts'
import { type BatchRows, logOf, type Reading, readRefused, readRows } from './rows.ts'
import { knownSettings, tokenSetting } from './settings.ts'
import { createDatabaseSql, createTableSql, type TableOptions, tableOf } from './tables.ts'
import type { Settings, Warehouse } from './warehouse.ts'

export interface WriterOptions extends TableOptions {
  /** The sink's name in the YAML: part of every token. */
  readonly name: string
  /** Topics whose tables are made at once; others follow with their first batch. */
  readonly topics: readonly string[]
  /** Facts for `logdrive status`. */
  details(): ReturnType<OpenSink['details']>
}

/** Batches that are built and sent at once: each holds its rows in memory. */
const writesMax = 4
/** Bad rows that are taken out one by one, the rest resent whole; past it the batch is halved. */
const peelsMax = 16
/** More than these and more than half of the batch: that is no bad row, that is another schema. Pause. */
const refusedRowsMax = 200
/** Half of the shortest deduplication window: a replicated table forgets tokens after 3600 s. */
const tokenTrustMs = 1_800_000
const reasonLengthMax = 500
/** How often missing rows are looked for, and how long a block on its way gets first. */
const holeRoundsMax = 4
const settleMs = 500

/** Makes database and tables, asks the server what it can do, and gives the sink. The warehouse is the sink's then. */
export async function openWriter(
  warehouse: Warehouse,
  options: WriterOptions,
  runtime: Pick<Runtime, 'clock' | 'logger'>,
  signal: AbortSignal,
): Promise<OpenSink> {
  try {
    await warehouse.command(createDatabaseSql(options.database), signal)
    const settings = await knownSettings(warehouse, signal)
    const writer = new Writer(warehouse, options, settings, runtime)
    for (const topic of options.topics) await writer.ensureTable(topic, signal)
    return writer
  } catch (error) {
    throw asSinkError(error, options.database)
  }
}

/** Rows of one kind on their way: what names them, and where refusals go. */
interface Work {
  readonly table: string
  readonly token: string
  /** Refused offsets and why. */
  readonly reasons: Map<number, string>
  readonly rowsOfBatch: number
}

class Writer implements OpenSink {
  readonly #warehouse: Warehouse
  readonly #options: WriterOptions
  readonly #settings: Settings
  readonly #runtime: Pick<Runtime, 'clock' | 'logger'>
  readonly #gate = createGate(writesMax)
  readonly #tables = new Set<string>()
  /** First offset of the batch whose last try failed, by topic and partition: what it left is not known. */
  readonly #failed = new Map<string, number>()

  constructor(
    warehouse: Warehouse,
    options: WriterOptions,
    settings: Settings,
    runtime: Pick<Runtime, 'clock' | 'logger'>,
  ) {
    this.#warehouse = warehouse
    this.#options = options
    this.#settings = settings
    this.#runtime = runtime
  }

  details() {
    return this.#options.details()
  }

  async write(batch: Batch, signal: AbortSignal): Promise<readonly Refusal[]> {
    const place = `${batch.topic}/${batch.partition}`
    try {
      const refusals = await this.#gate(() => this.#write(batch, signal))
      this.#failed.delete(place)
      return refusals
    } catch (error) {
      this.#failed.set(place, batch.firstOffset)
      // Someone dropped it while we ran: made again by the next try.
      if (verdictOf(error) === 'table') this.#tables.delete(tableOf(batch.topic))
      throw asSinkError(error, tableOf(batch.topic))
    }
  }

  async ensureTable(topic: string, signal: AbortSignal): Promise<void> {
    const table = tableOf(topic)
    if (this.#tables.has(table)) return
    await this.#warehouse.command(createDatabaseSql(this.#options.database), signal)
    await this.#warehouse.command(createTableSql(topic, this.#options), signal)
    this.#tables.add(table)
  }

  async #write(batch: Batch, signal: AbortSignal): Promise<readonly Refusal[]> {
    signal.throwIfAborted()
    await this.ensureTable(batch.topic, signal)
    // The engine parses all rows anyway: doing it here too would cost more than all else that is done here.
    const trusted = await this.#writeAs('trusting', batch, signal)
    if (trusted !== null) return trusted
    const parsed = await this.#writeAs('parsing', batch, signal)
    assert(parsed !== null)
    return parsed
  }

  /** Null when JSON that nobody parsed may have failed the insert: nothing of the batch was inserted then. */
  async #writeAs(reading: Reading, batch: Batch, signal: AbortSignal): Promise<readonly Refusal[] | null> {
    const rows = await readRows(batch, reading, signal)
    const isDoubtful = this.#isDoubtful(batch)
    const there = isDoubtful ? await this.#alreadyThere(batch, signal) : new Set<number>()
    const table = tableOf(batch.topic)
    const reasons = new Map([...rows.refused].filter(([offset]) => !there.has(offset)))
    for (const body of rows.bodies) {
      const token = [tokenOf(this.#options.name, batch, table), body.format].join(':')
      const missing =
        there.size === 0 ? body : keepRows(body, (index) => !there.has(body.offsets[index] as number))
      const whole = missing.ends.length === body.ends.length
      const work = {
        table,
        reasons,
        rowsOfBatch: rows.count,
        token: whole ? token : partToken(token, missing),
      }
      if (rows.unparsed === 0) await this.#insertAll(missing, work, signal)
      else if (!(await this.#insertWhole(missing, work, signal))) return null
    }
    if (isDoubtful && !(await this.#fillHoles(batch, rows, reasons, signal))) return null
    return [...rows.unreadable, ...(await readRefused(batch, reasons, signal))]
  }

  /** One try, no peeling: false when the rows have to be parsed first. */
  async #insertWhole(body: RowsBody, work: Work, signal: AbortSignal): Promise<boolean> {
    if (body.ends.length === 0) return true
    try {
      return (await this.#tryInsert(body, work, signal)) === null
    } catch (error) {
      if (mayBeBrokenJson(error)) return false
      throw error
    }
  }

  /** A try before this one may have left something, or the token may be forgotten: then a token is no proof. */
  #isDoubtful(batch: Batch): boolean {
    const age = this.#runtime.clock.now() - batch.plannedAt
    const hasFailed = this.#failed.get(`${batch.topic}/${batch.partition}`) === batch.firstOffset
    return batch.recovered || hasFailed || age >= tokenTrustMs
  }

  /**
   * A server that was killed may remember the token of a block whose rows it lost (it writes the token first): it
   * says yes to the repeated insert and keeps nothing. So what is missing afterwards goes in under another token,
   * after a moment for a block that is still on its way. False when rows have to be parsed first.
   */
  async #fillHoles(
    batch: Batch,
    rows: BatchRows,
    reasons: Map<number, string>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const table = tableOf(batch.topic)
    for (let round = 0; round < holeRoundsMax; round += 1) {
      const there = await this.#alreadyThere(batch, signal)
      const isHole = (offset: number) => !there.has(offset) && !reasons.has(offset)
      const holes = rows.bodies
        .map((body) => keepRows(body, (index) => isHole(body.offsets[index] as number)))
        .filter((body) => body.ends.length > 0)
      if (holes.length === 0) return true
      const { topic, partition } = batch
      this.#runtime.logger.warn(
        { topic, partition, round },
        'rows are missing behind a token; inserting them',
      )
      if (round === 0) await this.#runtime.clock.sleep(settleMs, signal)
      else if (rows.unparsed > 0 && round > 1) return false
      for (const body of round === 0 ? [] : holes) {
        const again = `${tokenOf(this.#options.name, batch, table)}:${body.format}:${this.#runtime.clock.now()}`
        const work = {
          table,
          reasons,
          rowsOfBatch: rows.count,
          token: partToken(again, body),
        }
        if (rows.unparsed > 0) await this.#insertWhole(body, work, signal)
        else await this.#insertAll(body, work, signal)
      }
    }
    throw new LogdriveError('SINK_FAILED', `rows of a batch do not stay in ${table}`)
  }

  /**
   * The offsets of the batch that the table holds already. One block over several table partitions can be half there (6 of 60
   * kills), so the rows that are missing are inserted, not none and not all.
   */
  async #alreadyThere(batch: Batch, signal: AbortSignal): Promise<ReadonlySet<number>> {
    const table = `${quoteIdentifier(this.#options.database)}.${quoteIdentifier(tableOf(batch.topic))}`
    const where =
      '_log = {log:String} AND _topic = {topic:String} AND _partition = {partition:UInt16} ' +
      'AND _offset BETWEEN {first:UInt64} AND {last:UInt64}'
    const { topic, partition, firstOffset: first, lastOffset: last } = batch
    const parameters = { log: logOf(batch), topic, partition, first, last }
    const found = await this.#warehouse.query(
      `SELECT _offset FROM ${table} WHERE ${where}`,
      parameters,
      signal,
    )
    const offsets = new Set(found.map(([offset]) => Number(offset)))
    const facts = { topic, partition, first, last, rows: batch.count, there: offsets.size }
    this.#runtime.logger.info(facts, 'read back what a batch left in the table')
    if (found.length > offsets.size) {
      this.#runtime.logger.error(
        { ...facts, count: found.length },
        'the table holds rows of this batch twice',
      )
    }
    return offsets
  }

  /** Inserts the rows but for those that are refused for good. A failed insert left nothing, so it may be resent. */
  async #insertAll(body: RowsBody, work: Work, signal: AbortSignal): Promise<void> {
    let rest = body
    for (let peels = 0; rest.ends.length > 0; peels += 1) {
      const failure = await this.#tryInsert(rest, work, signal)
      if (failure === null) return
      const rows = rest.ends.length
      const bad = badRow(failure)
      if (rows === 1 && verdictOf(failure) === 'data') {
        refuse(work, rest.offsets[0] as number, failure)
        return
      }
      if (rows === 1) throw failure
      if (bad === null || bad >= rows || peels >= peelsMax) {
        const half = rows >> 1
        for (const part of [
          keepRows(rest, (index) => index < half),
          keepRows(rest, (index) => index >= half),
        ]) {
          await this.#insertAll(part, { ...work, token: partToken(work.token, part) }, signal)
        }
        return
      }
      refuse(work, rest.offsets[bad] as number, failure)
      rest = keepRows(rest, (index) => index !== bad)
    }
  }

  /** Null when the rows are in; the error when it is about the rows; throws every other. */
  async #tryInsert(body: RowsBody, work: Work, signal: AbortSignal): Promise<Error | null> {
    try {
      const settings = { ...this.#settings, [tokenSetting]: work.token }
      const { columns, format, bytes } = body
      const request = {
        database: this.#options.database,
        table: work.table,
        columns,
        format,
        body: bytes,
        settings,
      }
      await this.#warehouse.insert(request, signal)
      return null
    } catch (error) {
      const verdict = verdictOf(error)
      if (error instanceof Error && (verdict === 'data' || verdict === 'split')) return error
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#warehouse[Symbol.asyncDispose]()
  }
}

/** Topic id and replay epoch keep a topic made again, and a wanted replay, from being swallowed. */
function tokenOf(sink: string, batch: Batch, table: string): string {
  const range = `${batch.firstOffset}-${batch.lastOffset}`
  return ['ld1', sink, batch.replayEpoch, batch.topicId, batch.partition, range, table].join(':')
}

/** A part of a batch is another block: it needs a token of its own, the same on every try. */
function partToken(token: string, part: RowsBody): string {
  return `${token}/${part.offsets[0] ?? 0}-${part.offsets.at(-1) ?? 0}.${part.offsets.length}`
}

function refuse(work: Work, offset: number, error: Error): void {
  work.reasons.set(offset, reasonOf(error).slice(0, reasonLengthMax))
  const { size } = work.reasons
  if (size <= refusedRowsMax || size * 2 <= work.rowsOfBatch) return
  throw new LogdriveError('SINK_MISCONFIGURED', `ClickHouse refuses most rows of a batch: ${error.message}`, {
    cause: error,
    hint: 'Nothing is skipped: table and data do not fit together. Mend the table, and it goes on by itself.',
    details: { table: work.table, retryAfterMs: 30_000 },
  })
}
