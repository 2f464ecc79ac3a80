// The shape of the input exec: a program with its arguments, its surroundings, and how often it runs.
import { z } from 'zod'
import * as fields from '../fields.ts'
import { lineKeys } from './lines.ts'

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'expected the name of an environment variable' })

/** `type: exec`. */
export const execInput = z.strictObject({
  type: z.literal('exec').meta({ description: 'The output of a program.' }),
  command: z
    .array(z.string().regex(/^[^\0]*$/, { error: 'a NUL byte ends an argument' }), {
      error: 'expected a list: the program and its arguments; for a line of a shell use the key shell',
    })
    .min(1, { error: 'at least the program' })
    .refine(([program]) => program !== '', { error: 'the program is empty' })
    .optional()
    .meta({
      description: 'The program and its arguments. No shell looks at them.',
      examples: [['/usr/bin/vmstat', '-n', '10']],
    }),
  shell: z
    .string()
    .regex(/^[^\0]*[^\s\0][^\0]*$/, { error: 'expected a line for a shell' })
    .optional()
    .meta({
      description: 'A line for `/bin/sh -c`, instead of `command`.',
      examples: ['df -P | tail -n +2'],
    }),
  interval: fields
    .duration({ min: 1000, max: 7 * 86_400_000 })
    .optional()
    .meta({
      description: 'Runs it so often. Without it the program is to go on, and is started again when it ends.',
      examples: ['1m'],
    }),
  timeout: fields
    .duration({ min: 100, max: 86_400_000 })
    .prefault('30s')
    .meta({ description: 'With `interval`: a run that takes longer is ended.' }),
  output_bytes_max: fields
    .size({ min: 1024, max: 2 ** 32 })
    .prefault('16MiB')
    .meta({ description: 'With `interval`: a run that writes more is ended.' }),
  stderr: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'log', 'drop']).prefault('error').meta({
    description:
      "What becomes of its standard error: the severity of its records, `log` (into the agent's own log) or `drop`.",
  }),
  environment: z
    .array(variable)
    .prefault(['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ'])
    .meta({ description: "Variables of the agent's environment that it gets; no others." }),
  variables: z
    .record(variable, z.string())
    .prefault({})
    .meta({ description: 'More variables for it, with their values.', examples: [{ PGHOST: 'localhost' }] }),
  folder: fields.path().optional().meta({ description: "Where it runs; the agent's folder unless said." }),
  ...lineKeys,
})
