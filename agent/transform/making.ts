// Making: lines to records through the transforms of their input, with fields or without.
import { type CompiledParser, plainParser } from '../parse/compile.ts'
import { RecordMaker } from '../parse/records.ts'
import type { LineMaking } from '../parsing.ts'
import { compileTransforms } from './compile.ts'
import { FieldTransforms } from './field-transforms.ts'
import { LineMaker } from './line-maker.ts'
import type { TransformOptions } from './options.ts'
import { positionHash, sourceSeed } from './sample.ts'

/** Without a parser lines stay lines, unless a step sets fields. Throws CONFIG_INVALID for options of no use. */
export function transformedLines(
  parser: CompiledParser | null,
  options: readonly TransformOptions[],
): LineMaking {
  const transforms = compileTransforms(options)
  const hashOf = positionHashes()
  if (parser === null && !transforms.needsFields) {
    const maker = new LineMaker(transforms)
    return { hasFields: false, make: (lines, _, beside) => maker.make(lines, beside), hashOf }
  }
  const maker = new RecordMaker(
    parser ?? plainParser(),
    (fields, names) => new FieldTransforms(transforms, fields, names),
  )
  return { hasFields: true, make: (lines, readAtMs, beside) => maker.make(lines, readAtMs, beside), hashOf }
}

/** Remembers the seed of the source in work: its lines come many at a time. */
function positionHashes(): LineMaking['hashOf'] {
  let known = { source: '', epoch: -1, seed: 0 }
  return (source, epoch, position) => {
    if (known.source !== source || known.epoch !== epoch)
      known = { source, epoch, seed: sourceSeed(source, epoch) }
    return positionHash(known.seed, position)
  }
}
