// The same rules over a whole text at once, told as plainly as can be: what the agent's groups are compared with.
import type { Patterns } from '../../../agent/lines/patterns.ts'

interface Limits {
  readonly linesMax: number
  readonly bytesMax: number
}

interface Line {
  readonly text: string
  /** Bytes before it, and before its line end. */
  readonly from: number
  readonly to: number
}

/** The records that patterns make of a text. */
export function groupsOf(text: string, by: Patterns, limits: Limits): string[] {
  const is = (pattern: string | undefined, line: Line) =>
    pattern !== undefined && new RegExp(pattern).test(line.text)
  const saysWhatContinues = by.continueThrough !== undefined || by.continuePast !== undefined
  const hasOnlyStart = by.start !== undefined && Object.keys(by).length === 1

  /** May a line follow in the group, after its last line? */
  const mayGoOn = (group: readonly Line[]): boolean => {
    const first = group[0] as Line
    const last = group.at(-1) as Line
    if (is(by.haltWith, last)) return false
    if (by.start !== undefined && !hasOnlyStart && !is(by.start, first)) return false
    return true
  }
  const joins = (group: readonly Line[], line: Line): boolean => {
    if (!mayGoOn(group) || is(by.start, line) || is(by.haltBefore, line)) return false
    if (!saysWhatContinues) return true
    return is(by.continuePast, group.at(-1) as Line) || is(by.continueThrough, line)
  }
  const fits = (group: readonly Line[], line: Line): boolean =>
    group.length < limits.linesMax && line.to - (group[0] as Line).from <= limits.bytesMax

  const groups: Line[][] = []
  for (const line of linesOf(text)) {
    const group = groups.at(-1)
    if (group !== undefined && fits(group, line) && joins(group, line)) group.push(line)
    else groups.push([line])
  }
  return groups.map((group) => group.map(({ text }) => text).join('\n'))
}

/** Lines without their ends; a last one without an end counts. */
export function linesOf(text: string): Line[] {
  const lines: Line[] = []
  let at = 0
  const parts = text.split('\n')
  if (parts.at(-1) === '') parts.pop()
  for (const part of parts) {
    const line = part.endsWith('\r') ? part.slice(0, -1) : part
    lines.push({ text: line, from: at, to: at + Buffer.byteLength(line) })
    at += Buffer.byteLength(part) + 1
  }
  return lines
}
