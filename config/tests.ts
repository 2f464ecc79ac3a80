// The `tests` key: sample lines for an input and the records that should come of them, for `logdrive test`.
import { z } from 'zod'
import * as fields from './fields.ts'
import { type Finding, wrong } from './problems.ts'
import type { Config, InputConfig } from './schema.ts'
import { didYouMean } from './suggest.ts'

const expectedTime = 'expected a time such as 2026-11-21T06:00:00Z'
const time = z.iso.datetime({ offset: true, error: expectedTime })
const column = (description: string, example: string) =>
  z
    .string()
    .optional()
    .meta({ description, examples: [example] })

const record = z.strictObject({
  ts: time.optional().meta({
    title: 'time',
    description: 'Its time; in which zone it is written does not matter.',
    examples: ['2026-11-21T06:00:00.123Z'],
  }),
  body: column('Its text. Of a line without fields that is the whole line.', 'payment failed'),
  severity_text: column('Its severity as it is sent.', 'ERROR'),
  severity_number: fields
    .integer({ min: 1, max: 24 })
    .optional()
    .meta({ description: 'Its severity as a number: 9 is info, 13 warn, 17 error.', examples: [17] }),
  service_name: column('The service it is from.', 'shop'),
  trace_id: column('The trace it belongs to.', '4bf92f3577b34da6a3ce929d0e0e4736'),
  span_id: column('The span it belongs to.', '00f067aa0ba902b7'),
  fields: z
    .record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean(), z.null()], {
        error: 'expected a text, a number, true, false, or null for a field that must not be there',
      }),
    )
    .prefault({})
    .meta({
      description: 'Fields by name: texts, numbers, true or false. `null`: there must be none of this name.',
      examples: [{ status: 200, 'http.method': 'GET', password: null }],
    }),
})

const expectation = z.union([z.string().transform((body) => record.parse({ body })), record], {
  error: 'expected a text (the body; put it in quotes), or a map with ts, body, severity_text, fields, ...',
})

const test = z
  .strictObject({
    input: z.string({ error: 'expected the name of an input' }).meta({
      description: 'The input whose lines they are, by its name under `agent.inputs`.',
      examples: ['nginx'],
    }),
    lines: z
      .union([z.string().transform((text) => [text.replace(/\n$/, '')]), z.array(z.string()).min(1)], {
        error: 'expected a list of texts, or a text of several lines',
      })
      .optional()
      .meta({
        description: 'The lines, as they would stand in a file.',
        examples: [['{"level":"info","msg":"hi"}']],
      }),
    file: fields
      .path()
      .optional()
      .meta({
        description: 'Instead of `lines`: a file with them (4 MiB at most), beside this one.',
        examples: ['samples/nginx.log'],
      }),
    read_at: time
      .transform((text) => Date.parse(text))
      .optional()
      .meta({
        title: 'time',
        description:
          'When they are read: the time of lines without one, and the year of times without one. Default: now.',
        examples: ['2026-11-21T06:00:00Z'],
      }),
    expect: z
      .array(expectation)
      .max(1000)
      .optional()
      .meta({
        description: 'All records, in their order. Of each only what is said here is compared.',
        examples: [[{ severity_text: 'INFO', fields: { status: 200 } }]],
      }),
    dropped: z
      .literal(true, { error: 'expected true; for records that come use expect or count' })
      .optional()
      .meta({ description: 'Instead of `expect`: nothing is sent of them.' }),
    count: fields
      .count()
      .optional()
      .meta({ description: 'Instead of `expect`: so many records come of them.', examples: [3] }),
  })
  .refine(({ lines, file }) => (lines === undefined) !== (file === undefined), {
    error: 'expected lines or file, one of them',
  })
  .refine((one) => [one.expect, one.dropped, one.count].filter((how) => how !== undefined).length === 1, {
    error: 'expected one of expect, dropped, count',
  })

const name = z.string().regex(/^[^\p{Cc}]{1,100}$/u, {
  error: 'a test is named with 1 to 100 characters, none of them a control character',
})

/** `tests:`. */
export const tests = z.record(name, test).prefault({}).meta({
  description: 'What should become of sample lines, by a name of yours. See [testing.md](testing.md).',
})

/** Tests of inputs that there are not, or whose records are not made of lines. */
export function checkTests({ tests, agent }: Config): readonly Finding[] {
  const inputs = new Map(Object.entries(agent?.inputs ?? {}))
  return Object.entries(tests).flatMap(([name, { input }]) => {
    const problem = problemOf(input, inputs)
    return problem === null ? [] : [wrong(['tests', name, 'input'], problem)]
  })
}

function problemOf(name: string, inputs: ReadonlyMap<string, InputConfig>): string | null {
  const input = inputs.get(name)
  if (input === undefined)
    return inputs.size === 0
      ? 'there are no inputs: the file has no agent.inputs'
      : `no such input under agent.inputs${didYouMean(name, inputs.keys())}`
  const hasLines = input.type !== 'host_metrics' && input.type !== 'journald'
  return hasLines ? null : `an input of type ${input.type} reads no lines that could be given here`
}
