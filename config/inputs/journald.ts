// The shape of the input journald: what of the systemd journal is read, and from where on.
import { z } from 'zod'
import * as fields from '../fields.ts'
import { inside } from '../parse.ts'
import { transforms } from '../transform.ts'

/** `type: journald`. */
export const journaldInput = z.strictObject({
  type: z.literal('journald').meta({ description: 'Entries of the systemd journal, by `journalctl`.' }),
  topic: fields.topicName().prefault('logs').meta({ description: 'The topic the entries go to.' }),
  units: z
    .array(z.string().regex(/^[^\s\0]+$/, { error: 'expected the name of a unit' }))
    .prefault([])
    .meta({
      description: 'Only entries of and about these units; globs are fine.',
      examples: [['nginx', 'ssh*']],
    }),
  matches: z
    .array(
      z
        .string()
        .regex(/^[A-Z_][A-Z0-9_]{0,63}=[^\0]*$/, { error: 'expected FIELD=value, as journalctl takes it' }),
    )
    .prefault([])
    .meta({
      description: 'Only entries with these fields: of one field any of the values, of several fields all.',
      examples: [['_TRANSPORT=kernel']],
    }),
  since: z
    .union([z.enum(['all', 'boot', 'now']), fields.duration({ min: 1000 })], {
      error: 'expected all, boot, now or a time such as 24h',
    })
    .prefault('boot')
    .meta({
      description:
        'Where it begins without a position of its own: everything there is, this `boot`, `now`, or so long ago.',
    }),
  fields: z
    .enum(['usual', 'all'])
    .prefault('usual')
    .meta({ description: '`all`: also the fields that journald adds and that have no usual name.' }),
  directory: fields
    .path()
    .optional()
    .meta({ description: "A folder of journals, such as those of other machines; else this machine's." }),
  program: z
    .string()
    .min(1, { error: 'empty' })
    .prefault('journalctl')
    .meta({ description: 'Which journalctl, where it is not in the PATH.' }),
  line_bytes_max: fields
    .size({ min: 64, max: 2 ** 22 })
    .prefault('1MiB')
    .meta({ description: 'More of a message or field is cut, and the cut is counted in the loss ledger.' }),
  parse: inside.optional().meta({
    description: 'How the messages are parsed. See [parsing.md](parsing.md).',
    examples: ['json'],
  }),
  transforms,
})
