// Reads back what the sinks hold: lines in ClickHouse and in NDJSON files, with their partition and offset.
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface StoredLine {
  readonly partition: number
  readonly offset: number
  readonly body: string
}

/** Every row of a log table, ordered by partition and offset. */
export async function* linesInClickHouse(url: string, table: string): AsyncGenerator<StoredLine> {
  const query = `SELECT _partition, _offset, body FROM logdrive.${table} ORDER BY _partition, _offset FORMAT JSONCompactEachRow`
  const response = await fetch(`${url}/?query=${encodeURIComponent(query)}`)
  if (response.status !== 200 || response.body === null) throw new Error(await response.text())
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of response.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [partition, offset, body] = JSON.parse(line)
      yield { partition: Number(partition), offset: Number(offset), body }
    }
  }
}

/** Every row of all finished NDJSON files below a folder, file by file in the order of their names. */
export async function* linesInFiles(folder: string): AsyncGenerator<StoredLine> {
  const entries = await readdir(folder, { recursive: true }).catch(() => [])
  const names = entries.filter((name) => /\.ndjson$/.test(name) && !/(^|\/)\./.test(name)).sort()
  for (const name of names) {
    for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
      const row = JSON.parse(line)
      yield { partition: row._partition, offset: row._offset, body: row.body }
    }
  }
}

/** One value out of ClickHouse, as text. */
export async function ask(url: string, query: string): Promise<string> {
  const response = await fetch(`${url}/`, { method: 'POST', body: query })
  const text = await response.text()
  if (response.status !== 200) throw new Error(text)
  return text.trim()
}
