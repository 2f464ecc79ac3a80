// Messages of every API in every version, made up from the tables: for round trips, hostile bytes and the fuzzer.

import fc from 'fast-check'
import { apis } from '../../protocol/apis/index.ts'
import { type Api, hasVersion, type Shape, type Struct } from '../../protocol/schema.ts'

/** One API in one version. */
export interface VersionedApi {
  readonly api: Api
  readonly version: number
}

/** Every version of every API that is served. */
export const versionedApis: readonly VersionedApi[] = Object.values(apis).flatMap((api: Api) => {
  const [min, max] = api.served ?? api.versions
  return Array.from({ length: max - min + 1 }, (_, index) => ({ api, version: min + index }))
})

/** How large made-up values are. */
export interface Size {
  readonly elementsMax: number
  readonly lengthMax: number
}

const small: Size = { elementsMax: 3, lengthMax: 12 }

/** Any value of a struct in a version: only the fields that the version has; tagged ones may be missing. */
export function messageOf(
  { fields }: Struct,
  version: number,
  size = small,
): fc.Arbitrary<Record<string, unknown>> {
  const rows = Object.entries(fields).filter(([, row]) => hasVersion(row.versions, version))
  const values = rows.map(([name, row]): [string, fc.Arbitrary<unknown>] => {
    const value = anyOf(row.type, version, size)
    return [name, hasVersion(row.nullable, version) ? fc.option(value, { nil: null, freq: 4 }) : value]
  })
  const requiredKeys = rows.filter(([, row]) => row.tag === null).map(([name]) => name)
  return fc.record(Object.fromEntries(values), { requiredKeys, noNullPrototype: true }) as fc.Arbitrary<
    Record<string, unknown>
  >
}

function anyOf(shape: Shape, version: number, size: Size): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'struct':
      return messageOf(shape, version, size)
    case 'array':
      return fc.array(anyOf(shape.of, version, size), { maxLength: size.elementsMax })
    case 'string':
      return fc.string({ unit: letter, maxLength: size.lengthMax })
    case 'bytes':
    case 'records':
      return fc.uint8Array({ maxLength: size.lengthMax })
    case 'uuid':
      return fc.uuid({ version: 4 })
    case 'bool':
      return fc.boolean()
    case 'float64':
      return fc.double({ noNaN: true })
    case 'int64':
      return fc.maxSafeInteger()
    default:
      return fc.integer(ranges[shape.kind])
  }
}

/** Of one to four bytes, as the fast path for ASCII is not the only one. */
const letter = fc.constantFrom('a', 'B', '-', '7', 'é', '日', '🚀')

const ranges = {
  int8: { min: -0x80, max: 0x7f },
  int16: { min: -0x8000, max: 0x7fff },
  int32: { min: -0x80000000, max: 0x7fffffff },
} as const
