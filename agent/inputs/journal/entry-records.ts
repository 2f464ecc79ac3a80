// Entries of the journal to log records: what has a column or a usual name gets it, other fields keep theirs.
import { isUtf8 } from 'node:buffer'
import { type CompiledParser, innerParser, plainParser } from '../../parse/compile.ts'
import { type Facts, noFacts } from '../../parse/facts.ts'
import { type Fields, kind } from '../../parse/fields.ts'
import type { Name } from '../../parse/names.ts'
import type { ParseOptions } from '../../parse/options.ts'
import { syslogSeverity } from '../../parse/severity.ts'
import { type LineMaking, type ParsingStatus, parsedLines, parsingStatus } from '../../parsing.ts'
import { Tally } from '../../tally.ts'
import { transformedLines } from '../../transform/making.ts'
import type { TransformOptions } from '../../transform/options.ts'
import { type Packet, packetOf } from '../packet.ts'
import type { JournalEntry } from './export.ts'

/** An entry's values, at most. */
export const entryBounds = { entryBytesMax: 4 * 1024 * 1024, fieldsMax: 200 }

/** What OpenTelemetry calls these; a leading underscore means that journald itself has seen it. */
const usualNames: ReadonlyMap<string, string> = new Map([
  ['_SYSTEMD_UNIT', 'systemd.unit'],
  ['_SYSTEMD_USER_UNIT', 'systemd.user_unit'],
  ['_SYSTEMD_SLICE', 'systemd.slice'],
  ['_HOSTNAME', 'host.name'],
  ['_MACHINE_ID', 'host.id'],
  ['_BOOT_ID', 'host.boot_id'],
  ['_PID', 'process.pid'],
  ['_UID', 'process.user.id'],
  ['_COMM', 'process.command'],
  ['_EXE', 'process.executable.path'],
  ['_CMDLINE', 'process.command_line'],
  ['_TRANSPORT', 'journald.transport'],
  ['CODE_FILE', 'code.file.path'],
  ['CODE_LINE', 'code.line.number'],
  ['CODE_FUNC', 'code.function.name'],
  ['CONTAINER_ID_FULL', 'container.id'],
  ['CONTAINER_NAME', 'container.name'],
])
/** They are columns, or say nothing beside one. */
const ownColumns = new Set(['MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER', 'SYSLOG_RAW', 'SYSLOG_TIMESTAMP'])

export interface EntryOptions {
  readonly fields: FieldChoice
  /** How messages are parsed; null: not. */
  readonly parse: NonNullable<ParseOptions['inside']> | null
  readonly transforms: readonly TransformOptions[]
}

/** `usual`: besides the usual ones, what the program itself said; `all`: everything that journald has seen, too. */
export type FieldChoice = 'usual' | 'all'

export class EntryRecords {
  readonly #choice: FieldChoice
  readonly #parser: CompiledParser
  readonly #making: LineMaking
  readonly #tally = new Tally()
  readonly #message: Name
  readonly #identifier: Name
  readonly #raw: Name
  #entry: JournalEntry = { fields: new Map(), cutBytes: 0 }

  /** Throws CONFIG_INVALID for options of no use. */
  constructor({ fields: choice, parse, transforms }: EntryOptions) {
    this.#choice = choice
    const { names, ...plain } = plainParser()
    this.#parser = {
      ...plain,
      names,
      keepRaw: false,
      inside: parse === null ? null : innerParser(parse, names),
      lineBytesMax: 2 * entryBounds.entryBytesMax,
      parse: (_bytes, _from, _to, fields) => this.#fill(fields),
    }
    this.#making =
      transforms.length > 0 ? transformedLines(this.#parser, transforms) : parsedLines(this.#parser)
    this.#message = names.of('message', 'message')
    this.#identifier = names.of('syslog.identifier', 'service')
    this.#raw = names.of('body_base64')
  }

  /** The record of one entry, with its cursor as its mark. */
  make(entry: JournalEntry, cursor: string, nowMs: number): Packet | null {
    this.#entry = entry
    // The parser reads the entry itself; the line only says how long it is.
    const line = placeholder(entry)
    const lines = { bytes: line, starts: zero, ends: Int32Array.of(line.length), count: 1 }
    const facts = priorityFacts[priorityOf(entry)] ?? noFacts
    // The same entry is sampled or not whenever it is read.
    const hashOf = () => this.#making.hashOf('', 0, numberOf(cursor))
    const made = this.#making.make(lines, nowMs, { facts, hashOf })
    this.#tally.add(made.tally)
    return made.count === 0 ? null : { ...packetOf(made, nowMs), marks: [cursor] }
  }

  /** What became of the entries since the start, shipped or not. */
  status(): ParsingStatus {
    return parsingStatus(this.#tally)
  }

  #fill(fields: Fields): null {
    for (const [name, value] of this.#entry.fields) {
      const text = textOf(value)
      if (name === 'MESSAGE') {
        fields.addText(this.#message, text)
        if (!isUtf8(value)) fields.addText(this.#raw, Buffer.from(value).toString('base64'))
      } else if (name === 'SYSLOG_IDENTIFIER') fields.addText(this.#identifier, text)
      else if (name === '__REALTIME_TIMESTAMP') setTime(fields, text)
      else if (!ownColumns.has(name)) this.#attribute(fields, name, text)
    }
    return null
  }

  #attribute(fields: Fields, name: string, text: string): void {
    const usual = usualNames.get(name)
    if (usual === undefined && name.startsWith('_') && (this.#choice === 'usual' || name.startsWith('__')))
      return
    const bytes = Buffer.from(usual ?? name)
    const known = this.#parser.names.find(bytes, 0, bytes.length, null)
    const isNumber = name === '_PID' || name === 'CODE_LINE'
    if (known !== null)
      fields.addText(known, text, isNumber && /^(0|[1-9]\d{0,14})$/.test(text) ? kind.number : kind.text)
  }
}

const zero = Int32Array.of(0)
/** What a field may take beside its name and value. */
const fieldBytes = 32

/** A message that has its own severity keeps it: all that comes by standard output has the same priority. */
const priorityFacts: readonly Facts[] = Array.from({ length: 8 }, (_, priority) => ({
  attributes: [],
  severity: syslogSeverity(priority),
}))

function priorityOf({ fields }: JournalEntry): number {
  const text = textOf(fields.get('PRIORITY') ?? new Uint8Array(0))
  return /^[0-7]$/.test(text) ? Number(text) : -1
}

/** The number of the entry in its journal. */
function numberOf(cursor: string): number {
  return Number.parseInt(/(?:^|;)i=([0-9a-f]{1,12})(?:;|$)/.exec(cursor)?.[1] ?? '0', 16)
}

function placeholder({ fields }: JournalEntry): Uint8Array {
  let length = 1
  for (const [name, value] of fields) length += name.length + value.length + fieldBytes
  return new Uint8Array(length)
}

function textOf(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString()
}

/** Microseconds since 1970. */
function setTime(fields: Fields, text: string): void {
  if (!/^\d{1,16}$/.test(text)) return
  const micros = Number(text)
  fields.timeMs = Math.floor(micros / 1000)
  fields.timeNanos = (micros % 1000) * 1000
}
