// The schema as documents: docs/config.md for people, logdrive.schema.json (draft-07) for editors.

import { z } from 'zod'
import { configSchema, type SinkSchema, sinkSchema } from './schema.ts'

/** A piece of JSON Schema as zod writes it; only what is read here. */
interface Piece {
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly examples?: readonly unknown[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Piece>>
  readonly additionalProperties?: Piece | boolean
  readonly items?: Piece
  readonly anyOf?: readonly Piece[]
  readonly oneOf?: readonly Piece[]
  readonly not?: unknown
}

/** JSON Schema, draft-07 (what yaml-language-server reads), of what may be written in the file. */
export function configJsonSchema(sinkSchemas: readonly SinkSchema[]): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(configSchema(sinkSchemas), { io: 'input', target: 'draft-7' })
  return { ...schema, title: 'Logdrive configuration' }
}

/** The whole reference of the configuration as Markdown. */
export function configDocument(sinkSchemas: readonly SinkSchema[]): string {
  const root = configJsonSchema(sinkSchemas) as Piece
  const sections = [
    ...describe('', { ...root, properties: without(root.properties, ['sinks']) }),
    ...sinkSchemas.flatMap((schema) => {
      const piece = z.toJSONSchema(sinkSchema(schema), { io: 'input', target: 'draft-7' }) as Piece
      return describe(`sinks.NAME (type: ${schema.type})`, {
        ...piece,
        properties: commonFirst(piece.properties),
      })
    }),
  ]
  return `${preface}\n${sections.join('\n')}`
}

const preface = `# Configuration

<!-- Written by docs/generate.ts from config/schema.ts. Do not edit: run npm run docs. -->

One YAML file, by habit \`logdrive.yaml\`. Unknown keys are errors. \`logdrive validate -c logdrive.yaml\` lists every
problem as \`file:line:col path: message\`; \`logdrive init\` writes a file to start from.

- **Durations** carry a unit: \`200ms\` \`5s\` \`5m\` \`12h\` \`7d\`. **Sizes**: \`512\` (bytes) \`64KiB\` \`10MB\` \`20GiB\`.
  **Counts**: \`500\` \`100k\` \`1M\`.
- **From outside**: \`\${env:NAME}\`, \`\${env:NAME:-default}\`, \`\${file:/run/secrets/x}\` inside any value; unset is an
  error. \`$\${\` stands for a plain \`\${\`. Values are never printed.
- **Names** of inputs, sinks and keys: \`[a-z][a-z0-9_-]*\`. NAME below stands for one of yours.
- **Paths** are relative to the folder the program is started in.
`

/** One table for a map's own keys, then the tables of the maps inside it. */
function describe(path: string, piece: Piece): readonly string[] {
  const properties = Object.entries(piece.properties ?? {})
  const rows = properties.map(([key, value]) => {
    const required = piece.required?.includes(key) === true
    return `| \`${key}\` | ${cell(typeOf(value))} | ${cell(defaultOf(value, required))} | ${cell(aboutOf(value))} |`
  })
  const heading = path === '' ? 'The file' : path
  const table = [`## ${heading}\n`, '| key | type | default | |', '|---|---|---|---|', ...rows, ''].join('\n')
  const inner = properties.flatMap(([key, value]) =>
    describeInside(path === '' ? key : `${path}.${key}`, value),
  )
  return [table, ...inner]
}

function describeInside(path: string, piece: Piece): readonly string[] {
  const options = piece.anyOf ?? piece.oneOf
  if (options !== undefined) return options.flatMap((option) => describeInside(pathOf(path, option), option))
  if (typeof piece.additionalProperties === 'object')
    return describeInside(`${path}.NAME`, piece.additionalProperties)
  if (piece.items !== undefined) return describeInside(`${path}[]`, piece.items)
  return piece.properties === undefined ? [] : describe(path, piece)
}

/** Maps that are told apart by their type stand under it. */
function pathOf(path: string, option: Piece): string {
  const type = option.properties?.type?.const
  return type === undefined ? path : `${path} (type: ${String(type)})`
}

function typeOf(piece: Piece): string {
  if (piece.title !== undefined) return piece.title
  if (piece.not !== undefined) return 'not built yet'
  if (piece.const !== undefined) return `\`${String(piece.const)}\``
  if (piece.enum !== undefined) return piece.enum.map((value) => `\`${String(value)}\``).join(' or ')
  const options = (piece.anyOf ?? piece.oneOf)?.filter((option) => option.const !== false)
  if (options !== undefined) return options.map(typeOf).join(' or ')
  if (piece.items !== undefined) return `list of ${typeOf(piece.items)}`
  if (piece.properties !== undefined) return 'map'
  if (piece.additionalProperties !== undefined) return 'map by name'
  return typeof piece.type === 'string' ? (typeNames.get(piece.type) ?? piece.type) : 'text'
}

const typeNames: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['boolean', 'true or false'],
])

function defaultOf(piece: Piece, required: boolean): string {
  if (required) return '**required**'
  if (piece.default === undefined) return ''
  if (typeof piece.default !== 'object') return `\`${String(piece.default)}\``
  const text = JSON.stringify(piece.default)
  return text === '{}' || text === '[]' ? '' : `\`${text}\``
}

function aboutOf(piece: Piece): string {
  const example = piece.examples?.[0]
  const shown = typeof example === 'string' ? example : JSON.stringify(example)
  const about = piece.description ?? ''
  return example === undefined ? about : `${about} Example: \`${shown}\`.`.trim()
}

/** A pipe would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

/** The keys every sink has in front of its own. */
function commonFirst(properties: Piece['properties']): NonNullable<Piece['properties']> {
  const { type, topics, ...own } = properties ?? {}
  return { ...(type === undefined ? {} : { type }), ...(topics === undefined ? {} : { topics }), ...own }
}

function without(
  properties: Readonly<Record<string, Piece>> | undefined,
  keys: readonly string[],
): Readonly<Record<string, Piece>> {
  return Object.fromEntries(Object.entries(properties ?? {}).filter(([key]) => !keys.includes(key)))
}
