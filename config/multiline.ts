// The `encoding` and `multiline` keys of a file input. Whether a pattern can be run is checked where it is.

import { z } from 'zod'
import * as fields from './fields.ts'
import { type Finding, wrong } from './problems.ts'
import type { Config } from './schema.ts'
import { didYouMean } from './suggest.ts'

const presets = ['java', 'python', 'go', 'ruby', 'node'] as const
const commonEncodings = [
  'utf-8',
  'utf-16',
  'utf-16le',
  'utf-16be',
  'latin1',
  'shift_jis',
  'big5',
  'gb18030',
  'euc-kr',
]

const preset = z.enum(presets)
const someOf = z.union([preset.transform((one) => [one]), z.array(preset).min(1)], {
  error: ({ input }) => {
    const typed = typeof input === 'string' ? didYouMean(input, presets) : ''
    return `expected ${presets.join(', ')}, or a list of them${typed}`
  },
})

function pattern(description: string, example: string) {
  return z
    .string()
    .min(1, { error: 'empty' })
    .optional()
    .meta({ description, examples: [example] })
}

const map = z
  .strictObject({
    preset: someOf.optional().meta({ description: 'Stack traces of these languages.', examples: ['java'] }),
    start: pattern('Such a line begins a record.', '^\\d{4}-\\d\\d-\\d\\d'),
    continue_through: pattern('Such a line belongs to the record before it.', '^\\s'),
    continue_past: pattern('The line after such a line belongs to its record.', '\\\\$'),
    halt_before: pattern('Such a line does not belong to the record before it.', '^---$'),
    halt_with: pattern('Such a line is the last of its record.', ';$'),
    max_lines: fields
      .count({ min: 1, max: 10_000 })
      .prefault(1000)
      .meta({ description: 'Further lines are a record of their own.' }),
    max_bytes: fields
      .size({ min: 64, max: 2 ** 24 })
      .prefault('1MiB')
      .meta({ description: 'What would make a record larger begins another.' }),
    wait: fields
      .duration({ min: 100, max: 3_600_000 })
      .prefault('1s')
      .meta({ description: 'A record that did not grow for so long is sent as it is.' }),
  })
  .superRefine((value, context) => {
    const patterns = [
      value.start,
      value.continue_through,
      value.continue_past,
      value.halt_before,
      value.halt_with,
    ]
    const hasPattern = patterns.some((one) => one !== undefined)
    if (hasPattern === (value.preset !== undefined)) {
      const message = hasPattern
        ? 'preset and patterns exclude one another'
        : 'expected a preset, or one of start, continue_through, continue_past, halt_before, halt_with'
      context.addIssue({ code: 'custom', message })
    }
  })

/** `multiline: java`, `multiline: [java, python]` or `multiline: { start: ... }`. */
export const multiline = z.union([someOf.transform((names) => map.parse({ preset: names })), map], {
  error: ({ input }) => {
    const typed = typeof input === 'string' ? didYouMean(input, presets) : ''
    return `expected ${presets.join(', ')}, a list of them, or a map with patterns${typed}`
  },
})

/** `encoding: utf-16le`: a name that `TextDecoder` knows, in its own spelling; `utf-16` goes by the byte order mark. */
export const encoding = z
  .string({ error: 'expected the name of an encoding' })
  .transform((value, context) => {
    const label = value.trim().toLowerCase()
    if (label === 'utf-16') return label
    try {
      return new TextDecoder(label).encoding
    } catch {
      const message = `unknown encoding: expected ${commonEncodings.join(', ')} or another that browsers know${didYouMean(label, commonEncodings)}`
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
  })
  .meta({ title: 'encoding', examples: ['utf-16le'] })

/** Encodings and formats that do not go together. */
export function checkEncodings(config: Config): readonly Finding[] {
  return Object.entries(config.agent?.inputs ?? {}).flatMap(([name, input]) => {
    if (input.type !== 'file' || input.encoding === 'utf-8') return []
    if (input.parse?.type !== 'cri' && input.parse?.type !== 'docker') return []
    const message = `${input.parse.type} lines are UTF-8: leave encoding out`
    return [wrong(['agent', 'inputs', name, 'encoding'], message)]
  })
}
