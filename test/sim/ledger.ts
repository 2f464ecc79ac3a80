// The ledger of a run: what was written must be stored exactly once, and in order per source.
import type { Stretch } from './application.ts'

/** A row as a sink stored it. */
export interface StoredRow {
  readonly partition: number
  readonly offset: number
  readonly line: string
}

/** Every way in which what is stored differs from what was written; empty is what we promise. */
export function differences(written: readonly Stretch[], stored: readonly StoredRow[]): readonly string[] {
  const found: string[] = []
  const rows = new Map<string, StoredRow>()
  const places = new Set<string>()
  for (const row of stored) {
    const place = `${row.partition}/${row.offset}`
    if (places.has(place)) found.push(`offset ${place} is stored twice`)
    places.add(place)
    if (rows.has(row.line)) found.push(`twice: ${brief(row.line)} at ${place}`)
    rows.set(row.line, row)
  }
  for (const stretch of written) {
    let before: StoredRow | null = null
    for (const line of stretch.lines) {
      const row = rows.get(line)
      if (row === undefined) {
        found.push(`lost: ${brief(line)} of ${stretch.name}`)
        continue
      }
      rows.delete(line)
      if (before !== null && before.partition !== row.partition) {
        found.push(`${stretch.name} is in partitions ${before.partition} and ${row.partition}`)
      }
      if (before !== null && before.offset >= row.offset) {
        found.push(`out of order: ${brief(line)} of ${stretch.name}`)
      }
      before = row
    }
  }
  for (const row of rows.values()) found.push(`never written: ${brief(row.line)}`)
  return found
}

function brief(line: string): string {
  return line.length > 40 ? `${line.slice(0, 40)}...` : line
}
