// Groups: folds lines that belong together to one range, so that a record may be several lines.
import type { Grouper, GroupLimits } from './framing.ts'

/** `apart`: it begins another group. `joins`: it belongs to the group, as may the next. `ends`: it is the group's last. */
export type Verdict = 'apart' | 'joins' | 'ends'

/** Says line by line, `bytes[from, to)`, what belongs together. */
export interface Joiner {
  /** The first line of a group: forgets all before it. True when others may join it. */
  begin(bytes: Uint8Array, from: number, to: number): boolean
  /** The next line, after `begin` or `next` said that one may join. */
  next(bytes: Uint8Array, from: number, to: number): Verdict
}

/** Folds as the joiner says, within the limits. */
export function grouper(joiner: Joiner, limits: GroupLimits): Grouper {
  return { limits, fold: (bytes, ranges, isEnd) => fold(joiner, limits, bytes, ranges, isEnd) }
}

function fold(
  joiner: Joiner,
  { linesMax, bytesMax }: GroupLimits,
  ...[bytes, ranges, isEnd]: Parameters<Grouper['fold']>
): void {
  const { valueFrom, valueTo } = ranges
  const room = Math.min(linesMax, valueFrom.length)
  let count = 0
  // Lines in the open group; 0 when none is open.
  let open = 0
  let begun = 0
  let end = 0
  const close = () => {
    valueFrom[count] = begun
    valueTo[count] = end
    count += 1
    open = 0
  }
  for (let index = 0; index < ranges.count; index += 1) {
    const from = valueFrom[index] as number
    const to = valueTo[index] as number
    const isCut = ranges.cutBytes !== null && index === ranges.count - 1
    if (open > 0) {
      const fits = to - begun <= bytesMax && !isCut
      const verdict = fits ? joiner.next(bytes, from, to) : 'apart'
      if (verdict !== 'apart') {
        end = to
        open += 1
        if (verdict === 'ends' || open >= room) close()
        continue
      }
      close()
    }
    begun = from
    end = to
    open = 1
    if (isCut || room === 1 || !joiner.begin(bytes, from, to)) close()
  }
  if (open > 0 && isEnd) close()
  // What is open is read again with what comes.
  if (open > 0) ranges.end = begun
  ranges.count = count
}
