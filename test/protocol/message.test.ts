// Requests and responses of every API in every version: round trips, headers, defaults.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apiOf, apis } from '../../protocol/apis/index.ts'
import { KafkaError } from '../../protocol/errors.ts'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  encodeUnsupportedVersions,
  readRequestHeader,
} from '../../protocol/message.ts'
import type { Api } from '../../protocol/schema.ts'
import { messageOf, versionedApis } from './messages.ts'

const numRuns = 25

function whole(pieces: readonly Uint8Array[]): Buffer {
  const frame = Buffer.concat(pieces)
  expect(frame.readInt32BE(0)).toBe(frame.length - 4)
  return frame.subarray(4)
}

function requestFrame(api: Api, version: number, body: object): Buffer {
  return whole(encodeRequest(api, { version, correlationId: 7, clientId: 'tester', body }))
}

describe('every API in every version', () => {
  for (const { api, version } of versionedApis) {
    test(`${api.name} v${version}: what is written is what is read`, () => {
      fc.assert(
        fc.property(messageOf(api.request, version), (body) => {
          const frame = requestFrame(api, version, body)
          const header = readRequestHeader(frame)
          expect(header).toMatchObject({ apiKey: api.key, apiVersion: version, clientId: 'tester' })
          const read = decodeRequest(api, version, frame, header.bodyAt)
          expect(read).toMatchObject(body)
          expect(Object.keys(read)).toEqual(Object.keys(api.request.fields))
          expect(requestFrame(api, version, read).equals(frame)).toBe(true)
        }),
        { numRuns },
      )
      fc.assert(
        fc.property(messageOf(api.response, version), (body) => {
          const frame = whole(encodeResponse(api, version, 9, body))
          const read = decodeResponse(api, version, frame)
          expect(read.correlationId).toBe(9)
          expect(read.body).toMatchObject(body)
          expect(Object.keys(read.body)).toEqual(Object.keys(api.response.fields))
          expect(whole(encodeResponse(api, version, 9, read.body)).equals(frame)).toBe(true)
        }),
        { numRuns },
      )
    })
  }
})

describe('headers', () => {
  test('the client id may be null, and is short in flexible versions too', () => {
    const frame = whole(
      encodeRequest(apis.ApiVersions, {
        version: 3,
        correlationId: 258,
        clientId: null,
        body: { clientSoftwareName: 'a', clientSoftwareVersion: 'b' },
      }),
    )
    expect(frame.toString('hex')).toBe('0012000300000102ffff000261026200')
    expect(readRequestHeader(frame)).toEqual({
      apiKey: 18,
      apiVersion: 3,
      correlationId: 258,
      clientId: null,
      bodyAt: 10,
    })
  })

  test('header tags that nobody knows are skipped', () => {
    const frame = Buffer.from('0012000300000102ffff020502010207000261026200', 'hex')
    const { bodyAt } = readRequestHeader(frame)
    expect(decodeRequest(apis.ApiVersions, 3, frame, bodyAt)).toEqual({
      clientSoftwareName: 'a',
      clientSoftwareVersion: 'b',
    })
  })

  test('the response to ApiVersions has no tags in its header in any version, others do', () => {
    const pieces = encodeResponse(apis.ApiVersions, 3, 1, { errorCode: 0, apiKeys: [] })
    expect(whole(pieces).toString('hex')).toBe('000000010000010000000000')
    const heartbeat = encodeResponse(apis.Heartbeat, 4, 1, { errorCode: 27 })
    expect(whole(heartbeat).toString('hex')).toBe('000000010000000000001b00')
  })

  test('an unknown version of ApiVersions is answered in the form of version 0', () => {
    const frame = whole(encodeUnsupportedVersions(5))
    expect(frame.toString('hex')).toBe('00000005002300000001001200000004')
    expect(decodeResponse(apis.ApiVersions, 0, frame).body).toMatchObject({ errorCode: 35 })
  })

  test('an API is found by its key', () => {
    expect(apiOf(1)).toBe(apis.Fetch)
    expect(apiOf(4)).toBe(null)
    expect(Object.values(apis).map(({ key }) => key)).toEqual(
      [...new Set(Object.values(apis).map(({ key }) => key))].sort((left, right) => left - right),
    )
    for (const [name, api] of Object.entries(apis)) expect(api.name).toBe(name)
  })
})

