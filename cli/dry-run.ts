// logdrive agent --dry-run: what an input would send of the lines of a file; nothing is sent, no position is kept.

import { readFileSync, statSync } from 'node:fs'
import { plainFraming } from '../agent/lines/framing.ts'
import { type AgentOptions, defaultLimits, type FileInput } from '../agent/options.ts'
import { lineMaking, Parsing } from '../agent/parsing.ts'
import { batchOf, type LineBatch, textsOf } from '../agent/tail/batch.ts'
import { frontierAt, readBlock, slabBytes } from '../agent/tail/block.ts'
import { emptyPrint } from '../agent/tail/identity.ts'
import { lineRanges } from '../agent/tail/lines.ts'
import { Tally } from '../agent/tally.ts'
import { LogdriveError } from '../core/errors.ts'
import type { ReadableFile } from '../core/runtime.ts'
import { type Io, usage } from './command.ts'

/** More of a file is not looked at. */
const bytesMax = 4 * 1024 * 1024

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
  const making = await lineMaking(input)
  const parsing = making === null ? null : new Parsing(making)
  const tally = new Tally()
  for await (const batch of batchesOf(sampleOf(file), input, statSync(file).mtimeMs)) {
    const made = parsing?.make(batch, 0, batch.count)
    const texts = made ?? textsOf(batch, 0, batch.count)
    if (made === undefined) tally.lines += texts.count
    else tally.add(made.tally)
    for (let index = 0; index < texts.count; index += 1) {
      const value = Buffer.from(texts.bytes.subarray(texts.starts[index], texts.ends[index]))
      // Further lines of one record are seen to be so.
      await io.stdout.write(`${value.toString().replaceAll('\n', '\n  | ')}\n`)
    }
  }
  await io.stderr.write(report(tally, input.topic))
}

function report({ lines, filtered, sampled, unparsed, redacted, failed }: Tally, topic: string): string {
  const count = lines - filtered - sampled
  const said = [
    ...unparsed,
    ...(filtered > 0 ? [['filtered', filtered] as const] : []),
    ...(sampled > 0 ? [['sampled out', sampled] as const] : []),
    ...[...redacted].map(([kind, values]) => [`redacted ${kind}`, values] as const),
    ...[...failed].map(([reason, steps]) => [`transform_error ${reason}`, steps] as const),
  ]
  const counts = said.map(([what, times]) => `, ${what}: ${times}`).join('')
  return `${count} ${count === 1 ? 'record' : 'records'} for the topic ${topic}${counts}\n`
}

/** Reads the sample as a tail would, all of it taken. */
async function* batchesOf(bytes: Uint8Array, input: FileInput, readAtMs: number): AsyncGenerator<LineBatch> {
  const { lineBytesMax, framing = plainFraming } = input
  const { batchBytesMax, batchLinesMax } = defaultLimits
  const recordBytesMax = lineBytesMax + (framing.grouper?.limits.bytesMax ?? 0)
  const slab = {
    bytes: Buffer.allocUnsafeSlow(slabBytes(batchBytesMax, recordBytesMax)),
    ranges: lineRanges(batchLinesMax),
    frame: { bytes: Buffer.alloc(0) },
  }
  const flush = { what: 'line', at: bytes.length } as const
  let at = frontierAt(0, new Uint8Array(0), 0)
  for (;;) {
    const block = await readBlock(inMemory(bytes), slab, at, {
      batchBytesMax,
      lineBytesMax,
      framing,
      flush,
    })
    if (block.kind !== 'lines') return
    at = block.next
    yield batchOf(block, slab, { source: '', epoch: 0, path: '', head: emptyPrint, readAtMs })
  }
}

function inMemory(bytes: Uint8Array): ReadableFile {
  return {
    read: async (position, target) => {
      const found = bytes.subarray(position, position + target.length)
      target.set(found)
      return found.length
    },
    stat: () => Promise.reject(new Error('a sample has no facts')),
    [Symbol.asyncDispose]: async () => {},
  }
}

function inputNamed(inputs: readonly FileInput[], name: string | null): FileInput {
  const found = name === null && inputs.length === 1 ? inputs[0] : inputs.find((input) => input.name === name)
  if (found !== undefined) return found
  const names = inputs.map((input) => input.name).join(', ')
  throw usage(
    name === null ? `which input? --input is one of ${names}` : `there is no file input "${name}": ${names}`,
  )
}

/** The beginning of a file. */
function sampleOf(file: string): Uint8Array {
  try {
    return readFileSync(file).subarray(0, bytesMax)
  } catch (error) {
    throw new LogdriveError('CONFIG_INVALID', `${file} cannot be read`, { cause: error })
  }
}
