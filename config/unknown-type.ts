// What is said of a `type` of an input or a sink that there is not.
import type { z } from 'zod'
import { didYouMean } from './suggest.ts'

/** The message for the type of a `noun` that is not among those that are `built`; undefined when it is something else. */
export function unknownType(
  issue: z.core.$ZodRawIssue,
  noun: string,
  nouns: string,
  built: readonly string[],
  unbuilt: readonly string[],
): string | undefined {
  const input: unknown = issue.input
  if (issue.code !== 'invalid_union' || typeof input !== 'object' || input === null) return undefined
  const type: unknown = 'type' in input ? input.type : undefined
  const choices = built.join(', ')
  if (type === undefined) return `expected the type of ${noun}: ${choices}`
  if (typeof type !== 'string') return `expected one of ${choices}`
  const known = unbuilt.find((one) => one === type)
  if (known !== undefined && !built.includes(known))
    return `${known} ${nouns} are not built yet; there is: ${choices}`
  return `unknown type of ${noun}: expected one of ${choices}${didYouMean(type, built)}`
}
