// logdrive schema: the JSON Schema of the configuration, for editors.

import { configJsonSchema } from '../config/document.ts'
import { type Command, exitCodes } from './command.ts'
import { sinkSchemas } from './sink-types.ts'

/** Prints draft-07, which yaml-language-server reads. */
export const schema: Command = {
  name: 'schema',
  summary: 'Prints the JSON Schema of the configuration, for editors',
  usage: '',
  examples: ['logdrive schema > logdrive.schema.json'],
  options: {},
  async run(_args, io) {
    await io.stdout.write(`${JSON.stringify(configJsonSchema(sinkSchemas()), null, 2)}\n`)
    return exitCodes.good
  },
}
