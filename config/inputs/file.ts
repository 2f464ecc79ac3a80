// The shape of an input of files.
import { z } from 'zod'
import * as fields from '../fields.ts'
import { encoding, multiline } from '../multiline.ts'
import { parse } from '../parse.ts'
import { transforms } from '../transform.ts'
import { lineKeys } from './lines.ts'

/** `type: file`. */
export const fileInput = z.strictObject({
  type: z.literal('file').meta({ description: 'Lines of files, through rotation and truncation.' }),
  paths: z
    .array(fields.path())
    .min(1, { error: 'at least one path' })
    .meta({
      description: 'Files or globs (`*`, `**`, `?`, `[a-z]`, `{a,b}`).',
      examples: [['/var/log/nginx/*.log']],
    }),
  exclude: z
    .array(fields.path())
    .prefault([])
    .meta({ description: 'Globs of paths or of file names to leave out.', examples: [['*.gz']] }),
  topic: fields.topicName().prefault('logs').meta({ description: 'The topic the lines go to.' }),
  start: z
    .enum(['beginning', 'end'])
    .prefault('beginning')
    .meta({ description: 'Where a file is begun that was there before the agent first saw it.' }),
  ignore_older: fields
    .duration({ min: 1000 })
    .optional()
    .meta({
      description:
        'What is in a file that was not written for so long when it is first seen is left out; what is written to it later is read.',
      examples: ['7d'],
    }),
  delete: z
    .strictObject({
      after: fields.duration({ min: 1000 }).meta({
        description: 'So long after its last line was acknowledged and nothing was written to it since.',
        examples: ['1h'],
      }),
    })
    .optional()
    .meta({
      description:
        'Files are removed once all of them is shipped. For files that are written once, not for logs that a program keeps open. See [agent.md](agent.md#removing-what-was-shipped).',
    }),
  compressed: z.enum(['auto', 'skip']).optional().meta({
    description:
      'Compressed files (gzip, zstd), known by their content: `auto` (the default) unpacks them, and reads of a rotated file only what was not shipped; `skip` leaves them out.',
  }),
  encoding: encoding.prefault('utf-8').meta({
    description:
      'How the files are written; what is not UTF-8 is sent as UTF-8. `utf-16` goes by the byte order mark. See [lines.md](lines.md).',
  }),
  line_bytes_max: lineKeys.line_bytes_max,
  parse: parse.optional().meta({
    description:
      'How lines become records with fields: the name of a format, or a map. Without it lines travel as they are. See [parsing.md](parsing.md).',
    examples: ['nginx'],
  }),
  multiline: multiline.optional().meta({
    description:
      'Lines that become one record: presets for the stack traces of languages, or a map with patterns. See [lines.md](lines.md).',
    examples: ['java'],
  }),
  transforms,
})
