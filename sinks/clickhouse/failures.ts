// What a ClickHouse error means for the sink: try again, look for the bad row, or wait for a person.
import { LogdriveError } from '../../core/errors.ts'
import { WarehouseError } from './warehouse.ts'

/**
 * `retry`: the same again later. `data`: a row of the batch is wrong. `split`: the batch is wrong as a whole, its
 * halves may not be. `table`: ours is gone, make it again. `misconfigured`: nothing helps but a person; never skip.
 */
export type Verdict = 'retry' | 'data' | 'split' | 'table' | 'misconfigured'

/** Parsing and types of single rows; the message of most names the row. */
const dataCodes = new Set([6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349, 376, 441, 467, 636])
/** Missing columns, bad arguments, syntax, access, users and passwords. */
const misconfiguredCodes = new Set([16, 36, 62, 115, 164, 192, 193, 194, 497, 516])
const tableCodes = new Set([60, 81])
const tooManyParts = 252

/** Waits in ms, for the pump. */
const misconfiguredWaitMs = 10_000
const backPressureWaitMs = 5_000

export function verdictOf(error: unknown): Verdict {
  if (!(error instanceof WarehouseError) || error.code === null) return 'retry'
  if (error.code === tooManyParts) return /too many partitions/i.test(error.message) ? 'split' : 'retry'
  if (tableCodes.has(error.code)) return 'table'
  if (dataCodes.has(error.code)) return 'data'
  // Bad arguments name a row when a value of it was meant.
  if (misconfiguredCodes.has(error.code)) return badRow(error) === null ? 'misconfigured' : 'data'
  return 'retry'
}

/**
 * Whether broken JSON that nobody has parsed could be the reason. Wide on purpose: an unknown code of the engine's parser
 * would else be tried again for ever; parsing a batch in vain costs little.
 */
export function mayBeBrokenJson(error: unknown): boolean {
  if (!(error instanceof WarehouseError) || error.code === null) return false
  const verdict = verdictOf(error)
  return verdict !== 'table' && (verdict !== 'retry' || error.code !== tooManyParts)
}

/** Index (from 0) of the row that the message names, or null. */
export function badRow(error: unknown): number | null {
  const found = error instanceof Error ? /\(at row (\d{1,9})\)/.exec(error.message) : null
  return found === null ? null : Number(found[1]) - 1
}

/** Why a row is refused, for a dead letter: without its number in a body that is gone and the engine's own places. */
export function reasonOf(error: Error): string {
  return error.message.replace(/: \(at row \d{1,9}\)[\s\S]*$/, '')
}

/** The error that the pump, and so the operator, gets to see. */
export function asSinkError(error: unknown, table: string): unknown {
  if (!(error instanceof WarehouseError)) return error
  const details = { table, clickhouseCode: error.code }
  if (error.code === tooManyParts) {
    return new LogdriveError('OVERLOADED', `ClickHouse asks for a pause: ${error.message}`, {
      cause: error,
      hint: 'Fewer, larger batches help: raise `batch.age` and `batch.rows` of the sink.',
      details: { ...details, retryAfterMs: backPressureWaitMs },
    })
  }
  if (verdictOf(error) !== 'misconfigured') {
    const code = error.code === null ? 'UNAVAILABLE' : 'SINK_FAILED'
    return new LogdriveError(code, error.message, { cause: error, details })
  }
  return new LogdriveError('SINK_MISCONFIGURED', `ClickHouse refuses the sink itself: ${error.message}`, {
    cause: error,
    hint: 'Nothing is lost or skipped: mend user, password, grants or the table, and it goes on by itself.',
    details: { ...details, retryAfterMs: misconfiguredWaitMs },
  })
}
