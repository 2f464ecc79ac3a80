// What goes to the terminal: back-pressure, colours only where they are wanted, and nothing that could steer it.

import type { Writable } from 'node:stream'

/** One of the two ways out of the process. */
export interface Output {
  readonly isTerminal: boolean
  /** Colours and progress are wanted: a terminal, and NO_COLOR is not set. */
  readonly isRich: boolean
  /** Resolves when there is room for more; after the reader went away it resolves at once and writes nothing. */
  write(text: string | Uint8Array): Promise<void>
  /** The reader went away (`logdrive tail | head`): there is no use in going on. */
  readonly closed: boolean
}

/** Wraps stdout or stderr. `onClosed` is called when the reader goes away. */
export function streamOutput(
  stream: Writable & { isTTY?: boolean },
  noColour: boolean,
  onClosed: () => void,
): Output {
  let closed = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error
    closed = true
    onClosed()
  })
  const isTerminal = stream.isTTY === true
  return {
    isTerminal,
    isRich: isTerminal && !noColour,
    get closed() {
      return closed
    },
    async write(text) {
      if (closed || stream.write(text)) return
      await new Promise<void>((resolve) => {
        const done = () => {
          for (const event of ['drain', 'error', 'close']) stream.off(event, done)
          resolve()
        }
        for (const event of ['drain', 'error', 'close']) stream.on(event, done)
      })
    },
  }
}

/**
 * Text from outside as it may be shown: control characters, ANSI escapes, bidirectional overrides and line
 * separators become \uXXXX, which inside JSON still means the same.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

// C0 without newline and tab is taken care of by JSON; here all but newline: a tab breaks tables.
const unsafe = new RegExp(
  `[${'\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff'}]`,
  'g',
)

/** One cell: a number is right-aligned, null is a dash. */
export type Cell = string | number | boolean | null | undefined

/** What an answer has there, when a cell can show it. */
export function cellOf(value: unknown): Cell {
  return typeof value === 'string' || typeof value === 'number' ? value : null
}

/** Rows under headings, in columns. Empty rows give the headings alone. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => headings.map((_, column) => cellText(row[column])))
  const numeric = headings.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'),
  )
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...texts.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return `${[headings.map((heading) => heading.toUpperCase()), ...texts].map(line).join('\n')}\n`
}

/** Facts, a line each, the values in one column; what comes from outside is escaped by the caller. */
export function factLines(facts: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length)) + 2
  return facts.map(([name, value]) => `${name.padEnd(width)}${value}\n`).join('')
}

/** JSON for a program, or for a terminal with what could steer it escaped. */
export function jsonText(value: unknown, output: Output, indent = 2): string {
  const text = JSON.stringify(value, null, indent)
  return `${output.isTerminal ? escapeForTerminal(text) : text}\n`
}

/** `text` in a colour where the output has them. */
export function colour(
  text: string,
  name: 'red' | 'green' | 'yellow' | 'cyan' | 'dim',
  output: Output,
): string {
  if (!output.isRich) return text
  const code = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2 }[name]
  return `\u001b[${code}m${text}\u001b[0m`
}

/** Milliseconds as a person reads them: `340 ms`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function humanTime(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}

/** Bytes as a person reads them: `512 B`, `1.5 MiB`. */
export function humanSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined || cell === '') return '-'
  return typeof cell === 'string' ? escapeForTerminal(cell).replaceAll('\n', '\\n') : String(cell)
}
