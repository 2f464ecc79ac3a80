// logdrive init: writes a commented configuration to start from, and the schema its first line names.

import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { starterAgentYaml, starterYaml } from '../config/defaults.ts'
import { configJsonSchema } from '../config/document.ts'
import type { SinkSchemas } from '../config/schema.ts'
import { LogdriveError, systemCode } from '../core/errors.ts'
import { type Command, exitCodes, usage } from './command.ts'

/** Never overwrites a configuration unless told to. Where no sinks are known it writes an agent's, whatever is asked. */
export function initCommand(sinkSchemas: SinkSchemas): Command {
  const isForAgents = sinkSchemas === 'unchecked'
  const program = isForAgents ? 'logdrive-agent' : 'logdrive'
  return {
    name: 'init',
    summary: 'Writes a commented configuration to start from',
    usage: isForAgents
      ? '[FILE] [options]   (default agent.yaml; - prints)'
      : '[FILE] [options]   (default logdrive.yaml, with --agent agent.yaml; - prints)',
    examples: ['logdrive init', 'logdrive init --agent', 'logdrive init - | less'],
    options: {
      agent: { about: 'for an agent alone, that ships to a collector elsewhere' },
      force: { about: 'overwrite what is there' },
    },
    async run(args, io) {
      const isAgent = isForAgents || args.has('agent')
      const [file = isAgent ? 'agent.yaml' : 'logdrive.yaml', more] = args.positionals
      if (more !== undefined) throw usage(`one file at a time: "${more}" is one too many`)
      const named = file === '-' ? undefined : basename(file)
      const text = isAgent ? starterAgentYaml(named, { program }) : starterYaml(named)
      if (file === '-') {
        await io.stdout.write(text)
        return exitCodes.good
      }
      write(file, text, args.has('force'))
      const schemaFile = join(dirname(file), 'logdrive.schema.json')
      const schema = configJsonSchema(isForAgents ? [] : sinkSchemas)
      // Ours to renew: it says nothing but what this version takes.
      write(schemaFile, `${JSON.stringify(schema, null, 2)}\n`, true)
      const next = isAgent ? `${program} agent -c ${file}` : `${program} up -c ${file}`
      await io.stdout.write(
        `wrote ${file} and ${schemaFile}\nnext: ${program} validate -c ${file}, then ${next}\n`,
      )
      return exitCodes.good
    },
  }
}

function write(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST')
      throw new LogdriveError('REQUEST_INVALID', `${file} is there already`, {
        hint: 'name another file, or overwrite it with --force',
        cause: error,
      })
    throw new LogdriveError('REQUEST_INVALID', `${file} cannot be written (${code})`, { cause: error })
  }
}
