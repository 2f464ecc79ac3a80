// Where a record's file lies: a template of the YAML, filled in without ever leaving its literal front.
import { LogdriveError } from '../../core/errors.ts'

/** A checked template. `{topic}`, `{partition}` and `{ts:%Y-%m-%d}` (UTC; %Y %m %d %H) may stand in it. */
export interface PathTemplate {
  readonly parts: readonly PathPart[]
}

type PathPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'topic' }
  | { readonly kind: 'partition' }
  | { readonly kind: 'ts'; readonly format: string }

const field = /\{([^{}]*)\}/g
const fieldName = /^(?:topic|partition|ts:(?:[^%]|%[YmdH])*)$/

/** Whether all fields of a template are known. */
export function isPathTemplate(template: string): boolean {
  return Array.from(template.matchAll(field), (match) => match[1] ?? '').every((name) => fieldName.test(name))
}

/** Parses a template; throws CONFIG_INVALID naming the field that is unknown. */
export function parsePath(template: string): PathTemplate {
  const parts: PathPart[] = []
  let from = 0
  for (const match of template.matchAll(field)) {
    parts.push(
      { kind: 'text', text: template.slice(from, match.index) },
      parseField(match[1] ?? '', template),
    )
    from = match.index + match[0].length
  }
  parts.push({ kind: 'text', text: template.slice(from) })
  return { parts: parts.filter((part) => part.kind !== 'text' || part.text !== '') }
}

/** The folder of a record, without a slash at the end. Values from data hold no slash, so they cannot climb. */
export function renderPath(
  template: PathTemplate,
  topic: string,
  partition: number,
  timestamp: number,
): string {
  const rendered = template.parts.map((part) => {
    if (part.kind === 'text') return part.text
    if (part.kind === 'topic') return safeName(topic)
    if (part.kind === 'partition') return String(partition)
    return formatTime(part.format, timestamp)
  })
  return rendered.join('').replace(/\/+$/, '') || '.'
}

function parseField(name: string, template: string): PathPart {
  if (name === 'topic' || name === 'partition') return { kind: name }
  if (fieldName.test(name)) return { kind: 'ts', format: name.slice('ts:'.length) }
  const hint = 'Use {topic}, {partition} or {ts:%Y-%m-%d} (%Y %m %d %H).'
  throw new LogdriveError('CONFIG_INVALID', `path: unknown field {${name}} in "${template}"`, { hint })
}

/** Topic names are checked where topics are made; this holds even if that check were ever lost. */
function safeName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, '_')
  return /^\.{1,2}$/.test(safe) ? '_' : safe
}

function formatTime(format: string, timestamp: number): string {
  const date = new Date(
    Number.isFinite(timestamp) ? Math.min(Math.max(timestamp, 0), 253_402_300_799_999) : 0,
  )
  const iso = date.toISOString()
  const pieces: Readonly<Record<string, string>> = {
    '%Y': iso.slice(0, 4),
    '%m': iso.slice(5, 7),
    '%d': iso.slice(8, 10),
    '%H': iso.slice(11, 13),
  }
  return format.replace(/%[A-Za-z]/g, (piece) => pieces[piece] ?? piece)
}
