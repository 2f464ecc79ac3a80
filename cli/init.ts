// logdrive init: writes a commented configuration to start from, and the schema its first line names.

import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { starterAgentYaml, starterYaml } from '../config/defaults.ts'
import { configJsonSchema } from '../config/document.ts'
import { LogdriveError } from '../core/errors.ts'
import { type Command, exitCodes, usage } from './command.ts'
import { sinkSchemas } from './sink-types.ts'

/** Never overwrites a configuration unless told to. */
export const init: Command = {
  name: 'init',
  summary: 'Writes a commented configuration to start from',
  usage: '[FILE] [options]   (default logdrive.yaml, with --agent agent.yaml; - prints)',
  examples: ['logdrive init', 'logdrive init --agent', 'logdrive init - | less'],
  options: {
    agent: { about: 'for an agent alone, that ships to a collector elsewhere' },
    force: { about: 'overwrite what is there' },
  },
  async run(args, io) {
    const [file = args.has('agent') ? 'agent.yaml' : 'logdrive.yaml', more] = args.positionals
    if (more !== undefined) throw usage(`one file at a time: "${more}" is one too many`)
    const named = file === '-' ? undefined : basename(file)
    const text = args.has('agent') ? starterAgentYaml(named) : starterYaml(named)
    if (file === '-') {
      await io.stdout.write(text)
      return exitCodes.good
    }
    write(file, text, args.has('force'))
    const schemaFile = join(dirname(file), 'logdrive.schema.json')
    // Ours to renew: it says nothing but what this version takes.
    write(schemaFile, `${JSON.stringify(configJsonSchema(sinkSchemas()), null, 2)}\n`, true)
    const next = args.has('agent') ? `logdrive agent -c ${file}` : `logdrive up -c ${file}`
    await io.stdout.write(
      `wrote ${file} and ${schemaFile}\nnext: logdrive validate -c ${file}, then ${next}\n`,
    )
    return exitCodes.good
  },
}

function write(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (code === 'EEXIST')
      throw new LogdriveError('REQUEST_INVALID', `${file} is there already`, {
        hint: 'name another file, or overwrite it with --force',
        cause: error,
      })
    throw new LogdriveError('REQUEST_INVALID', `${file} cannot be written (${code})`, { cause: error })
  }
}
