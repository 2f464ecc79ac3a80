// The DDL of our tables: plain MergeTree with a deduplication window, one table a topic.
import { shapeOf } from './columns.ts'
import { quoteIdentifier } from './embedded/statement.ts'

export interface TableOptions {
  readonly database: string
  /** Embedded tables sync every insert: nobody else has a copy (10 -> 14 ms an insert). */
  readonly embedded: boolean
  /** Rows older than this are deleted; null keeps them. */
  readonly ttlMs: number | null
}

/** Inserts whose tokens a table remembers; a bigger window costs nothing measurable. */
const deduplicationWindow = 10_000

/** The table of a topic: its name with all but A-Z, a-z, 0-9 and _ replaced by _. */
export function tableOf(topic: string): string {
  return topic.replace(/[^A-Za-z0-9_]/g, '_')
}

export function createDatabaseSql(database: string): string {
  return `CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(database)}`
}

/**
 * CREATE TABLE IF NOT EXISTS for a topic. Not Replacing: rows are exactly once already, and merging by key would
 * take rows away that the read-back after a restart counts.
 */
export function createTableSql(topic: string, options: TableOptions): string {
  const shape = shapeOf(topic)
  const name = `${quoteIdentifier(options.database)}.${quoteIdentifier(tableOf(topic))}`
  const seconds = options.ttlMs === null ? 0 : Math.ceil(options.ttlMs / 1000)
  const settings = [
    `non_replicated_deduplication_window = ${deduplicationWindow}`,
    ...(options.embedded ? ['fsync_after_insert = 1', 'fsync_part_directory = 1'] : []),
    ...(seconds > 0 && shape.kind === 'logs' ? ['ttl_only_drop_parts = 1'] : []),
  ]
  return [
    `CREATE TABLE IF NOT EXISTS ${name} (`,
    [...shape.columns, ...shape.indexes].map((line) => `  ${line}`).join(',\n'),
    ') ENGINE = MergeTree',
    `PARTITION BY ${shape.partitionBy}`,
    `PRIMARY KEY (${shape.primaryKey})`,
    `ORDER BY (${shape.orderBy})`,
    ...(shape.sampleBy === null ? [] : [`SAMPLE BY ${shape.sampleBy}`]),
    ...(seconds > 0 ? [`TTL toDateTime(ts) + INTERVAL ${seconds} SECOND DELETE`] : []),
    `SETTINGS ${settings.join(', ')}`,
  ].join('\n')
}
