// Error answers: every API has one that can be written in every version and says the error wherever the answer has a place.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { errorBodies } from '../../../collector/kafka/error-bodies.ts'
import type { ApiName, RequestOf, ResponseInput } from '../../../protocol/apis/index.ts'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader,
} from '../../../protocol/message.ts'
import { messageOf, versionedApis } from '../../protocol/messages.ts'

type Build = (request: object, trouble: object) => ResponseInput<ApiName>

describe('every API can say that all of a request failed', () => {
  for (const { api, version } of versionedApis) {
    test(`${api.name} v${version}`, () => {
      const build = errorBodies[api.name as ApiName] as Build
      fc.assert(
        fc.property(messageOf(api.request, version), (made) => {
          const sent = { version, correlationId: 1, clientId: 'c', body: made }
          const frame = Buffer.concat(encodeRequest(api, sent)).subarray(4)
          const request = decodeRequest(api, version, frame, readRequestHeader(frame).bodyAt)
          const answer = build(request, { errorCode: 56, errorMessage: 'the disk failed' })
          const { body } = decodeResponse(
            api,
            version,
            Buffer.concat(encodeResponse(api, version, 1, answer)).subarray(4),
          )
          const codes = errorCodesOf(body)
          expect(codes.filter((code) => code !== 56 && code !== 0)).toEqual([])
        }),
        { numRuns: 10 },
      )
    })
  }
})

test('each partition of a Produce has the error', () => {
  const produce: RequestOf<'Produce'> = {
    transactionalId: null,
    acks: 1,
    timeoutMs: 1,
    topicData: [{ name: 'a', partitionData: [{ index: 3, records: null }] }],
  }
  const trouble = { errorCode: 56, errorMessage: 'the disk failed' }
  expect(errorBodies.Produce(produce, trouble)).toMatchInlineSnapshot(`
    {
      "responses": [
        {
          "name": "a",
          "partitionResponses": [
            {
              "baseOffset": -1,
              "errorCode": 56,
              "errorMessage": "the disk failed",
              "index": 3,
            },
          ],
        },
      ],
    }
  `)
  const heartbeat = errorBodies.Heartbeat(
    { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null },
    trouble,
  )
  expect(heartbeat).toEqual({ errorCode: 56 })
})

function errorCodesOf(value: unknown): readonly number[] {
  if (Array.isArray(value)) return value.flatMap(errorCodesOf)
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, item]) =>
    /errorCode$/i.test(name) ? [item as number] : errorCodesOf(item),
  )
}
