// The shape of the input stdin.
import { z } from 'zod'
import { lineKeys } from './lines.ts'

/** `type: stdin`. */
export const stdinInput = z.strictObject({
  type: z
    .literal('stdin')
    .meta({ description: 'Lines of standard input, as in `app | logdrive agent -c ...`.' }),
  ...lineKeys,
})
