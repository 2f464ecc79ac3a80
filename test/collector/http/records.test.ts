// Bodies are cut into records byte for byte; a bad line spoils nothing but itself.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CutOptions, cutRecords } from '../../../collector/http/records.ts'

const options: CutOptions = {
  format: 'ndjson',
  keyField: null,
  headers: [],
  timestamp: 1,
  eventBytesMax: 100,
  recordsMax: 10,
}
const cut = (body: string | Uint8Array, change: Partial<CutOptions> = {}) => {
  const { records, bad } = cutRecords(Buffer.from(body), { ...options, ...change })
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())
  return {
    values: records.map((record) => text(record.value)),
    keys: records.map((record) => text(record.key)),
    bad: bad.map(({ line, message }) => `${line}: ${message}`),
  }
}

test('lines keep their bytes: spacing, key order, numbers and escapes are not touched', () => {
  const line = '{ "b":1.0,  "a":1e400, "c":"\\u0041" }'
  expect(cut(`${line}\r\n\n  \n12345678901234567890`).values).toEqual([line, '12345678901234567890'])
})

test('bad lines are named and the good ones around them stay', () => {
  const big = JSON.stringify('x'.repeat(200))
  expect(cut(`{"a":1}\n{bad}\n[1]\n${big}\n"\u0001"\n${'['.repeat(70)}\n`)).toMatchInlineSnapshot(`
    {
      "bad": [
        "2: not JSON: "b" is not expected here (byte 1)",
        "4: 202 bytes are more than the 100 of a record",
        "5: not JSON: a control character in a string (byte 1)",
        "6: not JSON: nested deeper than 64 (byte 64)",
      ],
      "keys": [
        null,
        null,
      ],
      "values": [
        "{"a":1}",
        "[1]",
      ],
    }
  `)
})

test('a line that is not UTF-8 is bad alone', () => {
  const body = Buffer.concat([
    Buffer.from('{"a":1}\n"'),
    Buffer.from([0xc3, 0x28]),
    Buffer.from('"\n{"b":2}'),
  ])
  expect(cut(body)).toMatchObject({ values: ['{"a":1}', '{"b":2}'], bad: ['2: not UTF-8'] })
})

test('an array gives its elements as they are written, a single value is one record', () => {
  const format = 'json'
  expect(cut(' [ {"a": 1} , 2,"x" ] ', { format }).values).toEqual(['{"a": 1}', '2', '"x"'])
  expect(cut(' {"a": 1}\n', { format }).values).toEqual(['{"a": 1}'])
  for (const body of ['[1,]', '[1', '[1]]', '[1}', '{"a":1}x', '[1 2]', '[', ',']) {
    expect(() => cut(body, { format }), body).toThrow('the body is not JSON')
  }
})

test('nothing to store is an error', () => {
  expect(() => cut('\n \r\n')).toThrow('no record')
  expect(() => cut(' [ ] ', { format: 'json' })).toThrow('no record')
  expect(() => cut('', { format: 'json' })).toThrow('no record')
})

test('more records than allowed are refused as a whole', () => {
  expect(() => cut('1\n'.repeat(11))).toThrow('more than 10 records')
})

test('the key is the text of a field of its own, or nothing', () => {
  const lines = [
    '{"id":"a"}',
    '{"id":7}',
    '{"id":true}',
    '{"id":null}',
    '{"id":{}}',
    '{}',
    '[1]',
    '"id"',
    'null',
  ]
  expect(cut(lines.join('\n'), { keyField: 'id' }).keys).toEqual(['a', '7', 'true', ...Array(6).fill(null)])
  expect(cut('{}', { keyField: '__proto__' }).keys).toEqual([null])
  expect(cut('{}', { keyField: 'constructor' }).keys).toEqual([null])
})

test('any list of JSON values survives both formats', () => {
  fc.assert(
    fc.property(fc.array(fc.json({ maxDepth: 3 }), { minLength: 1, maxLength: 9 }), (values) => {
      const wide = { eventBytesMax: 1_000_000 }
      expect(cut(values.join('\n'), wide)).toMatchObject({ values, bad: [] })
      expect(cut(`[${values.join(' , ')}]`, { ...wide, format: 'json' })).toMatchObject({ values, bad: [] })
    }),
  )
})

test('hostile bytes are judged, never crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('ndjson', 'json'), (bytes, format) => {
      try {
        cutRecords(bytes, { ...options, format })
      } catch (error) {
        expect(error).toMatchObject({ name: 'LogdriveError' })
      }
    }),
  )
})
