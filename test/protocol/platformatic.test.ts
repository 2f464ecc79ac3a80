// Our tables against another client's codecs (@platformatic/kafka): its requests are read here, our answers there.

import * as platformatic from '@platformatic/kafka'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ApiName, RequestOf, ResponseOf } from '../../protocol/apis/index.ts'
import { apis } from '../../protocol/apis/index.ts'
import { decodeBatch } from '../../protocol/batch-decode.ts'
import { defaultLimits } from '../../protocol/batch-header.ts'
import { decodeRequest, encodeResponse, isFlexibleIn } from '../../protocol/message.ts'
import type { Shape } from '../../protocol/schema.ts'
import { messageOf, versionedApis } from './messages.ts'
import { argumentsOf } from './platformatic-requests.ts'

interface TheirCodec {
  readonly createRequest: (...values: readonly unknown[]) => { readonly buffer: Buffer }
  readonly parseResponse: (correlationId: number, key: number, version: number, reader: unknown) => unknown
}

const theirs = new Map<string, unknown>(Object.entries(platformatic))

/** All that we serve, but what they do not have. */
const theirApis = versionedApis.filter(
  ({ api, version }) =>
    api.name !== 'ElectLeaders' && (api.name !== 'ConsumerGroupDescribe' || version === 0),
)

/** Their codec of an API in a version. */
function codecOf(name: string, version: number): TheirCodec {
  const key = `${name.charAt(0).toLowerCase()}${name.slice(1)}V${version}`
  const codec = theirs.get(key)
  if (!isCodec(codec)) throw new Error(`they have no ${key}`)
  return codec
}

function isCodec(value: unknown): value is TheirCodec {
  return typeof value === 'object' && value !== null && 'createRequest' in value && 'parseResponse' in value
}

/** What they never write as it is asked: constants and fields they leave to the broker. */
const unsaid = new Set(['replicaId', 'logStartOffset', 'retentionTimeMs', 'memberEpoch', 'typesFilter'])

const tagged = new Set<string>()
for (const { request, response } of Object.values(apis)) noteTags([request, response])

function noteTags(shapes: readonly Shape[]): void {
  for (const shape of shapes) {
    if (shape.kind === 'array') noteTags([shape.of])
    if (shape.kind !== 'struct') continue
    for (const [name, row] of Object.entries(shape.fields)) {
      if (row.tag !== null) tagged.add(name)
      noteTags([row.type])
    }
  }
}

/** As they see an answer: the same names, big integers as numbers, bytes in hex, nothing for null. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  const kept = Object.entries(value).filter(([name, item]) => !tagged.has(name) && item !== null)
  return Object.fromEntries(kept.map(([name, item]) => [name, plain(item)]))
}

/** What they can read: errors that exist, no record batches (see below). */
function readable(value: unknown): object {
  if (Array.isArray(value)) return value.map((item) => (typeof item === 'object' ? readable(item) : item))
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value as object
  const entries = Object.entries(value).map(([name, item]) => {
    if (name === 'records') return [name, null]
    return [name, /errorCode$/i.test(name) ? item & 63 : readable(item)]
  })
  return Object.fromEntries(entries)
}

/** An answer under the names that they give it, where those differ. */
function theirNames(name: string, version: number, body: object): object {
  if (name === 'Fetch') return renamed(body, 'topic', 'topicId')
  if (name === 'DescribeAcls' || name === 'DeleteAcls')
    return renamed(body, 'patternType', 'resourcePatternType')
  if (name === 'FindCoordinator' && version < 4) {
    const { throttleTimeMs, ...coordinator } = body as { throttleTimeMs?: number }
    return { ...(throttleTimeMs === undefined ? {} : { throttleTimeMs }), coordinators: [coordinator] }
  }
  if (name !== 'AddPartitionsToTxn') return body
  const { throttleTimeMs, resultsByTopicV3AndBelow } = body as ResponseOf<'AddPartitionsToTxn'>
  return { throttleTimeMs, resultsByTransaction: [{ topicResults: resultsByTopicV3AndBelow }] }
}

function renamed(value: object, from: string, to: string): object {
  const inside = (item: unknown) =>
    typeof item === 'object' && item !== null ? renamed(item, from, to) : item
  if (Array.isArray(value)) return value.map(inside)
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name === from ? to : name, inside(item)]),
  )
}

const numRuns = 10

describe('their requests are read as they were meant', () => {
  const others = theirApis.filter(({ api }) => api.name !== 'Produce')
  for (const { api, version } of others) {
    test(`${api.name} v${version}`, () => {
      const toArguments = argumentsOf[api.name as keyof typeof argumentsOf] as (
        body: object,
        version: number,
      ) => unknown[]
      fc.assert(
        fc.property(messageOf(api.request, version), (body) => {
          const { buffer } = codecOf(api.name, version).createRequest(...toArguments(body, version))
          const header = isFlexibleIn(api, version) ? Buffer.alloc(1) : Buffer.alloc(0)
          const read = decodeRequest(api, version, Buffer.concat([header, buffer]), 0)
          expect(read).toMatchObject(withoutUnsaid(askedOf(api.name, version, body)))
        }),
        { numRuns },
      )
    })
  }
})

