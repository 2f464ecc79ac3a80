// Frames that are all small elements: what takes the most memory for its bytes once it is decoded.
import { encodeRequest } from '../../protocol/message.ts'
import { hasVersion, type Shape, type Struct } from '../../protocol/schema.ts'
import { type VersionedApi, versionedApis } from '../protocol/messages.ts'

/** A frame without its length, and where it grows: the path of the array that has many elements. */
export interface BloatedFrame extends VersionedApi {
  readonly path: string
  readonly frame: Buffer
}

/** For each API, version and array in its request a frame with about so many bytes of the smallest elements there. */
export function bloatedFrames(bytes: number): readonly BloatedFrame[] {
  return versionedApis.flatMap(({ api, version }) =>
    arraysOf(api.request, version).flatMap((path) => {
      const frameOf = (count: number) => {
        const body = smallest(api.request, version, path, count) as Record<string, unknown>
        return Buffer.concat(
          encodeRequest(api, { version, correlationId: 1, clientId: null, body }),
        ).subarray(4)
      }
      const each = (frameOf(64).length - frameOf(0).length) / 64
      const count = Math.floor(bytes / each)
      return [{ api, version, path: path.join('.'), frame: frameOf(count) }]
    }),
  )
}

/** Paths of fields that end at an array, through arrays and structs. */
function arraysOf(shape: Shape, version: number): readonly (readonly string[])[] {
  if (shape.kind === 'array') return arraysOf(shape.of, version)
  if (shape.kind !== 'struct') return []
  return presentRows(shape, version).flatMap(([name, row]) => {
    const inner = arraysOf(row.type, version).map((path) => [name, ...path])
    return row.type.kind === 'array' ? [[name], ...inner] : inner
  })
}

/** The smallest value of a shape, but for `count` elements in the array at the path, and one in those on the way. */
function smallest(shape: Shape, version: number, path: readonly string[], count: number): unknown {
  switch (shape.kind) {
    case 'struct':
      return Object.fromEntries(
        presentRows(shape, version).map(([name, row]) => {
          const [first, ...rest] = path
          if (first !== name && hasVersion(row.nullable, version)) return [name, null]
          if (first !== name || row.type.kind !== 'array')
            return [name, smallest(row.type, version, first === name ? rest : [], count)]
          const element = smallest(row.type.of, version, rest, count)
          return [name, Array(rest.length === 0 ? count : 1).fill(element)]
        }),
      )
    case 'array':
      return []
    case 'string':
      return ''
    case 'bytes':
    case 'records':
      // None at all are shared.
      return new Uint8Array(1)
    case 'uuid':
      return '00000000-0000-0000-0000-000000000000'
    case 'bool':
      return false
    default:
      return 0
  }
}

function presentRows({ fields }: Struct, version: number) {
  return Object.entries(fields).filter(([, row]) => hasVersion(row.versions, version))
}
