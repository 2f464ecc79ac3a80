// From the options of an input to its parser: the format, and what time, severity and message are in its fields.
import { LogdriveError } from '../../core/errors.ts'
import { type AccessLogFormat, accessLogFormat, accessLogParser } from './access-log.ts'
import { apachePieces, apacheTime } from './apache.ts'
import { criParser } from './cri.ts'
import { csvParser } from './csv.ts'
import { dockerParser } from './docker.ts'
import type { Fields, LineParser } from './fields.ts'
import { jsonParser } from './json.ts'
import { klogParser } from './klog.ts'
import { logfmtParser } from './logfmt.ts'
import { Names } from './names.ts'
import { nginxPieces, nginxTime } from './nginx.ts'
import { envelopeBytesMax, type ParseOptions, type ParseType, parsedLineBytesMax } from './options.ts'
import { quickAccessLog } from './quick-access-log.ts'
import { QuickJson } from './quick-json.ts'
import type { QuickReaders } from './quick-line.ts'
import { QuickMemory } from './quick-memory.ts'
import { regexParser } from './regex.ts'
import { Severities } from './severity.ts'
import { syslogParser } from './syslog.ts'
import { type TimeParser, timeParser } from './time.ts'
import { zoneOf } from './zone.ts'

/** An input's parser, ready for lines. */
export interface CompiledParser {
  readonly names: Names
  readonly parse: LineParser
  /** Makes what takes the usual lines, and leaves the others to `parse`, with memory of its own; null when there is no quick way. */
  readonly quick: () => QuickWay | null
  /** How the message inside is parsed; null when it is not. */
  readonly inside: InnerParser | null
  readonly time: TimeParser
  /** A time that cannot be read makes the line one that does not parse: the format, or the user, promised it. */
  readonly isTimeRequired: boolean
  readonly severities: Severities
  readonly keepRaw: boolean
  /** Of a record of several lines only the first is parsed; else that is done where the whole does not parse. */
  readonly isOneLine: boolean
  /** A longer line is kept whole and not parsed. */
  readonly lineBytesMax: number
}

/** Formats whose lines are an envelope around a message, which may be long. */
const envelopes: ReadonlySet<ParseType> = new Set(['cri', 'docker'])
/** Formats that mean nothing beyond a line; others may have a message that goes on, or values of several lines. */
const oneLine: ReadonlySet<ParseType> = new Set(['logfmt', 'nginx', 'apache'])

/** Writes the same records as the general way, for lines that have nothing unusual. */
export interface QuickWay {
  /** Where the lines are looked at and the records written, those of the general way with them. */
  readonly memory: QuickMemory
  write(from: number, to: number, nowMs: number): boolean
  learn?(bytes: Uint8Array, from: number, to: number, fields: Fields): void
}

export interface InnerParser {
  readonly parse: LineParser
  /** `body` is the whole message; else the message inside of it. */
  readonly keepRaw: boolean
  readonly isOneLine: boolean
}

/** The whole line stays in `body` unless said otherwise: what the groups of an expression leave out would be lost. */
function keepsRaw({ type, keepRaw }: Pick<ParseOptions, 'type' | 'keepRaw'>): boolean {
  return keepRaw ?? type === 'regex'
}

/** Compiles; throws CONFIG_INVALID with `details.path`, the key at fault. */
export function compileParser(options: ParseOptions): CompiledParser {
  const { type, time, severity, inside } = options
  refuseMisplaced(options)
  const own = at(['format'], () => ownTime(options))
  // One set of names: a field of the message inside may have the name of one around it.
  const names = new Names({
    timeField: time?.field ?? own?.field,
    severityField: severity?.field ?? inside?.severity?.field,
  })
  const zone = zoneOf(time?.zone ?? 'UTC')
  if (zone === null) {
    throw invalid(['time', 'zone'], 'unknown time zone: expected UTC, +02:00 or a name such as Europe/Berlin')
  }
  const keepRaw = keepsRaw(options)
  const readTime = at(['time', 'format'], () => timeParser(time?.format ?? own?.format ?? 'auto', zone))
  const severities = new Severities(severity?.map ?? inside?.severity?.map)
  const { parse, accessLog } = formatParser(options, names, keepRaw)
  return {
    names,
    parse,
    quick: () => {
      const readers = { time: readTime, severities }
      return inside === undefined ? quickWay(type, accessLog, readers, keepRaw) : null
    },
    inside: inside === undefined ? null : innerParser(inside, names),
    time: readTime,
    isTimeRequired: own !== null || time?.field !== undefined,
    severities,
    keepRaw,
    isOneLine: oneLine.has(type),
    lineBytesMax: envelopes.has(type) ? envelopeBytesMax : parsedLineBytesMax,
  }
}