/** What of a body they write: before version 12 their Metadata asks by name only. */
function askedOf(name: string, version: number, body: object): object {
  if (name !== 'Metadata' || version < 10 || version > 11) return body
  const { topics, ...rest } = body as RequestOf<'Metadata'>
  return { ...rest, topics: topics?.map((topic) => ({ name: topic.name ?? '' })) ?? null }
}

function withoutUnsaid(value: unknown): object {
  if (Array.isArray(value))
    return value.map((item) => (typeof item === 'object' ? withoutUnsaid(item) : item))
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value as object
  const kept = Object.entries(value).filter(([name]) => !unsaid.has(name) && !tagged.has(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutUnsaid(item)]))
}

describe('our answers are read there as they were meant', () => {
  for (const { api, version } of theirApis) {
    test(`${api.name} v${version}`, () => {
      fc.assert(
        fc.property(messageOf(api.response, version), (made) => {
          const body = api.name === 'ApiVersions' ? { ...made, errorCode: 0 } : readable(made)
          const frame = Buffer.concat(encodeResponse(api, version, 1, body))
          const isFlexible = isFlexibleIn(api, version) && api.name !== 'ApiVersions'
          const parsed = parse(api.name, version, frame.subarray(isFlexible ? 9 : 8))
          expect(plain(parsed)).toMatchObject(theirNames(api.name, version, plain(body) as object))
        }),
        { numRuns },
      )
    })
  }
})

/** What they parse; an error answer comes with the error that they throw for it. */
function parse(name: string, version: number, body: Buffer): unknown {
  try {
    return codecOf(name, version).parseResponse(1, 0, version, platformatic.Reader.from(body))
  } catch (error) {
    if (error instanceof platformatic.ResponseError) return error.response
    throw error
  }
}

test('record batches of their Produce are ours', () => {
  for (const { version } of versionedApis.filter(({ api }) => api.name === 'Produce')) {
    const message = {
      topic: 'logs',
      partition: 3,
      key: null,
      value: Buffer.from('a line'),
      headers: new Map(),
    }
    const { buffer } = codecOf('Produce', version).createRequest(-1, 1000, [message], {})
    const header = version >= 9 ? Buffer.alloc(1) : Buffer.alloc(0)
    const request = decodeRequest(apis.Produce, version, Buffer.concat([header, buffer]), 0)
    expect(request).toMatchObject({ acks: -1, timeoutMs: 1000, transactionalId: null })
    const partition = request.topicData[0]?.partitionData[0]
    expect([request.topicData[0]?.name, partition?.index]).toEqual(['logs', 3])
    expect(decodeBatch(partition?.records ?? Buffer.alloc(0), 0, defaultLimits).count).toBe(1)
  }
})

test('tagged fields that we send are read there', () => {
  const parsed = (name: ApiName, version: number, pieces: readonly Uint8Array[], headerBytes: number) =>
    asNumbers(parse(name, version, Buffer.concat(pieces).subarray(headerBytes)))
  const currentLeader = { leaderId: 4, leaderEpoch: 9 }
  const nodeEndpoints = [{ nodeId: 4, host: 'other', port: 9092, rack: 'r' }]
  const partitionResponses = [{ index: 0, errorCode: 6, baseOffset: -1, currentLeader }]
  const produced = { responses: [{ name: 'logs', partitionResponses }], nodeEndpoints }
  const fetched = {
    responses: [
      {
        topicId: '00000000-0000-4000-8000-000000000001',
        partitions: [
          {
            partitionIndex: 0,
            errorCode: 74,
            highWatermark: 1,
            records: null,
            currentLeader,
            divergingEpoch: { epoch: 3, endOffset: 77 },
          },
        ],
      },
    ],
    nodeEndpoints,
  }
  const versions = {
    errorCode: 0,
    apiKeys: [],
    supportedFeatures: [{ name: 'f', minVersion: 1, maxVersion: 2 }],
    finalizedFeaturesEpoch: 5,
    finalizedFeatures: [{ name: 'f', maxVersionLevel: 2, minVersionLevel: 1 }],
  }
  expect(parsed('Produce', 11, encodeResponse(apis.Produce, 11, 1, produced), 9)).toMatchObject(produced)
  expect(parsed('Fetch', 16, encodeResponse(apis.Fetch, 16, 1, fetched), 9)).toMatchObject(fetched)
  expect(parsed('ApiVersions', 3, encodeResponse(apis.ApiVersions, 3, 1, versions), 8)).toMatchObject(
    versions,
  )
})

function asNumbers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_name, item) => (typeof item === 'bigint' ? Number(item) : item)))
}
