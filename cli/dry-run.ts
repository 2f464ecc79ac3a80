// logdrive agent --dry-run: what an input would send of the lines of a file; nothing is sent, no position is kept.

import { readFileSync, statSync } from 'node:fs'
import { lineRanges, splitLines } from '../agent/lines.ts'
import type { AgentOptions, FileInput } from '../agent/options.ts'
import { compileParser } from '../agent/parse/compile.ts'
import { RecordMaker } from '../agent/parse/records.ts'
import { LogdriveError } from '../core/errors.ts'
import { type Io, usage } from './command.ts'

/** More of a file is not looked at. */
const bytesMax = 4 * 1024 * 1024
const linesMax = 64 * 1024

/** Prints the values of the records, one a line, and on stderr how many lines did not parse. Throws CONFIG_INVALID. */
export async function dryRun(
  options: AgentOptions,
  file: string,
  name: string | null,
  io: Io,
): Promise<void> {
  const input = inputNamed(options.inputs, name)
  const bytes = sampleOf(file)
  const ranges = lineRanges(linesMax)
  splitLines(bytes, 0, bytes.length, input.lineBytesMax, ranges)
  const lines = { bytes, starts: ranges.valueFrom, ends: ranges.valueTo, count: ranges.count }
  const made =
    input.parse === undefined
      ? { ...lines, unparsed: new Map<string, number>() }
      : new RecordMaker(compileParser(input.parse)).make(lines, statSync(file).mtimeMs)
  for (let index = 0; index < made.count; index += 1) {
    const value = Buffer.from(made.bytes.subarray(made.starts[index], made.ends[index]))
    await io.stdout.write(`${value.toString()}\n`)
  }
  const reasons = [...made.unparsed].map(([reason, count]) => `, ${reason}: ${count}`).join('')
  await io.stderr.write(`${made.count} lines for the topic ${input.topic}${reasons}\n`)
}

function inputNamed(inputs: readonly FileInput[], name: string | null): FileInput {
  const found = name === null && inputs.length === 1 ? inputs[0] : inputs.find((input) => input.name === name)
  if (found !== undefined) return found
  const names = inputs.map((input) => input.name).join(', ')
  throw usage(
    name === null ? `which input? --input is one of ${names}` : `there is no file input "${name}": ${names}`,
  )
}

/** Whole lines from the beginning of a file; a last one without its end counts. */
function sampleOf(file: string): Uint8Array {
  try {
    const bytes = readFileSync(file).subarray(0, bytesMax)
    return bytes.at(-1) === 10 || bytes.length === 0 ? bytes : Buffer.concat([bytes, Buffer.from('\n')])
  } catch (error) {
    throw new LogdriveError('CONFIG_INVALID', `${file} cannot be read`, { cause: error })
  }
}
