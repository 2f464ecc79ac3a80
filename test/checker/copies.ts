// Copies: a transactional copier must bring every input to the output exactly once.

/** Sentences about inputs that were copied twice, never (only when `isComplete`), or never existed. */
export function checkCopies(
  inputs: readonly number[],
  outputs: readonly number[],
  isComplete: boolean,
): readonly string[] {
  const found: string[] = []
  const copied = new Set<number>()
  for (const output of outputs) {
    if (copied.has(output)) found.push(`copied twice: ${output}`)
    copied.add(output)
  }
  if (isComplete) for (const input of inputs) if (!copied.has(input)) found.push(`never copied: ${input}`)
  const known = new Set(inputs)
  for (const output of copied) if (!known.has(output)) found.push(`copied from nowhere: ${output}`)
  return found
}
