// Places in a topic as people write them: the beginning, the end, an offset, or a time.

import { usage } from './command.ts'

/** The place as the collector takes it: a word, an offset, or a time in ISO 8601. Throws USAGE naming the option. */
export function whereOf(text: string, option: string): string {
  if (text === 'beginning' || text === 'end' || /^\d{1,16}$/.test(text)) return text
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time))
    throw usage(`--${option} takes beginning, end, an offset, or a time such as 2026-11-21T08:00:00Z`)
  return new Date(time).toISOString()
}
