// Bodies of inserts: every byte of a line survives escaping, numbers and fixed pieces come out as written.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BodyBuilder, keepRows, pieceOf } from '../../../sinks/clickhouse/body-builder.ts'
import { readRefused, readRows } from '../../../sinks/clickhouse/rows.ts'
import { batchOf, lineHeaders } from '../batches.ts'

const never = new AbortController().signal

/** An independent reading of TabSeparated: rows of fields of bytes. */
function parseTabs(bytes: Uint8Array): Buffer[][] {
  const rows: Buffer[][] = []
  let field: number[] = []
  const row: Buffer[] = []
  const special: Record<string, number> = { t: 9, n: 10, r: 13, '\\': 92, '0': 0 }
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number
    if (byte === 92) {
      at += 1
      field.push(special[String.fromCharCode(bytes[at] as number)] ?? Number.NaN)
    } else if (byte === 9 || byte === 10) {
      row.push(Buffer.from(field))
      field = []
      if (byte === 10) rows.push(row.splice(0))
    } else field.push(byte)
  }
  expect([field, row]).toEqual([[], []])
  return rows
}

const nasty = fc.constantFrom(9, 10, 13, 92, 0, 0x1f, 0x20, 0x5b, 0x5d, 0x7f, 0x80, 0xff, 0xdc)
const line = fc.array(fc.oneof(nasty, fc.integer({ min: 0x20, max: 0x7e })), { maxLength: 90 })

describe('raw lines', () => {
  test('come out of TabSeparated as they went in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 8 }), async (values) => {
        const headers = lineHeaders('h\\o\t', 'p\n')
        const records = values.map((value, n) => ({
          value: Buffer.from(value),
          ...(n === 0 ? { headers } : {}),
        }))
        const rows = await readRows(batchOf([records], { topic: 'raw', firstOffset: 41 }), 'parsing', never)
        const [body] = rows.bodies
        const parsed = parseTabs(body?.bytes ?? new Uint8Array(0))
        expect(parsed.map((row) => row[8])).toEqual(values.map((value) => Buffer.from(value)))
        expect(parsed.map((row) => String(row[3]))).toEqual(values.map((_, n) => String(41 + n)))
        expect([String(parsed[0]?.[6]), String(parsed[0]?.[7])]).toEqual(['h\\o\t', 'p\n'])
        expect(body?.ends.at(-1)).toBe(body?.bytes.length)
      }),
    )
  })

  test('dead letters are never spliced, however much they look like rows', async () => {
    const rows = await readRows(
      batchOf([[{ value: '{"metric":1}' }]], { topic: 'metrics.dead-letter' }),
      'trusting',
      never,
    )
    expect(rows.bodies.map((body) => body.format)).toEqual(['TabSeparated'])
  })
})

describe('JSON values', () => {
  test('become one row each, whatever object it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string(), fc.json()), { minLength: 1, maxLength: 5 }),
        async (values) => {
          const records = values.map((value, n) => ({ value: JSON.stringify(value, null, n % 2) }))
          const rows = await readRows(batchOf([records], { topic: 'events' }), 'parsing', never)
          const [body] = rows.bodies
          let from = 0
          const parsed = (body?.ends ?? []).map((end) => {
            const row = JSON.parse(Buffer.from(body?.bytes.subarray(from, end) ?? '').toString()) as object
            from = end
            return row
          })
          expect(parsed).toEqual(
            values.map((value, n) =>
              expect.objectContaining({ ...JSON.parse(JSON.stringify(value)), _offset: value._offset ?? n }),
            ),
          )
        },
      ),
    )
  })

  test('in a batch with lines go their own way, and the refused keep key and value', async () => {
    const mixed = batchOf([
      [{ value: 'a', headers: lineHeaders('h', 'p') }, { value: 'b' }],
      [{ value: '{"x":1}', key: 'k' }],
    ])
    const rows = await readRows(mixed, 'parsing', never)
    expect(rows.bodies.map(({ format, offsets }) => [format, offsets])).toEqual([
      ['JSONEachRow', [2]],
      ['TabSeparated', [0, 1]],
    ])
    const refusals = await readRefused(mixed, new Map([[2, 'why']]), never)
    expect(refusals).toEqual([
      {
        offset: 2,
        reason: 'why',
        key: new Uint8Array(Buffer.from('k')),
        value: new Uint8Array(Buffer.from('{"x":1}')),
      },
    ])
  })
})

test('numbers, pieces and texts stand as written, through every growth', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.maxSafeNat(), fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 40_000 })),
        { maxLength: 12 },
      ),
      (parts) => {
        const body = new BodyBuilder('TabSeparated', null)
        const head = pieceOf('héad\t')
        const expected: Buffer[] = []
        for (const [number, text, bytes] of parts) {
          body.piece(head)
          body.number(number)
          body.text(text)
          body.bytes(bytes)
          body.endRow(number)
          expected.push(Buffer.from(`héad\t${number}${text}`), Buffer.from(bytes), Buffer.from('\n'))
        }
        const built = body.finish()
        expect(Buffer.compare(built.bytes, Buffer.concat(expected))).toBe(0)
        const odd = keepRows(built, (index) => index % 2 === 1)
        const rows = parts.map((_, n) => Buffer.concat(expected.slice(n * 3, n * 3 + 3)))
        expect(Buffer.compare(odd.bytes, Buffer.concat(rows.filter((_, n) => n % 2 === 1)))).toBe(0)
      },
    ),
  )
})
