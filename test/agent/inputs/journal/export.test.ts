// The journal's export format: what is written is read, in whatever pieces, and hostile bytes cost only themselves.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ExportReader, type JournalEntry } from '../../../../agent/inputs/journal/export.ts'
import { runs } from '../../../runs.ts'

const bounds = { valueBytesMax: 1000, entryBytesMax: 5000, fieldsMax: 50 }

type Field = readonly [string, Buffer]

/** As systemd writes it: binary where the value has a line feed. */
function exported(entry: readonly Field[]): Buffer {
  const fields = entry.map(([name, value]) => {
    if (!value.includes(10)) return Buffer.concat([Buffer.from(`${name}=`), value, Buffer.from('\n')])
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(BigInt(value.length))
    return Buffer.concat([Buffer.from(`${name}\n`), size, value, Buffer.from('\n')])
  })
  return Buffer.concat([...fields, Buffer.from('\n')])
}

function read(bytes: Uint8Array, cuts: readonly number[] = [], within = bounds): JournalEntry[] {
  const reader = new ExportReader(within)
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  return ends.flatMap((end) => {
    const entries = reader.push(bytes.subarray(from, end))
    from = end
    return entries
  })
}

const plain = (entries: readonly JournalEntry[]) =>
  entries.map(({ fields }) =>
    [...fields].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
  )

const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,20}$/)
const value = fc.oneof(
  fc.string({ maxLength: 30 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
)
const entry = fc.uniqueArray(fc.tuple(name, value), { minLength: 1, maxLength: 8, selector: ([key]) => key })

test('entries are read as they were written, in whatever pieces they come', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (entries, cuts) => {
      const bytes = Buffer.concat(entries.map(exported))
      const wanted = entries.map((fields) => fields.map(([key, one]) => [key, one.toString('latin1')]))
      expect(plain(read(bytes, cuts))).toEqual(wanted)
    }),
    { numRuns: runs(2000, 200) },
  )
})

test('any bytes give entries within the bounds, the same in whatever pieces', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom('A', '=', '\n', '\n\n', 'B=x\n', '\0', 'a', 'M\n\x05\0\0\0\0\0\0\0', '\xff'), {
        maxLength: 60,
      })
      .map((parts) => Buffer.from(parts.join(''), 'latin1')),
  )
  const small = { valueBytesMax: 6, entryBytesMax: 10, fieldsMax: 3 }
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(), { maxLength: 8 }), (one, cuts) => {
      const entries = read(one, cuts, small)
      expect(plain(entries)).toEqual(plain(read(one, [], small)))
      for (const { fields } of entries) {
        expect(fields.size).toBeLessThanOrEqual(small.fieldsMax)
        for (const key of fields.keys()) expect(key).toMatch(/^[A-Z_][A-Z0-9_]*$/)
      }
    }),
    { numRuns: runs(5000, 500) },
  )
})

test('a size that no memory has is passed by, not taken', () => {
  const reader = new ExportReader(bounds)
  reader.push(Buffer.from('MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\x7f', 'latin1'))
  for (let index = 0; index < 1000; index += 1) expect(reader.push(new Uint8Array(100_000))).toEqual([])
})

test('long values, long names and many fields are cut and counted', () => {
  const long = exported([
    ['MESSAGE', Buffer.alloc(1500, 'x')],
    ['N'.repeat(65), Buffer.from('left out')],
    ['lower', Buffer.from('case')],
    ['PRIORITY', Buffer.from('6')],
  ])
  const [first] = read(long)
  expect(first?.cutBytes).toBe(500 + 8 + 4)
  expect([...(first?.fields.keys() ?? [])]).toEqual(['MESSAGE', 'PRIORITY'])
  const many = exported(Array.from({ length: 60 }, (_, index) => [`F${index}`, Buffer.from('1')] as const))
  expect(read(many)[0]?.fields.size).toBe(50)
})

test('a field that is there twice has a line for each value', () => {
  const twice = exported([
    ['A', Buffer.from('one')],
    ['A', Buffer.from('two')],
  ])
  expect(plain(read(twice))).toEqual([[['A', 'one\ntwo']]])
})

test('an entry that is not ended yet is none', () => {
  expect(read(Buffer.from('A=1\nB=2\n'))).toEqual([])
})
