// What a ClickHouse server answers over HTTP: statuses for exception codes, content types for formats, header texts.

/** From ClickHouse's exceptionCodeToHTTPStatus; anything else is 500. */
const statuses = new Map<number, number>([
  [194, 401], // REQUIRED_PASSWORD
  ...[192, 193, 497, 516].map((code) => [code, 403] as const), // unknown user, wrong password, no grant
  // What the text itself does wrong: parsing, types, arguments, syntax.
  ...[6, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 117, 130, 131, 306, 321, 349, 456, 457].map(
    (code) => [code, 400] as const,
  ),
  ...[46, 47, 50, 56, 60, 63, 73, 75, 81, 115, 511].map((code) => [code, 404] as const), // UNKNOWN_...
  [159, 408], // TIMEOUT_EXCEEDED
  [307, 413], // TOO_MANY_BYTES: the request body
  [48, 501], // NOT_IMPLEMENTED
  [202, 503], // TOO_MANY_SIMULTANEOUS_QUERIES
  [209, 503], // SOCKET_TIMEOUT
  [210, 503], // NETWORK_ERROR
])

export function statusOf(code: number): number {
  return statuses.get(code) ?? 500
}

const contentTypes: readonly (readonly [RegExp, string])[] = [
  [/EachRow|JSONLines|NDJSON/i, 'application/x-ndjson; charset=UTF-8'],
  [/^JSON/i, 'application/json; charset=UTF-8'],
  [/^(TabSeparated|TSV)/i, 'text/tab-separated-values; charset=UTF-8'],
  [/^CSV/i, 'text/csv; charset=UTF-8; header=absent'],
  [/^XML$/i, 'application/xml; charset=UTF-8'],
  [/^(Native|RowBinary|Parquet|ORC|Arrow|Avro|MsgPack|Protobuf|BSON|CapnProto)/i, 'application/octet-stream'],
]

/** The Content-Type of a result in this format. */
export function contentTypeOf(format: string): string {
  return contentTypes.find(([pattern]) => pattern.test(format))?.[1] ?? 'text/plain; charset=UTF-8'
}

/** The error body as a server writes it: with its version at the end. */
export function exceptionText(message: string, version: string): string {
  const line = message.startsWith('Code:') ? message : `Code: 1001. DB::Exception: ${message} (STD_EXCEPTION)`
  return line.includes('(version ') ? `${line}\n` : `${line} (version ${version})\n`
}

/** X-ClickHouse-Summary: numbers as text. The engine says no rows read, so `read_rows` of a SELECT is 0. */
export function summaryText(facts: {
  readonly writtenRows: number
  readonly writtenBytes: number
  readonly resultRows: number
  readonly resultBytes: number
  readonly seconds: number
}): string {
  return JSON.stringify({
    read_rows: String(facts.writtenRows),
    read_bytes: String(facts.writtenBytes),
    written_rows: String(facts.writtenRows),
    written_bytes: String(facts.writtenBytes),
    total_rows_to_read: '0',
    result_rows: String(facts.resultRows),
    result_bytes: String(facts.resultBytes),
    elapsed_ns: String(Math.round(facts.seconds * 1e9)),
  })
}
