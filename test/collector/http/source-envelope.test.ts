// The envelope of many sources: hostile bytes are refused as a whole, and a real server answers each source by itself.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openEnvelope } from '../../../collector/http/source-envelope.ts'
import { agentBatch, type BatchFacts, type Collector, startCollector } from './fixture.ts'

let collector: Collector
beforeAll(async () => {
  collector = await startCollector()
})
afterAll(async () => {
  await collector[Symbol.asyncDispose]()
})

function envelope(list: unknown, ...bodies: readonly Uint8Array[]): Uint8Array {
  const json = Buffer.from(typeof list === 'string' ? list : JSON.stringify(list))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json, ...bodies])
}

function send(topic: string, body: Uint8Array) {
  const headers = { 'content-type': 'application/vnd.logdrive.sources' }
  return collector.send('POST', `/v1/topics/${topic}/batches`, { body, headers })
}

function entry({ source, from, to, epoch = 0 }: BatchFacts, bytes: Uint8Array) {
  return { source, epoch, from, to, bytes: bytes.length }
}

test('each source is kept, refused or told its position by itself', async () => {
  const facts = (source: string, from: number, to: number): BatchFacts => ({ source, from, to })
  const good = agentBatch(['one', 'two'], facts('good', 0, 8))
  const ahead = agentBatch(['late'], facts('ahead', 50, 55))
  const broken = agentBatch(['x'], facts('broken', 0, 2))
  broken[30] = (broken[30] as number) ^ 1
  const list = [
    entry(facts('good', 0, 8), good),
    entry(facts('ahead', 50, 55), ahead),
    entry(facts('broken', 0, 2), broken),
  ]
  const { status, json } = await send('many', envelope(list, good, ahead, broken))
  expect(status).toBe(200)
  expect(json).toMatchObject({
    results: [
      { status: 200, to: 8, duplicate: false },
      { status: 409, error: { code: 'POSITION_CONFLICT' } },
      { status: 422, error: { code: 'BATCH_CORRUPT' } },
    ],
  })
  expect((await collector.records('many')).map((record) => record.value)).toEqual(['one', 'two'])
  const again = agentBatch(['one', 'two'], facts('good', 0, 8))
  expect((await send('many', envelope([entry(facts('good', 0, 8), again)], again))).json).toMatchObject({
    results: [{ status: 200, to: 8, duplicate: true }],
  })
})

test('an envelope that is none is refused, and nothing of it is stored', async () => {
  const body = agentBatch(['x'], { source: 's', from: 0, to: 2 })
  const one = entry({ source: 's', from: 0, to: 2 }, body)
  const wrong: readonly Uint8Array[] = [
    new Uint8Array(0),
    new Uint8Array([0, 0]),
    new Uint8Array([255, 255, 255, 255, 1]),
    envelope('no json', body),
    envelope([], body),
    envelope({}, body),
    envelope([null], body),
    envelope([one, one], body, body),
    envelope([one], body, body),
    envelope([{ ...one, bytes: body.length + 1 }], body),
    envelope([{ ...one, bytes: 0 }], body),
    envelope([{ ...one, source: 'a b' }], body),
    envelope([{ ...one, from: 2 }], body),
    envelope([{ ...one, epoch: -1 }], body),
    envelope([{ ...one, to: 1e300 }], body),
    envelope([{ ...one, gap: 'yes' }], body),
    envelope(
      Array.from({ length: 1001 }, (_, n) => ({ ...one, source: `s${n}` })),
      body,
    ),
  ]
  for (const bytes of wrong) {
    const { status, json } = await send('none', bytes)
    expect({ status, json }).toMatchObject({ status: 400, json: { error: { code: 'REQUEST_INVALID' } } })
  }
})

test('any bytes are opened or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.json(), (bytes, list) => {
      for (const body of [bytes, envelope(list, bytes)]) {
        try {
          openEnvelope(body)
        } catch (error) {
          expect(error).toMatchObject({ code: 'REQUEST_INVALID' })
        }
      }
    }),
  )
})
