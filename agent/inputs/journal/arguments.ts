// The arguments of journalctl: what is read of the journal, and from where on.

export interface JournalctlOptions {
  /** Units, as `--unit` takes them; none: all. */
  readonly units: readonly string[]
  /** `FIELD=value`; of one field any, of several all of them. */
  readonly matches: readonly string[]
  /** Where an input begins that has no position yet: everything, this boot, now, or so many ms ago. */
  readonly since: 'all' | 'boot' | 'now' | number
  /** A folder of journals; null: this machine's. */
  readonly directory: string | null
}

/** Behind the cursor, or without one as `since` says. */
export function journalctlArguments(
  { units, matches, since, directory }: JournalctlOptions,
  cursor: string | null,
  nowMs: number,
): readonly string[] {
  return [
    ...['--output=export', '--follow', '--no-tail', '--no-pager', '--quiet'],
    ...(directory === null ? [] : [`--directory=${directory}`]),
    ...(cursor === null ? sinceArguments(since, nowMs) : [`--after-cursor=${cursor}`]),
    ...units.map((unit) => `--unit=${unit}`),
    ...matches,
  ]
}

function sinceArguments(since: JournalctlOptions['since'], nowMs: number): readonly string[] {
  if (since === 'all') return []
  if (since === 'boot') return ['--boot']
  const agoMs = since === 'now' ? 0 : since
  return [`--since=@${Math.floor((nowMs - agoMs) / 1000)}`]
}
