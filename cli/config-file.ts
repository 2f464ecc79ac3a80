// The configuration file as commands read it: from the disk, with the environment, with the sinks' schemas.

import { isUtf8 } from 'node:buffer'
import { readFileSync, statSync } from 'node:fs'
import { formatProblem, type InputChecks, type Loaded, loadConfig, type Problem } from '../config/load.ts'
import type { Config, SinkSchemas } from '../config/schema.ts'
import { LogdriveError, systemCode } from '../core/errors.ts'
import type { Io } from './command.ts'

const fileBytesMax = 1024 * 1024
/** Of a file that is named in the other one. */
const namedBytesMax = 64 * 1024

const hints: Readonly<Record<string, string>> = {
  ENOENT: '"logdrive init" writes one; -c FILE names another',
  ENOTFILE: 'it is a folder, a pipe or a device: -c takes a file',
}

/** Reads and checks a file; problems are returned. Throws CONFIG_INVALID when there is no file to read. */
export function readConfig(file: string, sinkSchemas: SinkSchemas, inputChecks: InputChecks, io: Io): Loaded {
  const bytes = bytesOf(file)
  if (!isUtf8(bytes)) return { problems: [notUtf8(file, bytes)] }
  return loadConfig(bytes.toString(), {
    file,
    sinkSchemas,
    ...inputChecks,
    variable: (name) => io.variable(name),
    readFile: readText,
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

function bytesOf(file: string): Buffer {
  try {
    return readBounded(file, fileBytesMax)
  } catch (error) {
    const code = systemCode(error)
    const hint = hints[code] ?? 'see its owner and mode'
    throw new LogdriveError('CONFIG_INVALID', `${file} cannot be read (${code})`, { hint, cause: error })
  }
}

/** A byte that is no text would become another one unseen; a line feed is a byte of its own in UTF-8. */
function notUtf8(file: string, bytes: Buffer): Problem {
  let line = 1
  for (let start = 0; start < bytes.length; line += 1) {
    const end = bytes.indexOf(0x0a, start)
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) break
    start = end + 1
  }
  return { file, line, column: 1, path: '', message: 'this line is not UTF-8: save the file as UTF-8' }
}

/** A secret in another encoding would be another secret. */
function readText(path: string): string {
  const bytes = readBounded(path, namedBytesMax)
  if (!isUtf8(bytes)) throw Object.assign(new Error('not UTF-8'), { code: 'not UTF-8' })
  return bytes.toString()
}

/** At most one byte over the bound is kept, so that the reader of the text refuses it. */
function readBounded(path: string, bytesMax: number): Buffer {
  // A device or pipe has no end: only regular files.
  if (!statSync(path).isFile()) throw Object.assign(new Error('not a regular file'), { code: 'ENOTFILE' })
  if (statSync(path).size > bytesMax) return Buffer.alloc(bytesMax + 1, ' ')
  return readFileSync(path)
}
