// Lines of containers as CRI runtimes (containerd, CRI-O) write them: `TIME STREAM TAGS MESSAGE`.
import { kind, type LineParser } from './fields.ts'
import type { Names } from './names.ts'
import { matches } from './time.ts'

const space = 0x20

/** The parser; `P` among the tags (colons between them) makes the field `partial`: the line goes on in the next. */
export function criParser(names: Names): LineParser {
  const time = names.of('time', 'time')
  const stream = names.of('stream')
  const partial = names.of('partial')
  const message = names.of('message', 'message')
  return (bytes, from, to, fields) => {
    const timeEnd = wordEnd(bytes, from, to)
    const streamEnd = wordEnd(bytes, timeEnd + 1, to)
    const tagsEnd = wordEnd(bytes, streamEnd + 1, to)
    const isStream =
      streamEnd - timeEnd === 7 &&
      (matches(bytes, timeEnd + 1, 'stdout') || matches(bytes, timeEnd + 1, 'stderr'))
    const tag = bytes[streamEnd + 1]
    const isTag = tagsEnd > streamEnd + 1 && (tag === 0x46 || tag === 0x50)
    if (!isStream || streamEnd >= to || !isTag) return 'not_cri'
    fields.add(time, kind.text, from, timeEnd)
    fields.add(stream, kind.text, timeEnd + 1, streamEnd)
    if (tag === 0x50) fields.flag(partial, true)
    fields.add(message, kind.text, Math.min(to, tagsEnd + 1), to)
    return null
  }
}

function wordEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && bytes[at] !== space) at += 1
  return Math.min(at, to)
}
