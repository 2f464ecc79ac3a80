// The `parse` key of a file input: a format by name, or with its settings. What is in them is checked where it is used.

import { z } from 'zod'
import * as fields from './fields.ts'
import { didYouMean } from './suggest.ts'

const types = [
  'json',
  'logfmt',
  'nginx',
  'apache',
  'syslog',
  'cri',
  'docker',
  'klog',
  'regex',
  'csv',
] as const

const text = z.string().min(1, { error: 'empty' })

const time = z.strictObject({
  field: text.optional().meta({
    description: 'The field that holds the time. Without it the format knows, or a usual name is looked for.',
    examples: ['when'],
  }),
  format: text.optional().meta({
    description:
      'A name (`rfc3339`, `epoch_ms`, `clf`, ...) or strftime; without it ISO 8601 and seconds to nanoseconds since 1970 are tried.',
    examples: ['%Y-%m-%d %H:%M:%S.%f'],
  }),
  zone: text.prefault('UTC').meta({
    description: 'The zone of times that do not say theirs: `UTC`, `local`, `+02:00`, `Europe/Berlin`.',
  }),
})

const severity = z.strictObject({
  field: text.optional().meta({ description: 'The field that holds it; else a usual name is looked for.' }),
  map: z
    .record(text, z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']))
    .optional()
    .meta({
      description: 'Own words and numbers, as the lines have them.',
      examples: [{ A: 'fatal', 3: 'warn' }],
    }),
})

const shape = {
  type: z.enum(types).meta({ description: 'The format of the lines.' }),
  format: text.optional().meta({
    description:
      '`nginx`, `apache`: `combined`, another name, or the format as the server is configured with. See parsing.md.',
    examples: ['$remote_addr [$time_iso8601] "$request" $status $request_time'],
  }),
  pattern: text.optional().meta({
    description: '`regex`: an expression with named groups, run in linear time.',
    examples: ['^(?<time>\\S+) (?<level>[A-Z]+) (?<message>.*)$'],
  }),
  columns: z
    .array(text)
    .min(1, { error: 'at least one column' })
    .max(256, { error: 'at most 256 columns' })
    .optional()
    .meta({ description: '`csv`: the names of the columns.', examples: [['time', 'user', 'action']] }),
  delimiter: z
    .string()
    .regex(/^[\t -~]$/, { error: 'expected one ASCII character' })
    .optional()
    .meta({ description: '`csv`: what stands between two values; a comma unless said.' }),
  severity: severity.optional().meta({ description: 'Where the severity is and what its words mean.' }),
  keep_raw: fields.flag().optional().meta({
    description:
      'The whole line stays in `body`; else its message alone does. Default: `false`, but `true` for `regex`.',
  }),
}

/** How the message inside of an envelope is parsed. */
export const inside = byNameOr(z.strictObject(shape))

const whole = z.strictObject({
  ...shape,
  time: time.optional().meta({ description: 'Where the time is and how it is written.' }),
  inside: inside.optional().meta({
    description: '`cri`, `docker`: how the message inside is parsed.',
    examples: ['json'],
  }),
})

/** `parse: nginx` or `parse: { type: nginx, ... }`. */
export const parse = byNameOr(whole)

function byNameOr<Schema extends z.ZodObject<{ type: z.ZodType }>>(schema: Schema) {
  const byName = z.enum(types).transform((type) => schema.parse({ type }) as z.infer<Schema>)
  return z.union([byName, schema], {
    error: ({ input }) => {
      const typed = typeof input === 'string' ? didYouMean(input, types) : ''
      return `expected ${types.join(', ')}, or a map with a type${typed}`
    },
  })
}
