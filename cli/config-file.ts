// The configuration file as commands read it: from the disk, with the environment, with the sinks' schemas.

import { readFileSync, statSync } from 'node:fs'
import { formatProblem, type InputChecks, type Loaded, loadConfig } from '../config/load.ts'
import type { Config, SinkSchemas } from '../config/schema.ts'
import { LogdriveError } from '../core/errors.ts'
import type { Io } from './command.ts'

const fileBytesMax = 1024 * 1024

/** Reads and checks a file; problems are returned. Throws CONFIG_INVALID when there is no file to read. */
export function readConfig(file: string, sinkSchemas: SinkSchemas, inputChecks: InputChecks, io: Io): Loaded {
  return loadConfig(textOf(file), {
    file,
    sinkSchemas,
    ...inputChecks,
    variable: (name) => io.variable(name),
    readFile: (path) => readText(path, 64 * 1024),
  })
}

/** Reads a file that must be right. Throws CONFIG_INVALID with every problem in its message. */
export function requireConfig(
  file: string,
  sinkSchemas: SinkSchemas,
  inputChecks: InputChecks,
  io: Io,
): { readonly config: Config; readonly warnings: readonly string[] } {
  const loaded = readConfig(file, sinkSchemas, inputChecks, io)
  if ('config' in loaded) return { config: loaded.config, warnings: loaded.warnings.map(formatProblem) }
  const lines = loaded.problems.map(formatProblem)
  throw new LogdriveError('CONFIG_INVALID', `the configuration has problems\n${lines.join('\n')}`)
}

function textOf(file: string): string {
  try {
    return readText(file, fileBytesMax)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const hint =
      code === 'ENOENT' ? '"logdrive init" writes one; -c FILE names another' : 'see its owner and mode'
    throw new LogdriveError('CONFIG_INVALID', `${file} cannot be read (${code})`, { hint, cause: error })
  }
}

/** At most one byte over the bound is kept, so that the reader of the text refuses it. */
function readText(path: string, bytesMax: number): string {
  // A device or pipe has no end: only regular files.
  if (!statSync(path).isFile()) throw Object.assign(new Error('not a regular file'), { code: 'ENOTFILE' })
  if (statSync(path).size > bytesMax) return ' '.repeat(bytesMax + 1)
  return readFileSync(path, 'utf8')
}
