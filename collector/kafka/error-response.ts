// The answer to a request that failed as a whole: the API's own shape with the error in every place where it belongs.
import { LogdriveError } from '../../core/errors.ts'
import { type ApiName, apis, type RequestOf, type ResponseInput } from '../../protocol/apis/index.ts'
import { ZERO_UUID } from '../../protocol/bytes.ts'
import { KafkaError, kafkaErrorOf, kafkaErrors } from '../../protocol/errors.ts'
import { type Api, type FieldRow, hasVersion, type Shape, type Struct } from '../../protocol/schema.ts'

export interface ErrorAnswer {
  /** Null where the API has no place for an error in this version: the connection has to end. */
  readonly body: ResponseInput<ApiName> | null
  /** Nothing that we foresaw: an operator should hear of it. */
  readonly isBug: boolean
}

/** Answers that say their errors only beside each topic or partition. */
const nested: {
  readonly [Name in ApiName]?: (request: RequestOf<Name>, errorCode: number) => ResponseInput<Name>
} = {
  Produce: ({ topicData }, errorCode) => ({
    responses: topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
    })),
  }),
  Fetch: ({ topics }, errorCode) => ({
    errorCode,
    responses: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => ({
        partitionIndex: partition,
        errorCode,
        highWatermark: -1,
        records: null,
      })),
    })),
  }),
  ListOffsets: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
  Metadata: ({ topics }, errorCode) => ({
    brokers: [],
    topics: (topics ?? []).map(({ name, topicId }) => ({
      errorCode,
      name: name ?? '',
      topicId,
      partitions: [],
    })),
  }),
}

/** What to answer when a handler threw. */
export function errorResponse<Name extends ApiName>(
  name: Name,
  version: number,
  request: RequestOf<Name>,
  error: unknown,
): ErrorAnswer {
  const isBug = !(error instanceof KafkaError) && !(error instanceof LogdriveError)
  const errorCode = kafkaErrors[kafkaErrorOf(error)]
  const build = nested[name] as ((request: RequestOf<Name>, errorCode: number) => unknown) | undefined
  const message = error instanceof Error && !isBug ? error.message : null
  const body =
    build === undefined ? topLevel(apis[name], version, errorCode, message) : build(request, errorCode)
  return { body: body as ResponseInput<ApiName> | null, isBug }
}

/** An empty answer with the error at its top, or null when this version has none there. */
function topLevel(api: Api, version: number, errorCode: number, message: string | null): object | null {
  const { fields } = api.response
  const row = fields.errorCode
  if (row === undefined || !hasVersion(row.versions, version)) return null
  const texts = fields.errorMessage === undefined ? {} : { errorMessage: message }
  return { ...emptyStruct(api.response), errorCode, ...texts }
}

function emptyStruct({ fields }: Struct): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, row]) => [name, emptyField(row)]))
}

function emptyField(row: FieldRow): unknown {
  if (row.default !== undefined) return row.default
  return row.nullable === null ? emptyValue(row.type) : null
}

function emptyValue(shape: Shape): unknown {
  switch (shape.kind) {
    case 'array':
      return []
    case 'struct':
      return emptyStruct(shape)
    case 'string':
      return ''
    case 'bool':
      return false
    case 'uuid':
      return ZERO_UUID
    case 'bytes':
    case 'records':
      return new Uint8Array(0)
    default:
      return 0
  }
}
