// Trouble with one item of a request: the code and sentence its client is told, while the other items go on.
import { LogdriveError } from '../../core/errors.ts'
import { KafkaError, kafkaErrorOf, kafkaErrors } from '../../protocol/errors.ts'
import type { RequestContext } from './context.ts'

/** What an answer's item says. */
export interface Trouble {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** The item is fine. */
export const noTrouble: Trouble = { errorCode: kafkaErrors.NONE, errorMessage: null }

/** What a client is told of an error. What has no place in Kafka's table is our bug: it goes to the log, not to the client. */
export function troubleOf(error: unknown, context: RequestContext): Trouble {
  const name = kafkaErrorOf(error)
  if (error instanceof KafkaError) return { errorCode: kafkaErrors[name], errorMessage: error.message }
  if (!(error instanceof LogdriveError) || name === 'UNKNOWN_SERVER_ERROR') {
    context.logger.error({ err: error, api: context.apiName }, 'a Kafka request failed')
    return { errorCode: kafkaErrors[name], errorMessage: 'the broker failed; its log says why' }
  }
  const errorMessage = error.hint === null ? error.message : `${error.message}. ${error.hint}`
  return { errorCode: kafkaErrors[name], errorMessage }
}

/** Those that are there more than once. */
export function repeated(names: readonly (string | null)[]): ReadonlySet<string | null> {
  const seen = new Set<string | null>()
  return new Set(names.filter((name) => seen.has(name) || !seen.add(name)))
}
