// Values that are spliced unparsed: two rows in one, or an end of all rows, are never taken for one object.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRows } from '../../../sinks/clickhouse/rows.ts'
import { isSafeObject } from '../../../sinks/clickhouse/single-object.ts'
import { batchOf } from '../batches.ts'

const never = new AbortController().signal
const ts = '2025-11-21T04:00:00.000Z'

/** Asked in the middle of other bytes, as in a batch. */
function isSafe(value: string): boolean {
  const bytes = Buffer.from(`"}${value}}{"`)
  return isSafeObject(new Uint8Array(bytes), 2, bytes.length - 3)
}

const object = fc.dictionary(fc.string(), fc.jsonValue()).map((rest) => ({ ts, ...rest, _: 0 }))

describe('safe to splice', () => {
  test.each([
    `{"ts":"${ts}"}`,
    `{"event_id":"x","ts":"${ts}","props":{"a":{"b":1}},"c":[{"d":1}]}`,
    `{"a":"x\\\\","ts":"${ts}"}`,
  ])('%s', (value) => expect(isSafe(value)).toBe(true))

  test.each([
    '',
    '{',
    '{}',
    '{"ts":1763700000}',
    '{"event":"a"}',
    `{"x":{"ts":"${ts}"}}`,
    `{"a":"x\\"ts":"${ts}"}`,
    ` {"ts":"${ts}"}`,
    `{"ts":"${ts}"} `,
    `[{"ts":"${ts}"}]`,
    `{"ts":"${ts}"};}`,
    `{"ts":"${ts}"},}`,
  ])('not %s', (value) => expect(isSafe(value)).toBe(false))

  test('never two objects, whatever stands between and in them', () => {
    const between = fc.constantFrom('', ',', ';', ' ', '\n', '\t,', ', ', ' ; ', '\v', '\f', ',,')
    fc.assert(
      fc.property(object, between, object, (first, separator, second) => {
        expect(isSafe(JSON.stringify(first) + separator + JSON.stringify(second))).toBe(false)
      }),
    )
  })

  test('gives the very bytes that parsing gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(object, { minLength: 1, maxLength: 5 }), async (values) => {
        const batch = batchOf([values.map((value) => ({ value: JSON.stringify(value) }))], {
          topic: 'events',
        })
        const [trusting, parsing] = [
          await readRows(batch, 'trusting', never),
          await readRows(batch, 'parsing', never),
        ]
        expect(parsing.unparsed).toBe(0)
        const [ours, theirs] = [trusting.bodies[0], parsing.bodies[0]]
        expect(Buffer.compare(ours?.bytes ?? Buffer.alloc(0), theirs?.bytes ?? Buffer.alloc(1))).toBe(0)
        expect([ours?.ends, ours?.offsets]).toEqual([theirs?.ends, theirs?.offsets])
      }),
    )
  })

  test('an event as the collector writes it is not parsed', async () => {
    const value = JSON.stringify({
      event_id: '0192aef0-0001-7000-8000-000000000001',
      ts,
      props_string: { a: 'b' },
    })
    const rows = await readRows(batchOf([[{ value }]], { topic: 'events' }), 'trusting', never)
    expect(rows.unparsed).toBe(1)
  })
})
