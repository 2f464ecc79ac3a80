// assert: stops at once when our own code is wrong. Bytes from outside never end here, they throw LogdriveError.

/** Throws an Error (not a LogdriveError: it is a bug) with the message unless the condition holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}
