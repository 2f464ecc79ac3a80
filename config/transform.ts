// The `transforms` key of an input: steps over its records, in order. Expressions and patterns are checked where they run.
import { z } from 'zod'
import * as fields from './fields.ts'

const text = z.string().min(1, { error: 'empty' })
const kinds = ['email', 'card', 'jwt', 'keys', 'ipv4', 'ipv6'] as const
const actions = ['add', 'remove', 'rename', 'filter', 'sample', 'redact'] as const

const redactMap = z.strictObject({
  kinds: z
    .array(z.enum(kinds))
    .prefault([])
    .meta({
      description:
        'E-mail addresses, card numbers (checked by Luhn), JSON Web Tokens, keys of clouds and services, IP addresses.',
      examples: [['email', 'card', 'jwt', 'keys']],
    }),
  patterns: z
    .record(fields.name(), text)
    .prefault({})
    .meta({
      description: 'Own expressions by the name they are counted under, run in linear time.',
      examples: [{ order: 'ORD-[0-9]{6}' }],
    }),
  text: z
    .string()
    .prefault('[{kind}]')
    .meta({ description: 'What takes the place; `{kind}` is the kind, or the name of the pattern.' }),
  hash_key: fields
    .secret()
    .optional()
    .meta({
      description:
        'With a key the place is taken by `[kind:...]` with a keyed hash (HMAC-SHA-256): the same value is told again without being known.',
      examples: [`\${env:REDACT_KEY}`],
    }),
})

const redact = z
  .union(
    [
      z
        .array(z.enum(kinds))
        .min(1, { error: 'at least one kind' })
        .transform((list) => redactMap.parse({ kinds: list })),
      redactMap.refine((one) => one.kinds.length + Object.keys(one.patterns).length > 0, {
        error: 'expected kinds or patterns',
      }),
    ],
    { error: `expected a list of ${kinds.join(', ')}, or a map with kinds and patterns` },
  )
  .transform(({ hash_key: hashKey, ...rest }) => ({ ...rest, hashKey }))

const rate = z
  .number({ error: 'expected a number from 0 to 1, such as 0.1' })
  .min(0, { error: 'expected a number from 0 to 1' })
  .max(1, { error: 'expected a number from 0 to 1' })

const sample = z.union(
  [
    rate.transform((one): { rate: number; key?: string | undefined } => ({ rate: one })),
    z.strictObject({
      rate: rate.meta({ description: 'The part that is kept.', examples: [0.1] }),
      key: text.optional().meta({
        description: 'A field: records with the same value are kept or dropped together, on every machine.',
        examples: ['trace_id'],
      }),
    }),
  ],
  { error: 'expected a number from 0 to 1, or a map with a rate' },
)

const added = z.union(
  [
    z.string(),
    z.number(),
    z.boolean(),
    z.strictObject({ expression: text.meta({ description: 'What the value is made of.' }) }),
  ],
  { error: 'expected a text, a number, true, false or { expression: ... }' },
)

const step = z
  .strictObject({
    when: text.optional().meta({
      description: 'Only where this is true. A redaction is also done where it cannot be told.',
      examples: ['.status < 400'],
    }),
    add: z
      .record(text, added)
      .optional()
      .meta({
        description: 'Fields that are set.',
        examples: [{ env: 'prod', section: { expression: 'split(.path, "/")[1]' } }],
      }),
    remove: z
      .array(text)
      .min(1)
      .optional()
      .meta({
        description: 'Fields that are taken away, with all inside of them.',
        examples: [['http.headers']],
      }),
    rename: z
      .record(text, text)
      .optional()
      .meta({ description: 'Old names and new ones.', examples: [{ remote_addr: 'client.address' }] }),
    filter: text.optional().meta({
      description: 'Only records of which this is true are kept.',
      examples: ['.status >= 400 or exists(.parse_error)'],
    }),
    sample: sample.optional().meta({
      description: 'A part of all records is kept: which ones is decided by a hash, the same every time.',
      examples: [0.1],
    }),
    redact: redact.optional().meta({
      description: 'What is replaced before anything leaves the machine.',
      examples: [['email', 'card']],
    }),
  })
  .refine((one) => actions.filter((action) => one[action] !== undefined).length === 1, {
    error: `expected one of ${actions.join(', ')} in each step`,
  })

/** `transforms:`. */
export const transforms = z.array(step).max(64, { error: 'at most 64 steps' }).prefault([]).meta({
  description:
    'Steps over the records before they leave the machine, in order. See [transforms.md](transforms.md).',
})
