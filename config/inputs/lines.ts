// What inputs of lines that are no files have in common.
import * as fields from '../fields.ts'
import { parse } from '../parse.ts'
import { transforms } from '../transform.ts'

/** Keys of such an input. */
export const lineKeys = {
  topic: fields.topicName().prefault('logs').meta({ description: 'The topic the lines go to.' }),
  line_bytes_max: fields
    .size({ min: 64, max: 2 ** 24 })
    .prefault('1MiB')
    .meta({ description: 'A longer line is cut, and the cut is counted in the loss ledger.' }),
  parse: parse.optional().meta({
    description:
      'How lines become records with fields: the name of a format, or a map. See [parsing.md](parsing.md).',
    examples: ['json'],
  }),
  transforms,
}
