// The settings of our inserts, all explicit: defaults differ from version to version and from user to user.
import { LogdriveError } from '../../core/errors.ts'
import type { Settings, Warehouse } from './warehouse.ts'

/** One insert stays one block below these: the engine's defaults, and above what a batch may hold. */
const blockRowsMax = 1_048_449
const blockBytesMax = 268_402_944

const wanted: Settings = {
  // The server would answer before the rows are there, and put inserts of others into our block.
  async_insert: 0,
  // 26.2 and newer listen to the second, older ones to the first.
  insert_deduplicate: 1,
  deduplicate_insert: 'enable',
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: blockRowsMax,
  min_insert_block_size_rows: blockRowsMax,
  min_insert_block_size_bytes: blockBytesMax,
  // Old rows of many days may come together; the server's 100 is for people who insert row by row.
  max_partitions_per_insert_block: 1000,
  max_execution_time: 240,
  date_time_input_format: 'best_effort',
  input_format_skip_unknown_fields: 1,
  input_format_null_as_default: 1,
  input_format_defaults_for_omitted_fields: 1,
  input_format_import_nested_json: 0,
  // Skipping bad rows would also swallow good ones behind them (measured).
  input_format_allow_errors_num: 0,
  input_format_allow_errors_ratio: 0,
  input_format_tsv_empty_as_default: 0,
  input_format_tsv_crlf_end_of_line: 0,
}

/** Sent with every insert, but only known when a batch is there. */
export const tokenSetting = 'insert_deduplication_token'

/** Asks the server which of the settings it has. Throws SINK_MISCONFIGURED for one without deduplication tokens. */
export async function knownSettings(warehouse: Warehouse, signal: AbortSignal): Promise<Settings> {
  const names = [...Object.keys(wanted), tokenSetting]
  const list = names.map((name) => `'${name}'`).join(', ')
  const found = await warehouse.query(`SELECT name FROM system.settings WHERE name IN (${list})`, {}, signal)
  const known = new Set(found.map(([name]) => String(name)))
  if (!known.has(tokenSetting)) {
    throw new LogdriveError('SINK_MISCONFIGURED', 'This ClickHouse has no insert_deduplication_token.', {
      hint: 'Exactly-once needs ClickHouse 23.8 or newer; or use `server: embedded`.',
      details: { retryAfterMs: 60_000 },
    })
  }
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => known.has(name)))
}
