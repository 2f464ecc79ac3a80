// What is meant and what is left out, by globs.
import { z } from 'zod'

/** `include` and `exclude` of names of a kind; `leftOut` unless said. */
export function choice(what: string, leftOut: readonly string[] = []) {
  const globs = z.array(z.string().min(1, { error: `expected the name or a glob of ${what}` }))
  return z.strictObject({
    include: globs.prefault([]).meta({ description: `Globs of ${what} that are meant; empty: all.` }),
    exclude: globs.prefault([...leftOut]).meta({
      description:
        leftOut.length === 0
          ? `Globs of ${what} to leave out.`
          : `Globs of ${what} to leave out. A list of yours takes the place of the default.`,
    }),
  })
}
