// What a decoded request takes of the heap is known, and so can be bounded: held against the real heap.
import { describe, expect, test } from 'vitest'
import { type ApiName, apis, type RequestInput } from '../../protocol/apis/index.ts'
import { HEAP_FACTOR_MAX, Reader } from '../../protocol/bytes.ts'
import { encodeRequest, readRequest, readRequestHeader } from '../../protocol/message.ts'
import type { Api } from '../../protocol/schema.ts'
import { type BloatedFrame, bloatedFrames } from '../fuzz/bloated.ts'
import { collectGarbage } from '../garbage.ts'

const copies = 8

/** Bytes of the heap that decoded requests take, as the reader says and as they are. */
function heapOf(frames: readonly BloatedFrame[]): { said: number; real: number } {
  const decode = () =>
    frames.map(({ api, version, frame }) => {
      const reader = new Reader(frame, readRequestHeader(frame).bodyAt)
      return { request: readRequest(api, version, reader), said: reader.heapBytes }
    })
  const said = decode().reduce((sum, one) => sum + one.said, 0)
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const kept = Array.from({ length: copies }, decode)
  collectGarbage()
  return { said, real: (process.memoryUsage().heapUsed - before) / kept.length }
}

// A collection of all garbage takes a second where others keep the processors busy.
test('no request takes more of the heap than its reader says, all small elements or not', {
  timeout: 120_000,
}, () => {
  const newest = bloatedFrames(20_000).filter(
    ({ api, version }) => version === (api.served ?? api.versions)[1],
  )
  const byApi = Map.groupBy(newest, ({ api }) => api.name)
  const wrong = [...byApi].flatMap(([name, frames]) => {
    const { said, real } = heapOf(frames)
    const bytes = frames.reduce((sum, { frame }) => sum + frame.length, 0)
    const isTrue = real <= said * 1.1 + 20_000 && said <= bytes * HEAP_FACTOR_MAX
    return isTrue ? [] : [`${name}: ${real} of the heap, ${said} said, of ${bytes}`]
  })
  expect(byApi.size).toBeGreaterThan(30)
  expect(wrong).toEqual([])
})

describe('large requests of real clients are decoded', () => {
  const id = (index: number) => `0196f1c0-0000-4000-8000-${String(index).padStart(12, '0')}`
  const many = <Value>(length: number, make: (index: number) => Value) =>
    Array.from({ length }, (_, i) => make(i))
  const large: { readonly [Name in ApiName]?: readonly [number, RequestInput<Name>] } = {
    Metadata: [12, { topics: many(10_000, (index) => ({ topicId: id(index), name: null })) }],
    OffsetFetch: [
      7,
      { groupId: 'g', topics: [{ name: 'logs', partitionIndexes: many(100_000, (index) => index) }] },
    ],
    Fetch: [
      12,
      {
        maxWaitMs: 500,
        minBytes: 1,
        topics: many(1000, (topic) => ({
          topic: `topic-${topic}`,
          partitions: many(4, (partition) => ({
            partition,
            fetchOffset: 2 ** 40,
            partitionMaxBytes: 2 ** 20,
          })),
        })),
      },
    ],
    Produce: [
      9,
      {
        acks: -1,
        timeoutMs: 1000,
        topicData: many(1000, (topic) => ({
          name: `topic-${topic}`,
          partitionData: many(4, (index) => ({ index, records: Buffer.alloc(100) })),
        })),
      },
    ],
  }
  test.each(Object.entries(large))('%s', (name, [version, body]) => {
    const api: Api = apis[name as ApiName]
    const request = { version, correlationId: 1, clientId: 'c', body }
    const frame = Buffer.concat(encodeRequest(api, request)).subarray(4)
    const { said, real } = heapOf([{ api, version, path: '', frame }])
    expect(real).toBeLessThanOrEqual(said * 1.1 + 20_000)
    // Most of what is said is there.
    expect(real).toBeGreaterThan(said * 0.6)
  })
})
