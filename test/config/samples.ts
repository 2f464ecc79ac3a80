// What the tests of config/ share: sink schemas in the shape of the real ones and independent of them, and loading of texts.
import { z } from 'zod'
import { inputChecks } from '../../cli/input-checks.ts'
import * as fields from '../../config/fields.ts'
import { formatProblem, loadConfig } from '../../config/load.ts'
import { type SinkSchema, type SinkSchemas, sinkBatch } from '../../config/schema.ts'

const clickhouse: SinkSchema = {
  type: 'clickhouse',
  config: z.strictObject({
    server: z
      .union(
        [
          z.literal('embedded'),
          z.strictObject({
            url: fields.url(),
            user: z.string().prefault('default'),
            password: fields.secret().optional(),
            database: z.string().prefault('logdrive'),
          }),
        ],
        { error: 'expected embedded or { url, user, password, database }' },
      )
      .prefault('embedded')
      .meta({ description: 'Which ClickHouse.' }),
    port: fields.port().prefault(8123).meta({ description: 'Port of the embedded one.' }),
    database: z.string().prefault('logdrive').meta({ description: 'Database of the tables.' }),
    batch: sinkBatch(),
  }),
}

const file: SinkSchema = {
  type: 'file',
  config: z.strictObject({
    path: fields.path().meta({ description: 'Template of the folder.' }),
    compression: z.enum(['none', 'gzip', 'zstd']).prefault('none').meta({ description: 'Compression.' }),
  }),
}

export const sampleSinks: readonly SinkSchema[] = [
  clickhouse,
  file,
  { type: 'stdout', config: z.strictObject({}) },
]

/** Loads a text as `logdrive.yaml` with the given variables and files. */
export function load(
  text: string,
  variables: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
  sinkSchemas: SinkSchemas = sampleSinks,
) {
  return loadConfig(text, {
    file: 'logdrive.yaml',
    sinkSchemas,
    ...inputChecks,
    variable: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
    readFile: (path) => {
      const found = Object.hasOwn(files, path) ? files[path] : undefined
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return found
    },
  })
}

/** The problems of a text as they are printed. */
export function problems(text: string, variables = {}, files = {}): string {
  const loaded = load(text, variables, files)
  return 'problems' in loaded ? loaded.problems.map(formatProblem).join('\n') : 'no problems'
}

/** The configuration of a right text. */
export function config(text: string, variables = {}, files = {}) {
  const loaded = load(text, variables, files)
  if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.config
}