function quickWay(
  type: ParseType,
  accessLog: AccessLogFormat | null,
  readers: QuickReaders,
  keepRaw: boolean,
): QuickWay | null {
  if (accessLog === null && type !== 'json') return null
  const memory = quickMemory()
  if (memory === null) return null
  if (accessLog !== null) return quickAccessLog(accessLog, readers, memory, keepRaw)
  return new QuickJson(readers, memory, keepRaw)
}

/** Null where the engine runs no WebAssembly, or not ours: all lines go the general way. */
function quickMemory(): QuickMemory | null {
  try {
    return new QuickMemory()
  } catch {
    return null
  }
}

/** The parser of lines that say nothing but themselves. */
export function plainParser(): CompiledParser {
  return {
    names: new Names(),
    parse: () => null,
    quick: () => null,
    inside: null,
    time: () => false,
    isTimeRequired: false,
    severities: new Severities(),
    keepRaw: true,
    isOneLine: false,
    lineBytesMax: Number.POSITIVE_INFINITY,
  }
}

/** The parser of a message inside; throws CONFIG_INVALID. Its fields have names of the same set. */
export function innerParser(inside: NonNullable<ParseOptions['inside']>, names: Names): InnerParser {
  const keepRaw = keepsRaw(inside)
  return at(['inside'], () => {
    refuseMisplaced(inside)
    return { parse: formatParser(inside, names, keepRaw).parse, keepRaw, isOneLine: oneLine.has(inside.type) }
  })
}

/** Settings that only some formats have. */
const settings: readonly (readonly [keyof ParseOptions, readonly ParseType[]])[] = [
  ['format', ['nginx', 'apache']],
  ['pattern', ['regex']],
  ['columns', ['csv']],
  ['delimiter', ['csv']],
  ['inside', ['cri', 'docker']],
]

function refuseMisplaced(options: ParseOptions): void {
  for (const [key, types] of settings) {
    if (options[key] === undefined || types.includes(options.type)) continue
    throw invalid([key], `${options.type} lines have no ${key}: it belongs to type: ${types.join(' or ')}`)
  }
}

/** The time that every line of the format has; null when it is one field among others, or none. */
function ownTime({
  type,
  format,
}: ParseOptions): { readonly field?: string; readonly format: string } | null {
  switch (type) {
    case 'nginx':
      return nginxTime(format)
    case 'apache':
      return apacheTime
    case 'klog':
      return { field: 'time', format: 'klog' }
    case 'cri':
    case 'docker':
      return { field: 'time', format: 'rfc3339' }
    case 'syslog':
      return { field: 'timestamp', format: 'syslog' }
    default:
      return null
  }
}

interface FormatParser {
  readonly parse: LineParser
  readonly accessLog: AccessLogFormat | null
}

function formatParser(options: ParseOptions, names: Names, keepRaw: boolean): FormatParser {
  const { type, format } = options
  if (type !== 'nginx' && type !== 'apache')
    return { parse: lineParser(type, options, names), accessLog: null }
  const accessLog = at(['format'], () => {
    const pieces = type === 'nginx' ? nginxPieces(format) : apachePieces(format)
    return accessLogFormat(pieces, names, keepRaw)
  })
  return { parse: accessLogParser(accessLog, names), accessLog }
}

function lineParser(
  type: Exclude<ParseType, 'nginx' | 'apache'>,
  { pattern, columns, delimiter = ',' }: ParseOptions,
  names: Names,
): LineParser {
  switch (type) {
    case 'json':
      return jsonParser(names)
    case 'logfmt':
      return logfmtParser(names)
    case 'syslog':
      return syslogParser(names)
    case 'cri':
      return criParser(names)
    case 'docker':
      return dockerParser(names)
    case 'klog':
      return klogParser(names)
    case 'regex':
      if (pattern === undefined) throw invalid([], 'type: regex needs a pattern')
      return at(['pattern'], () => regexParser(pattern, names))
    case 'csv':
      if (columns === undefined) throw invalid([], 'type: csv needs columns')
      return csvParser(columns, delimiter, names)
  }
}

/** Runs a step; what it throws is about the key at this path. */
function at<T>(path: readonly string[], step: () => T): T {
  try {
    return step()
  } catch (error) {
    const inner = error instanceof LogdriveError ? (error.details.path as readonly string[]) : []
    throw invalid([...path, ...inner], error instanceof Error ? error.message : String(error))
  }
}

function invalid(path: readonly string[], message: string): LogdriveError {
  return new LogdriveError('CONFIG_INVALID', message, { details: { path } })
}
