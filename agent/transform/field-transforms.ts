// FieldTransforms: the transforms of an input over the fields that its parser finds, line by line.
import type { Fields } from '../parse/fields.ts'
import type { FieldLine, FieldSteps, Lines } from '../parse/made-lines.ts'
import type { Names } from '../parse/names.ts'
import type { Tally, Verdict } from '../tally.ts'
import { FieldRecord } from './field-record.ts'
import { suspectsOf } from './suspects.ts'
import type { Transforms } from './transforms.ts'

export class FieldTransforms implements FieldSteps {
  readonly #transforms: Transforms
  readonly #record: FieldRecord
  #suspects: Uint8Array | null = null

  /** Made before the first line: the names it uses are made with those of the parser. */
  constructor(transforms: Transforms, fields: Fields, names: Names) {
    this.#transforms = transforms
    this.#record = new FieldRecord(fields, names, transforms.names)
  }

  look(lines: Lines): void {
    const { scanners } = this.#transforms
    this.#suspects = scanners === null ? null : suspectsOf(scanners, lines)
  }

  needs(index: number): boolean {
    return !this.#transforms.onlyRedacts || this.#isSuspect(index)
  }

  apply(line: FieldLine, index: number, hash: number, tally: Tally): Verdict {
    const isSuspect = this.#isSuspect(index)
    this.#record.begin(line)
    return this.#transforms.apply(this.#record, { hash, isSuspect }, tally)
  }

  #isSuspect(index: number): boolean {
    return this.#transforms.scanners === null || this.#suspects?.[index] === 1
  }
}
