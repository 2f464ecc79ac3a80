// Containers: the parts of long messages in the files of Docker (json-file) and of CRI runtimes, joined per stream.
import type { TextMaker, Texts } from './framing.ts'
import type { Joiner, Verdict } from './groups.ts'
import type { TextJoiner } from './patterns.ts'
import { TextRoom } from './texts.ts'

/** A line as a runtime wrote it; the numbers are indexes into its bytes. */
export interface Entry {
  /** 0: stdout, 1: stderr. */
  stream: number
  /** The message goes on in the next entry of the stream. */
  isPart: boolean
  /** The message as it is written there; in Docker's it is the inside of a JSON string, with its `\n`. */
  textFrom: number
  textTo: number
}

/** How a runtime writes its lines. */
export interface Envelope {
  /** Reads `bytes[from, to)` into `entry`; false when it is not of this format. */
  read(bytes: Uint8Array, from: number, to: number, entry: Entry): boolean
  /** The message of an entry as it was printed, without a line end. */
  text(bytes: Uint8Array, entry: Entry): string
  /** Writes one line around a message that is already in the room, by the entry that began it at `from`. */
  readonly lineFeed: string
  head(room: TextRoom, bytes: Uint8Array, from: number, entry: Entry, isPart: boolean): void
  tail(room: TextRoom, bytes: Uint8Array, to: number, entry: Entry): void
}

/** Joins parts, per stream, and then what `inner` says belongs together of the messages of one stream. */
export function containerJoiner(envelope: Envelope, inner: TextJoiner | null): Joiner {
  const entry: Entry = { stream: 0, isPart: false, textFrom: 0, textTo: 0 }
  /** Streams with a message that goes on, as bits. */
  let unfinished = 0
  let stream = 0
  let isMixed = false
  /** What `inner` said of the message that is going on. */
  let pending: Verdict = 'ends'

  const note = () => {
    const bit = 1 << entry.stream
    unfinished = entry.isPart ? unfinished | bit : unfinished & ~bit
  }
  return {
    begin(bytes, from, to) {
      unfinished = 0
      isMixed = false
      if (!envelope.read(bytes, from, to, entry)) return false
      stream = entry.stream
      note()
      pending = inner?.begin(envelope.text(bytes, entry)) === true ? 'joins' : 'ends'
      return unfinished !== 0 || pending === 'joins'
    },
    next(bytes, from, to) {
      const isEntry = envelope.read(bytes, from, to, entry)
      const isOurs = isEntry && entry.stream === stream
      if (unfinished === 0) {
        // Between whole messages only those of one stream go together.
        const verdict = isOurs ? (inner?.next(envelope.text(bytes, entry)) ?? 'apart') : 'apart'
        if (verdict === 'apart') return verdict
        note()
        pending = verdict
        return unfinished === 0 ? verdict : 'joins'
      }
      if (isEntry) note()
      isMixed ||= !isOurs
      if (unfinished !== 0) return 'joins'
      return isMixed ? 'ends' : pending
    },
  }
}

/** Makes one line of the lines of a group; where streams stand among each other, one of each message. */
export function containerTexts(envelope: Envelope, hasGroups: boolean): TextMaker {
  const room = new TextRoom()
  return {
    hasGroups,
    make(lines) {
      const { bytes, starts, ends, count } = lines
      if (!isJoined(lines)) return lines
      room.clear()
      for (let index = 0; index < count; index += 1)
        assemble(envelope, room, bytes, linesIn(bytes, starts[index] as number, ends[index] as number))
      return room.texts()
    },
  }
}

interface Line {
  readonly from: number
  readonly to: number
  /** Null: not of the format. */
  readonly entry: Entry | null
}

function assemble(envelope: Envelope, room: TextRoom, bytes: Uint8Array, found: readonly Line[]): void {
  const lines = found.map(({ from, to }): Line => {
    const entry = { stream: 0, isPart: false, textFrom: 0, textTo: 0 }
    return { from, to, entry: envelope.read(bytes, from, to, entry) ? entry : null }
  })
  const stream = lines[0]?.entry?.stream
  if (lines.every(({ entry }) => entry !== null && entry.stream === stream)) {
    write(envelope, room, bytes, lines)
    return
  }
  const parts: Line[][] = [[], []]
  for (const line of lines) {
    const { entry } = line
    if (entry === null) write(envelope, room, bytes, [line])
    else {
      const message = parts[entry.stream] as Line[]
      message.push(line)
      if (!entry.isPart) write(envelope, room, bytes, message.splice(0))
    }
  }
  for (const message of parts) if (message.length > 0) write(envelope, room, bytes, message)
}

/** Writes messages of one stream as one line. */
function write(envelope: Envelope, room: TextRoom, bytes: Uint8Array, lines: readonly Line[]): void {
  const [first] = lines
  const last = lines.at(-1)
  if (first === undefined || last === undefined) return
  if (first.entry === null || lines.length === 1) {
    room.copy(bytes, first.from, first.to)
    room.end()
    return
  }
  envelope.head(room, bytes, first.from, first.entry, last.entry?.isPart === true)
  for (const { entry } of lines) {
    if (entry === null) continue
    room.copy(bytes, entry.textFrom, entry.textTo)
    if (entry !== last.entry && !entry.isPart) room.write(envelope.lineFeed)
  }
  envelope.tail(room, bytes, first.to, first.entry)
  room.end()
}

function isJoined({ bytes, starts, ends, count }: Texts): boolean {
  for (let index = 0; index < count; index += 1) {
    const at = bytes.indexOf(10, starts[index] as number)
    if (at !== -1 && at < (ends[index] as number)) return true
  }
  return false
}

/** The lines of a range, without their line ends. */
function linesIn(bytes: Uint8Array, from: number, to: number): Line[] {
  const lines: Line[] = []
  let start = from
  for (;;) {
    const found = bytes.indexOf(10, start)
    const end = found === -1 || found >= to ? to : found
    const isReturn = end < to && end > start && bytes[end - 1] === 13
    lines.push({ from: start, to: isReturn ? end - 1 : end, entry: null })
    if (end === to) return lines
    start = end + 1
  }
}
