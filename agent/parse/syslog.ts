// syslog lines: RFC 5424, and RFC 3164 as it is found in files: with or without priority, the time old or as ISO 8601.
import { type Fields, kind, type LineParser, type Reason } from './fields.ts'
import type { Name, Names } from './names.ts'
import { syslogSeverity } from './severity.ts'
import { digits, digitsEnd } from './time.ts'

const space = 0x20
const facilities =
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  )
const bom = [0xef, 0xbb, 0xbf]
/** `Nov 21 06:00:00` */
const oldTimeBytes = 15

interface SyslogNames {
  readonly time: Name
  readonly hostname: Name
  readonly app: Name
  readonly pid: Name
  readonly messageId: Name
  readonly facility: Name
  readonly message: Name
}

/** The parser of both; which one a line is, is seen at the version behind its priority. */
export function syslogParser(names: Names): LineParser {
  const own: SyslogNames = {
    time: names.of('timestamp', 'time'),
    hostname: names.of('hostname'),
    app: names.of('app_name', 'service'),
    pid: names.of('proc_id'),
    messageId: names.of('msg_id'),
    facility: names.of('facility'),
    message: names.of('message', 'message'),
  }
  return (bytes, from, to, fields) => {
    let at = from
    if (bytes[at] === 0x3c) {
      const end = digitsEnd(bytes, at + 1, Math.min(to, at + 4))
      const priority = digits(bytes, at + 1, end, to)
      if (end === at + 1 || end >= to || bytes[end] !== 0x3e || priority > 191) return 'bad_priority'
      fields.severity = syslogSeverity(priority)
      fields.addText(own.facility, facilities[priority >> 3] as string)
      at = end + 1
      if (bytes[at] === 0x31 && bytes[at + 1] === space)
        return parse5424(bytes, at + 2, to, fields, own, names)
    }
    return parse3164(bytes, at, to, fields, own)
  }
}

/** `TIMESTAMP HOSTNAME TAG[PID]: MSG`, the host left out by some. */
function parse3164(
  bytes: Uint8Array,
  from: number,
  to: number,
  fields: Fields,
  own: SyslogNames,
): Reason | null {
  const timeEnd = isIsoLike(bytes, from) ? wordEnd(bytes, from, to) : from + oldTimeBytes
  if (timeEnd >= to || bytes[timeEnd] !== space) return 'not_syslog'
  fields.add(own.time, kind.text, from, timeEnd)
  let at = timeEnd + 1
  const first = wordEnd(bytes, at, to)
  // A word that ends as a tag does is no host.
  if (first > at && first < to && bytes[first - 1] !== 0x3a) {
    fields.add(own.hostname, kind.text, at, first)
    at = first + 1
  }
  const tag = tagEnd(bytes, at, to)
  if (tag !== -1) at = addTag(bytes, at, tag, to, fields, own)
  fields.add(own.message, kind.text, at, to)
  return null
}

/** Where the tag's colon is: in the word that begins here, or in the next (`CRON[1]` has none, `postfix/smtp[1]:` has). */
function tagEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to && at - from < 128; at += 1) {
    const byte = bytes[at] as number
    if (byte === 0x3a && at > from && (at + 1 === to || bytes[at + 1] === space)) return at
    if (byte === space) return -1
  }
  return -1
}

function addTag(
  bytes: Uint8Array,
  from: number,
  colon: number,
  to: number,
  fields: Fields,
  own: SyslogNames,
): number {
  let nameEnd = from
  while (nameEnd < colon && bytes[nameEnd] !== 0x5b) nameEnd += 1
  const hasPid = nameEnd > from && nameEnd < colon - 2 && bytes[colon - 1] === 0x5d
  fields.add(own.app, kind.text, from, hasPid ? nameEnd : colon)
  if (hasPid) fields.add(own.pid, kind.text, nameEnd + 1, colon - 1)
  return Math.min(to, colon + 2)
}

/** `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`, `-` for what is not there. */
function parse5424(
  bytes: Uint8Array,
  from: number,
  to: number,
  fields: Fields,
  own: SyslogNames,
  names: Names,
): Reason | null {
  let at = from
  for (const name of [own.time, own.hostname, own.app, own.pid, own.messageId]) {
    const end = wordEnd(bytes, at, to)
    if (end === at || end === to) return 'not_syslog_5424'
    if (end !== at + 1 || bytes[at] !== 0x2d) fields.add(name, kind.text, at, end)
    at = end + 1
  }
  at = bytes[at] === 0x2d ? at + 1 : addStructured(bytes, at, to, fields, names)
  if (at === -1 || (at < to && bytes[at] !== space)) return 'bad_structured_data'
  at = Math.min(to, at + 1)
  if (at + 3 <= to && bom.every((byte, index) => bytes[at + index] === byte)) at += 3
  if (at < to) fields.add(own.message, kind.text, at, to)
  return null
}

/** `[id name="value" ...]...` as fields `id.name`; where it ends, or -1. */
function addStructured(bytes: Uint8Array, from: number, to: number, fields: Fields, names: Names): number {
  let at = from
  if (bytes[at] !== 0x5b) return -1
  while (at < to && bytes[at] === 0x5b) {
    const idEnd = sdNameEnd(bytes, at + 1, to)
    if (idEnd === at + 1) return -1
    const id = names.find(bytes, at + 1, idEnd, null) as Name
    at = idEnd
    while (at < to && bytes[at] === space) {
      const nameEnd = sdNameEnd(bytes, at + 1, to)
      if (nameEnd === at + 1 || bytes[nameEnd] !== 0x3d || bytes[nameEnd + 1] !== 0x22) return -1
      const valueEnd = sdValueEnd(bytes, nameEnd + 2, to)
      if (valueEnd === -1) return -1
      const name = names.find(bytes, at + 1, nameEnd, id)
      if (name !== null) addSdValue(fields, name, bytes, nameEnd + 2, valueEnd)
      at = valueEnd + 1
    }
    if (at >= to || bytes[at] !== 0x5d) return -1
    at += 1
  }
  return at
}

function addSdValue(fields: Fields, name: Name, bytes: Uint8Array, from: number, to: number): void {
  const value = bytes.subarray(from, to)
  if (!value.includes(0x5c)) fields.add(name, kind.text, from, to)
  else
    fields.addText(
      name,
      Buffer.from(value)
        .toString()
        .replace(/\\(["\\\]])/g, '$1'),
    )
}

function sdNameEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && isSdNameByte(bytes[at] as number)) at += 1
  return at
}

/** PRINTUSASCII without `=`, `]`, `"` and the blank. */
function isSdNameByte(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && byte !== 0x3d && byte !== 0x5d && byte !== 0x22
}

function sdValueEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at += 1) {
    if (bytes[at] === 0x5c) at += 1
    else if (bytes[at] === 0x22) return at
  }
  return -1
}

function wordEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && bytes[at] !== space) at += 1
  return at
}

function isIsoLike(bytes: Uint8Array, from: number): boolean {
  const first = bytes[from] as number
  return first >= 0x30 && first <= 0x39
}
