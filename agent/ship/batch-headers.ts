// The headers of a batch that an agent sends: what its first record says of all, and what single records say of themselves.
import { headerKeys, type RecordHeader } from '../../core/records.ts'

/** Whose records these are, and which. */
export interface BatchFacts {
  readonly source: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  /** What the collector keeps with the position; empty: nothing. */
  readonly guard: string
  readonly host: string
  /** Where they come from; null where the records say it themselves. */
  readonly path: string | null
  /** They are JSON objects that were made of lines. */
  readonly isParsed: boolean
}

/** The headers of the first record. */
export function factHeaders(facts: BatchFacts): RecordHeader[] {
  const { source, epoch, from, to, guard, host, path, isParsed } = facts
  return [
    header(headerKeys.source, source),
    header(headerKeys.epoch, String(epoch)),
    header(headerKeys.from, String(from)),
    header(headerKeys.to, String(to)),
    ...(guard === '' ? [] : [header(headerKeys.guard, guard)]),
    header(headerKeys.host, host),
    ...(path === null ? [] : [header(headerKeys.path, path)]),
    ...(isParsed ? [header(headerKeys.parsed, '1')] : []),
  ]
}

/** The headers of records `[first, end)` whose transforms could not be done, by index behind `first`. */
export function transformErrorHeaders(
  errors: ReadonlyMap<number, string>,
  first: number,
  end: number,
): Map<number, RecordHeader[]> {
  const headers = new Map<number, RecordHeader[]>()
  for (const [index, reasons] of errors)
    if (index >= first && index < end)
      headers.set(index - first, [header(headerKeys.transformError, reasons)])
  return headers
}

export function header(key: string, value: string): RecordHeader {
  return { key, value: Buffer.from(value) }
}