describe('bodies', () => {
  test('what a version lacks has its default, what a writer leaves out too', () => {
    const frame = requestFrame(apis.Fetch, 4, {
      maxWaitMs: 1,
      minBytes: 2,
      topics: [{ topic: 'logs', partitions: [{ partition: 0, fetchOffset: 5, partitionMaxBytes: 10 }] }],
    })
    const { bodyAt } = readRequestHeader(frame)
    expect(decodeRequest(apis.Fetch, 4, frame, bodyAt)).toMatchInlineSnapshot(`
      {
        "clusterId": null,
        "forgottenTopicsData": [],
        "isolationLevel": 0,
        "maxBytes": 2147483647,
        "maxWaitMs": 1,
        "minBytes": 2,
        "rackId": "",
        "replicaId": -1,
        "replicaState": {
          "replicaEpoch": -1,
          "replicaId": -1,
        },
        "sessionEpoch": -1,
        "sessionId": 0,
        "topics": [
          {
            "partitions": [
              {
                "currentLeaderEpoch": -1,
                "fetchOffset": 5,
                "lastFetchedEpoch": -1,
                "logStartOffset": -1,
                "partition": 0,
                "partitionMaxBytes": 10,
                "replicaDirectoryId": "00000000-0000-0000-0000-000000000000",
              },
            ],
            "topic": "logs",
            "topicId": "00000000-0000-0000-0000-000000000000",
          },
        ],
      }
    `)
  })

  test('large record batches are handed on as they are, small ones copied', () => {
    const large = new Uint8Array(5000).fill(7)
    const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 1 }
    const answer = (records: Uint8Array) =>
      encodeResponse(apis.Fetch, 12, 1, {
        responses: [{ topic: 'logs', partitions: [{ ...partition, records }] }],
      })
    const pieces = answer(large)
    expect(pieces).toHaveLength(3)
    expect(pieces[1]).toBe(large)
    expect(answer(large.subarray(0, 300))).toHaveLength(1)
    const { body } = decodeResponse(apis.Fetch, 12, whole(pieces))
    expect(body.responses[0]?.partitions[0]?.records).toEqual(large)
  })

  test('decoded bytes are views of the frame', () => {
    const frame = requestFrame(apis.SaslAuthenticate, 2, { authBytes: Buffer.from('secret') })
    const { authBytes } = decodeRequest(apis.SaslAuthenticate, 2, frame, readRequestHeader(frame).bodyAt)
    expect(authBytes.buffer).toBe(frame.buffer)
  })

  test('a message larger than a chunk grows', () => {
    const topics = Array.from({ length: 3000 }, (_, index) => ({
      errorCode: 0,
      name: `topic-${index}-${'x'.repeat(index % 90)}`,
      partitions: [],
    }))
    const pieces = encodeResponse(apis.Metadata, 12, 1, { brokers: [], topics })
    expect(pieces.length).toBeLessThan(20)
    expect(decodeResponse(apis.Metadata, 12, whole(pieces)).body.topics).toMatchObject(topics)
  })

  test('bytes behind a request are ignored, behind a response they are refused', () => {
    const request = Buffer.concat([
      requestFrame(apis.Heartbeat, 0, { groupId: 'g', generationId: 1, memberId: 'm' }),
      Buffer.alloc(3),
    ])
    const { bodyAt } = readRequestHeader(request)
    expect(decodeRequest(apis.Heartbeat, 0, request, bodyAt)).toMatchObject({ memberId: 'm' })
    const response = Buffer.concat([
      whole(encodeResponse(apis.Heartbeat, 0, 1, { errorCode: 0 })),
      Buffer.alloc(3),
    ])
    expect(() => decodeResponse(apis.Heartbeat, 0, response)).toThrow(KafkaError)
  })

  test('tagged fields at their default are not sent', () => {
    const answer = (currentLeader?: { leaderId: number }) =>
      whole(
        encodeResponse(apis.Produce, 10, 1, {
          responses: [
            { name: 't', partitionResponses: [{ index: 0, errorCode: 6, baseOffset: -1, currentLeader }] },
          ],
        }),
      )
    expect(answer({ leaderId: 3 }).length - answer().length).toBe(2 + 9)
    const { body } = decodeResponse(apis.Produce, 10, answer({ leaderId: 3 }))
    expect(body.responses[0]?.partitionResponses[0]?.currentLeader).toEqual({ leaderId: 3, leaderEpoch: -1 })
  })

  test('a value that does not fit its type is our bug, and named', () => {
    const write = (errorCode: number, generationId: number) =>
      encodeResponse(apis.JoinGroup, 9, 1, {
        errorCode,
        generationId,
        protocolName: null,
        leader: '',
        memberId: '',
        members: [],
      })
    expect(() => write(0x8000, 1)).toThrow('errorCode: assertion failed: an int16')
    expect(() => write(0, 2 ** 31)).toThrow('generationId: assertion failed: an int32')
    expect(() =>
      encodeResponse(apis.JoinGroup, 6, 1, {
        errorCode: 0,
        protocolName: null,
        leader: '',
        memberId: '',
        members: [],
      }),
    ).toThrow('protocolName: assertion failed: it may not be null in this version')
  })
})
