// Warehouse: a ClickHouse as the sink needs it. One implementation speaks HTTP, one is simulated.

export interface Warehouse extends AsyncDisposable {
  /** Runs a statement that gives no rows. Throws WarehouseError. */
  command(sql: string, signal: AbortSignal): Promise<void>
  /**
   * One INSERT, one block: all rows or none. The body belongs to the warehouse until the promise settles. Throws
   * WarehouseError; when its `code` is null or it says so, whether the rows are there is not known.
   */
  insert(request: InsertRequest, signal: AbortSignal): Promise<void>
  /** Rows of a SELECT as arrays; `{name:Type}` in the SQL takes its value from the parameters. Throws WarehouseError. */
  query(sql: string, parameters: Parameters, signal: AbortSignal): Promise<readonly (readonly unknown[])[]>
}

export type Parameters = Readonly<Record<string, string | number>>

export interface InsertRequest {
  readonly database: string
  readonly table: string
  /** Null: all columns, by the names in the data. */
  readonly columns: readonly string[] | null
  readonly format: 'JSONEachRow' | 'TabSeparated'
  readonly body: Uint8Array
  readonly settings: Settings
}

export type Settings = Readonly<Record<string, string | number>>

/** What ClickHouse said, or that no answer came. */
export class WarehouseError extends Error {
  override readonly name = 'WarehouseError'
  /** ClickHouse's number, such as 60 for UNKNOWN_TABLE; null when there was no answer: the outcome is unknown. */
  readonly code: number | null

  constructor(code: number | null, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.code = code
  }
}
