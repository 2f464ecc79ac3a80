// From the `encoding`, `multiline` and `parse` keys of the YAML to how the agent cuts and joins lines.

import type { Framing } from '../agent/lines/framing.ts'
import type { FramingOptions, MultilineOptions } from '../agent/lines/options.ts'
import type { FileInputConfig } from '../config/schema.ts'

/** The framing of an input; undefined where each line of UTF-8 is for itself, and nothing is loaded. */
export async function framingOf(input: FileInputConfig): Promise<Framing | undefined> {
  const options = framingOptions(input)
  if (options === null) return undefined
  const { compileFraming } = await import('../agent/lines/compile.ts')
  return compileFraming(options)
}

/** What an input asks for; null: nothing but lines of UTF-8. */
export function framingOptions({ encoding, multiline, parse }: FileInputConfig): FramingOptions | null {
  const container = parse?.type === 'cri' || parse?.type === 'docker' ? parse.type : null
  if (encoding === 'utf-8' && multiline === undefined && container === null) return null
  return { encoding, multiline: multiline === undefined ? null : multilineOptions(multiline), container }
}

function multilineOptions(multiline: NonNullable<FileInputConfig['multiline']>): MultilineOptions {
  const { preset, start, max_lines: linesMax, max_bytes: bytesMax, wait: waitMs, ...rest } = multiline
  const patterns = {
    start,
    continueThrough: rest.continue_through,
    continuePast: rest.continue_past,
    haltBefore: rest.halt_before,
    haltWith: rest.halt_with,
  }
  return { by: preset ?? patterns, linesMax, bytesMax, waitMs }
}
