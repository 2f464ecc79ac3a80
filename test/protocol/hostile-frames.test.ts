// Bytes that lie: cut short, with huge counts, negative lengths, endless varints. Refused, with bounded memory.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apis } from '../../protocol/apis/index.ts'
import { ELEMENTS_MAX } from '../../protocol/bytes.ts'
import { KafkaError } from '../../protocol/errors.ts'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader,
} from '../../protocol/message.ts'
import type { Api } from '../../protocol/schema.ts'
import { messageOf, versionedApis } from './messages.ts'

function troubleOf(decode: () => unknown): string {
  try {
    decode()
  } catch (error) {
    if (error instanceof KafkaError && error.error === 'INVALID_REQUEST') return error.message
    throw error
  }
  return 'none'
}

/** The lengths below `end` at which the bytes, cut short, can be read all the same. */
function readable(bytes: Buffer, end: number, decode: (cut: Buffer) => unknown): readonly number[] {
  const lengths = Array.from({ length: end }, (_, length) => length)
  return lengths.filter((length) => troubleOf(() => decode(bytes.subarray(0, length))) === 'none')
}

/** What is wrong with a body in hex, spaces for the eye. */
function decodeBody(api: Api, version: number, hex: string): string {
  return troubleOf(() => decodeRequest(api, version, Buffer.from(hex.replaceAll(' ', ''), 'hex'), 0))
}

/** What takes the most memory for its bytes: protocols without a name, with a byte of metadata, the last with more. */
function joinOf(protocols: number, lastBytes: number): Buffer {
  const metadata = (index: number) => new Uint8Array(index === protocols - 1 ? lastBytes : 1)
  const body = {
    groupId: 'g',
    sessionTimeoutMs: 1,
    memberId: '',
    protocolType: 'consumer',
    protocols: Array.from({ length: protocols }, (_, index) => ({ name: '', metadata: metadata(index) })),
  }
  const pieces = encodeRequest(apis.JoinGroup, { version: 6, correlationId: 1, clientId: null, body })
  return Buffer.concat(pieces).subarray(4)
}

describe('a message cut short is refused at every byte', () => {
  for (const { api, version } of versionedApis) {
    test(`${api.name} v${version}`, () => {
      fc.assert(
        fc.property(
          messageOf(api.request, version),
          messageOf(api.response, version),
          (request, response) => {
            const sent = { version, correlationId: 1, clientId: 'c', body: request }
            const frame = Buffer.concat(encodeRequest(api, sent)).subarray(4)
            const { bodyAt } = readRequestHeader(frame)
            const answer = Buffer.concat(encodeResponse(api, version, 1, response)).subarray(4)
            const accepted = [
              ...readable(frame, bodyAt, (cut) => readRequestHeader(cut)),
              ...readable(frame.subarray(bodyAt), frame.length - bodyAt, (cut) =>
                decodeRequest(api, version, cut, 0),
              ),
              ...readable(answer, answer.length, (cut) => decodeResponse(api, version, cut)),
            ]
            expect(accepted).toEqual([])
          },
        ),
        { numRuns: 5 },
      )
    })
  }
})

