// LineMaker: lines without fields through the transforms of their input; what no step changes is never copied alone.
import type { Beside, Lines, MadeLines } from '../parse/made-lines.ts'
import { Tally } from '../tally.ts'
import { LineRecord } from './line-record.ts'
import { suspectsOf } from './suspects.ts'
import type { Transforms } from './transforms.ts'

const none: ReadonlyMap<number, string> = new Map()

/** What was kept of a block. */
interface Kept {
  readonly starts: Int32Array
  readonly ends: Int32Array
  count: number
  /** Other bytes than those of the line, by the index of the record. */
  readonly changed: Map<number, Buffer>
  readonly marks: Map<number, string>
  lastIsKept: boolean
}

export class LineMaker {
  readonly #transforms: Transforms
  readonly #record = new LineRecord()

  constructor(transforms: Transforms) {
    this.#transforms = transforms
  }

  /** The lines that stay, as they are or redacted. */
  make(lines: Lines, { hashOf = () => 0 }: Beside = {}): MadeLines {
    const { scanners, onlyRedacts } = this.#transforms
    const tally = new Tally()
    tally.lines = lines.count
    const suspects = scanners === null ? null : suspectsOf(scanners, lines)
    if (onlyRedacts && suspects === null) return { ...lines, tally, marks: none, lastIsKept: true }
    const kept: Kept = {
      starts: new Int32Array(lines.count),
      ends: new Int32Array(lines.count),
      count: 0,
      changed: new Map(),
      marks: new Map(),
      lastIsKept: true,
    }
    for (let index = 0; index < lines.count; index += 1) {
      const isSuspect = scanners === null || suspects?.[index] === 1
      if (isSuspect || !onlyRedacts) this.#take(lines, index, { hash: hashOf(index), isSuspect }, tally, kept)
      else keep(kept, lines.starts[index] as number, lines.ends[index] as number)
    }
    const { marks, lastIsKept } = kept
    return { ...assembled(lines, kept), count: kept.count, tally, marks, lastIsKept }
  }

  #take(
    lines: Lines,
    index: number,
    passing: { readonly hash: number; readonly isSuspect: boolean },
    tally: Tally,
    kept: Kept,
  ): void {
    const record = this.#record
    const from = lines.starts[index] as number
    const to = lines.ends[index] as number
    record.begin(lines.bytes, from, to)
    const verdict = this.#transforms.apply(record, passing, tally)
    kept.lastIsKept = verdict === 'kept'
    if (verdict !== 'kept') {
      tally[verdict] += 1
      return
    }
    if (record.changed !== null) kept.changed.set(kept.count, record.changed)
    if (record.marks !== null) kept.marks.set(kept.count, record.marks)
    keep(kept, from, to)
  }
}

function keep(kept: Kept, from: number, to: number): void {
  kept.starts[kept.count] = from
  kept.ends[kept.count] = to
  kept.count += 1
}

/** One block of bytes for all: that of the lines, with what was changed behind a copy of it. */
function assembled({ bytes }: Lines, { starts, ends, count, changed }: Kept): Omit<Lines, 'count'> {
  if (changed.size === 0) return { bytes, starts, ends }
  const from = starts[0] as number
  const block = bytes.subarray(from, ends[count - 1] as number)
  for (let index = 0; index < count; index += 1) {
    starts[index] = (starts[index] as number) - from
    ends[index] = (ends[index] as number) - from
  }
  let length = block.length
  for (const [index, value] of changed) {
    starts[index] = length
    length += value.length
    ends[index] = length
  }
  return { bytes: Buffer.concat([block, ...changed.values()], length), starts, ends }
}
