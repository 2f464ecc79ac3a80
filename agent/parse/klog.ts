// klog and glog lines (Kubernetes): `I1121 06:00:00.123456    1234 file.go:42] message`.
import { kind, type LineParser } from './fields.ts'
import type { Names } from './names.ts'
import { klogSeverity } from './severity.ts'
import { digitsEnd } from './time.ts'
import { addBare } from './values.ts'

const space = 0x20
/** `1121 06:00:00.123456` */
const timeBytes = 20

export function klogParser(names: Names): LineParser {
  const time = names.of('time', 'time')
  const thread = names.of('thread')
  const file = names.of('file')
  const line = names.of('line')
  const message = names.of('message', 'message')
  return (bytes, from, to, fields) => {
    const severity = klogSeverity(bytes[from] as number)
    const timeEnd = from + 1 + timeBytes
    if (severity === null || timeEnd >= to || bytes[timeEnd] !== space) return 'not_klog'
    let at = timeEnd
    while (at < to && bytes[at] === space) at += 1
    const threadEnd = digitsEnd(bytes, at, to)
    if (threadEnd === at || bytes[threadEnd] !== space) return 'not_klog'
    const bracket = bytes.subarray(0, Math.min(to, threadEnd + 256)).indexOf(0x5d, threadEnd)
    const colon = bracket === -1 ? -1 : bytes.subarray(0, bracket).lastIndexOf(0x3a)
    if (colon <= threadEnd || digitsEnd(bytes, colon + 1, bracket) !== bracket) return 'not_klog'
    fields.severity = severity
    fields.add(time, kind.text, from + 1, timeEnd)
    fields.add(thread, kind.text, at, threadEnd)
    fields.add(file, kind.text, threadEnd + 1, colon)
    addBare(fields, line, bytes, colon + 1, bracket)
    fields.add(message, kind.text, bytes[bracket + 1] === space ? Math.min(to, bracket + 2) : bracket + 1, to)
    return null
  }
}
