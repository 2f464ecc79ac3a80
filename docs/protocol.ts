// docs/protocol.md: every API, version and field that the broker speaks, printed from the tables of protocol/apis.

import { apis } from '../protocol/apis/index.ts'
import { kafkaErrors } from '../protocol/errors.ts'
import type { Api, FieldRow, Fields, Shape, Struct } from '../protocol/schema.ts'

const head = `# Kafka's wire protocol

What Logdrive speaks on its Kafka port: every API with its versions and fields. Written by \`npm run docs\` from the tables in \`protocol/apis/\`; the readers and writers are made from the same tables. Names are Kafka's own, in lowerCamelCase.

A request is \`int32 size\`, a header (\`int16 apiKey, int16 apiVersion, int32 correlationId, nullable string clientId\`), and the body; a response is \`int32 size, int32 correlationId\` and the body. All numbers are big-endian. Responses come in the order of the requests; a Produce with \`acks\` 0 has none.

In flexible versions strings, bytes and arrays begin with their length plus one as an unsigned varint (0 is null), and every struct ends with its tagged fields: their count, then tag, size and bytes of each. In the other versions a string begins with an int16, bytes and arrays with an int32 (-1 is null). Headers have tagged fields in flexible versions too, but for the response to ApiVersions; \`clientId\` is never compact. The field tables say the tag of a tagged field; it may be missing.

int64 values beyond 2^53 are refused, and so is a request with more than 500,000 array elements, or whose objects would take more memory than its bytes (16 MiB where it is smaller: some 100,000 topics or partitions). A version that is not offered is answered with UNSUPPORTED_VERSION (35).
`

/** The whole document. */
export function protocolDocument(): string {
  const list: readonly Api[] = Object.values(apis)
  const rows = list.map(
    (api) =>
      `| ${api.key} | [${api.name}](#${api.name.toLowerCase()}) | ${versionsOf(api)} | ${api.flexible ?? 'never'} | ${api.about} |`,
  )
  const table = `| key | API | versions | flexible from | is for |\n|--:|---|---|---|---|\n${rows.join('\n')}\n`
  const errors = Object.entries(kafkaErrors).map(([name, code]) => `| ${code} | ${name} |`)
  const errorTable = `## Error codes\n\n| code | name |\n|--:|---|\n${errors.join('\n')}\n`
  return [head, `## APIs\n\n${table}`, ...list.map(section), errorTable].join('\n')
}

function versionsOf({ versions: [min, max], served }: Api): string {
  const offered = rangeOf(min, max)
  return served === undefined ? offered : `${offered}, served: ${rangeOf(...served)}`
}

function rangeOf(min: number, max: number): string {
  return min === max ? `${min}` : `${min}-${max}`
}

function section(api: Api): string {
  return `## ${api.name}

${api.about} Key ${api.key}, versions ${versionsOf(api)}.

Request:

${fieldTable(api.request)}
Response:

${fieldTable(api.response)}`
}

function fieldTable({ fields }: Struct): string {
  if (Object.keys(fields).length === 0) return 'Nothing.\n'
  const rows = fieldRows(fields, '')
  return `| field | type | versions | default | is |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
}

function fieldRows(fields: Fields, prefix: string): readonly string[] {
  return Object.entries(fields).flatMap(([name, row]) => {
    const path = `${prefix}${name}`
    const versions = row.tag === null ? row.versions : `${row.versions}, tag ${row.tag}`
    const cells = [`\`${path}\``, typeOf(row), versions, defaultOf(row), row.about.replaceAll('|', '\\|')]
    return [`| ${cells.join(' | ')} |`, ...nested(row.type, path)]
  })
}

function nested(shape: Shape, path: string): readonly string[] {
  if (shape.kind === 'struct') return fieldRows(shape.fields, `${path}.`)
  if (shape.kind === 'array' && shape.of.kind === 'struct') return fieldRows(shape.of.fields, `${path}[].`)
  return []
}

function typeOf({ type, nullable, versions }: FieldRow): string {
  const name = type.kind === 'array' ? `${type.of.kind}[]` : type.kind
  if (nullable === null) return name
  return nullable === versions ? `${name} or null` : `${name}, from ${nullable} or null`
}

function defaultOf({ default: value }: FieldRow): string {
  if (value === undefined) return ''
  return `\`${JSON.stringify(value)}\``
}
