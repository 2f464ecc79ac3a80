// Expressions by which members of groups subscribe to topics: a whole name has to match, in linear time.
import { linearExpression } from '../../../../config/linear-expression.ts'
import { KafkaError } from '../../../../protocol/errors.ts'

/** RE2, as Kafka has it, knows more of these; JavaScript would take theirs for plain letters. */
const foreignEscape = /(?<!\\)(?:\\\\)*\\(?![dDsSwWbBfnrtv0])[A-Za-z0-9]/

/** The expression. Throws KafkaError INVALID_REGULAR_EXPRESSION. */
export function topicPattern(text: string): RegExp {
  if (foreignEscape.test(text)) throw refused('it has an escape that only RE2 knows')
  try {
    // Checked alone first: parentheses of its own must not close ours.
    linearExpression(text)
    return linearExpression(`^(?:${text})$`)
  } catch (error) {
    throw refused(error instanceof Error ? error.message : String(error))
  }
}

function refused(why: string): KafkaError {
  return new KafkaError('INVALID_REGULAR_EXPRESSION', `the subscription is no expression for topics: ${why}`)
}
