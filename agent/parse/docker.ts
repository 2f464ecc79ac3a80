// Lines of containers as Docker's json-file driver writes them: `{"log":"...\n","stream":"stdout","time":"..."}`.
import { kind, type LineParser } from './fields.ts'
import { jsonParser } from './json.ts'
import type { Names } from './names.ts'

/** The parser; a message without its line end makes the field `partial`: it goes on in the next line. */
export function dockerParser(names: Names): LineParser {
  const log = names.of('log', 'message')
  const partial = names.of('partial')
  names.of('time', 'time')
  const parse = jsonParser(names)
  return (bytes, from, to, fields) => {
    const reason = parse(bytes, from, to, fields)
    if (reason !== null) return reason
    const index = log.index
    if (fields.names[index] !== log || index >= fields.count) return 'not_docker'
    const how = fields.kinds[index]
    if (how !== kind.text && how !== kind.json) return 'not_docker'
    if (!fields.dropLineEnd(index)) fields.flag(partial, true)
    return null
  }
}