describe('lies are named', () => {
  test('negative lengths', () => {
    expect(decodeBody(apis.Heartbeat, 0, 'fffe')).toMatchInlineSnapshot(
      `"Heartbeat request v0, groupId: the length -2 is negative (byte 2)"`,
    )
    expect(decodeBody(apis.DeleteGroups, 0, 'fffffffe')).toMatchInlineSnapshot(
      `"DeleteGroups request v0, groupsNames: the length -2 is negative (byte 4)"`,
    )
    expect(decodeBody(apis.SaslAuthenticate, 0, '80000000')).toMatchInlineSnapshot(
      `"SaslAuthenticate request v0, authBytes: the length -2147483648 is negative (byte 4)"`,
    )
  })

  test('null where it may not stand', () => {
    expect(decodeBody(apis.Heartbeat, 0, 'ffff')).toMatchInlineSnapshot(
      `"Heartbeat request v0, groupId: it may not be null (byte 2)"`,
    )
    expect(decodeBody(apis.Heartbeat, 4, '00 00')).toMatchInlineSnapshot(
      `"Heartbeat request v4, groupId: it may not be null (byte 2)"`,
    )
    expect(decodeBody(apis.Metadata, 0, 'ffffffff')).toMatchInlineSnapshot(
      `"Metadata request v0, topics: it may not be null (byte 4)"`,
    )
    expect(decodeBody(apis.Metadata, 1, 'ffffffff')).toBe('none')
  })

  test('counts that cannot fit', () => {
    expect(decodeBody(apis.DeleteGroups, 0, '7fffffff')).toMatchInlineSnapshot(
      `"DeleteGroups request v0, groupsNames: 2147483647 elements do not fit into the 0 bytes left (byte 4)"`,
    )
    expect(decodeBody(apis.DeleteGroups, 2, '00 ffffffff0f')).toMatchInlineSnapshot(
      `"DeleteGroups request v2, groupsNames: 4294967294 elements do not fit into the 0 bytes left (byte 6)"`,
    )
    const topic = `00000001 000174 00000005 ${'00'.repeat(40)}`
    expect(
      decodeBody(apis.OffsetCommit, 2, `0001670000000000016d${'ff'.repeat(8)}${topic}`),
    ).toMatchInlineSnapshot(
      `"OffsetCommit request v2, topics[0].partitions: 5 elements do not fit into the 40 bytes left (byte 29)"`,
    )
  })

  test('varints without an end', () => {
    expect(decodeBody(apis.DeleteGroups, 2, '00 ffffffffff01')).toMatchInlineSnapshot(
      `"DeleteGroups request v2, groupsNames: a varint is longer than 32 bits (byte 1)"`,
    )
    expect(decodeBody(apis.DeleteGroups, 2, '00 ffffffff10')).toMatchInlineSnapshot(
      `"DeleteGroups request v2, groupsNames: a varint is longer than 32 bits (byte 1)"`,
    )
    expect(decodeBody(apis.DeleteGroups, 2, '00 ffff')).toMatchInlineSnapshot(
      `"DeleteGroups request v2, groupsNames: a varint is cut short (byte 1)"`,
    )
  })

  test('tags: unknown ones are skipped, lies are not', () => {
    const none = '00 01'
    expect(decodeBody(apis.DeleteGroups, 2, `${none} 02 0003010203 9001 00`)).toBe('none')
    expect(decodeBody(apis.DeleteGroups, 2, `${none} 02 0000 0000`)).toMatchInlineSnapshot(
      `"DeleteGroups request v2: the tag 0 follows 0 (byte 5)"`,
    )
    expect(decodeBody(apis.DeleteGroups, 2, `${none} 01 00ff01`)).toMatchInlineSnapshot(
      `"DeleteGroups request v2: the tag 0 is 255 bytes long (byte 3)"`,
    )
    expect(decodeBody(apis.DeleteGroups, 2, `${none} ffffffff0f`)).toMatchInlineSnapshot(
      `"DeleteGroups request v2: 4294967295 tagged fields do not fit (byte 7)"`,
    )
    // The cluster id of a Fetch (tag 0) that does not fill its tag, and one that is longer than its tag.
    const body = `00 ffffffff ${'00'.repeat(21)} 01 01 01`
    expect(decodeBody(apis.Fetch, 12, `${body} 01 0003 026100`)).toMatchInlineSnapshot(
      `"Fetch request v12, clusterId: 1 bytes are left in its tag (byte 34)"`,
    )
    expect(decodeBody(apis.Fetch, 12, `${body} 01 0002 036100`)).toMatchInlineSnapshot(
      `"Fetch request v12, clusterId: 2 bytes are needed, 1 are left (byte 33)"`,
    )
    expect(decodeBody(apis.Fetch, 12, `${body} 01 0002 0261`)).toBe('none')
  })

  test('numbers beyond 2^53', () => {
    const id = '0020000000000000'
    expect(decodeBody(apis.EndTxn, 0, `000174${id}000001`)).toMatchInlineSnapshot(
      `"EndTxn request v0, producerId: the number is beyond 2^53 (byte 3)"`,
    )
    expect(decodeBody(apis.EndTxn, 0, '000174001fffffffffffff000001')).toBe('none')
  })
})

describe('memory', () => {
  test('a message has a bound on its elements, over all its arrays', () => {
    const count = Buffer.alloc(4)
    count.writeInt32BE(ELEMENTS_MAX + 1)
    const frame = Buffer.concat([count, Buffer.alloc((ELEMENTS_MAX + 1) * 2)])
    expect(troubleOf(() => decodeRequest(apis.DeleteGroups, 0, frame, 0))).toMatchInlineSnapshot(
      `"DeleteGroups request v0, groupsNames: a message may have 500000 elements in all (byte 4)"`,
    )
    expect(troubleOf(() => decodeRequest(apis.DeleteGroups, 0, frame.subarray(4), 0))).toBe('none')
  })

  test('a frame has a bound on the memory that its objects take: 16 MiB, or its own bytes where it is larger', () => {
    const decodeJoin = (members: number, lastBytes: number) => {
      const frame = joinOf(members, lastBytes)
      return troubleOf(() => decodeRequest(apis.JoinGroup, 6, frame, readRequestHeader(frame).bodyAt))
    }
    expect(decodeJoin(100_000, 1)).toBe('none')
    expect(decodeJoin(110_000, 1)).toMatchInlineSnapshot(
      `"JoinGroup request v6, protocols[102651].metadata: so many small elements take more memory than 16777216 bytes (byte 410642)"`,
    )
    expect(decodeJoin(110_000, 20 * 1024 * 1024)).toBe('none')
    expect(decodeJoin(200_000, 20 * 1024 * 1024)).toMatchInlineSnapshot(
      `"JoinGroup request v6, protocols[108672].metadata: so many small elements take more memory than 21771558 bytes (byte 434726)"`,
    )
  })

  test('a count allocates nothing before its elements are there', () => {
    const hex = `7fffffff${'00'.repeat(100)}`
    const before = process.memoryUsage().heapUsed
    for (let run = 0; run < 1000; run++) decodeBody(apis.DeleteGroups, 0, hex)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024)
  })
})

test('any bytes are refused or decoded, in every version', () => {
  const target = fc.constantFrom(...versionedApis)
  fc.assert(
    fc.property(target, fc.uint8Array({ maxLength: 200 }), ({ api, version }, bytes) => {
      troubleOf(() => decodeRequest(api, version, bytes, 0))
      troubleOf(() => decodeResponse(api, version, bytes))
      troubleOf(() => readRequestHeader(bytes))
    }),
    { numRuns: 5000 },
  )
})
