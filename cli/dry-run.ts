// logdrive agent --dry-run: what an input would send of the lines of a file; nothing is sent, no position is kept.

import { readFileSync, statSync } from 'node:fs'
import type { AgentOptions, FileInput } from '../agent/options.ts'
import { LogdriveError, systemCode } from '../core/errors.ts'
import { type Io, usage } from './command.ts'
import { fileSampling, sampleBytesMax, statusText } from './samples.ts'

/**
 * Prints the values of the records, one a line, and on stderr how many lines did not parse and what transforms did. Throws
 * CONFIG_INVALID.
 */
export async function dryRun(
  options: AgentOptions,
  file: string,
  name: string | null,
  io: Io,
): Promise<void> {
  const input = inputNamed(options.inputs, name)
  const sample = { bytes: beginningOf(file), readAtMs: statSync(file).mtimeMs }
  const { records, status } = await fileSampling(input, sample)
  for await (const { value } of records) {
    // Further lines of one record are seen to be so.
    await io.stdout.write(`${Buffer.from(value).toString().replaceAll('\n', '\n  | ')}\n`)
  }
  await io.stderr.write(`${statusText(status(), ` for the topic ${input.topic}`)}\n`)
}

function inputNamed(inputs: readonly FileInput[], name: string | null): FileInput {
  const found = name === null && inputs.length === 1 ? inputs[0] : inputs.find((input) => input.name === name)
  if (found !== undefined) return found
  const names = inputs.map((input) => input.name).join(', ')
  throw usage(
    name === null ? `which input? --input is one of ${names}` : `there is no file input "${name}": ${names}`,
  )
}

function beginningOf(file: string): Uint8Array {
  try {
    return readFileSync(file).subarray(0, sampleBytesMax)
  } catch (error) {
    const code = systemCode(error)
    throw new LogdriveError('CONFIG_INVALID', `${file} cannot be read (${code})`, { cause: error })
  }
}
