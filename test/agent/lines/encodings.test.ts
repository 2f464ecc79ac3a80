// Encodings: lines of any of them arrive as UTF-8, wherever reading begins, however the bytes come.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../runs.ts'
import { framing, readFrom, readGrowing, textsIn } from './reading.ts'
import { linesOf } from './reference.ts'

type Wide = 'utf-16le' | 'utf-16be'

function wide(text: string, encoding: Wide, mark = true): Buffer {
  const bytes = Buffer.from((mark ? '\ufeff' : '') + text, 'utf16le')
  return encoding === 'utf-16be' ? bytes.swap16() : bytes
}

// U+0A0A, U+0D0A and U+0A00 have the bytes of line ends in them.
const character = fc.constantFrom(
  '\n',
  '\n',
  '\r\n',
  '\r',
  'a',
  'é',
  '\u0a0a',
  '\u0d0a',
  '\u0a00',
  '\u000a',
  '😀',
  '\0',
)
const text = fc.array(character, { maxLength: 60 }).map((parts) => parts.join(''))

test('UTF-16 in any pieces, begun again at any batch, gives the lines of the text', async () => {
  const steps = fc.array(
    fc.tuple(
      fc.integer({ min: 8, max: 100 }),
      fc.nat({ max: 80 }),
      fc.nat({ max: 3 }),
      fc.integer({ min: 1, max: 9 }),
    ),
    { maxLength: 8 },
  )
  const encoding = fc.constantFrom('utf-16le' as const, 'utf-16be' as const)
  await fc.assert(
    fc.asyncProperty(text, encoding, fc.boolean(), steps, async (text, encoding, byMark, steps) => {
      const content = wide(text, encoding, byMark)
      const read = framing({ encoding: byMark ? 'utf-16' : encoding })
      const options = { framing: read, lineBytesMax: 4096 }
      const { found, standing } = await readGrowing(content, options, steps)
      const { records } = await readFrom(content, standing, { ...options, flush: 'line' })
      expect([...found, ...records.map(({ text }) => text)]).toEqual(
        linesOf(text).map(({ text }) => text.toWellFormed()),
      )
    }),
    { numRuns: runs(1500, 300) },
  )
})

test('utf-16 goes by the mark, little end first without one', async () => {
  const read = { framing: framing({ encoding: 'utf-16' }) }
  for (const bytes of [
    wide('añ\nb\n', 'utf-16le'),
    wide('añ\nb\n', 'utf-16be'),
    wide('añ\nb\n', 'utf-16le', false),
  ])
    expect(await textsIn(bytes, read)).toEqual(['añ', 'b'])
})

test('a byte order mark at the start is no text, one in the middle is; a file of nothing else has no line', async () => {
  const mark = '\ufeff'
  expect(await textsIn(`${mark}a\n${mark}b\n`)).toEqual(['a', `${mark}b`])
  expect(
    await textsIn(wide('a\n\ufeffb\n', 'utf-16be'), { framing: framing({ encoding: 'utf-16be' }) }),
  ).toEqual(['a', `${mark}b`])
  expect(await textsIn(mark)).toEqual([])
  const only = Buffer.from(mark)
  const { standing } = await readFrom(only, { position: 0 })
  const { records } = await readFrom(Buffer.from(`${mark}\n\na\n`), standing)
  expect(records.map(({ text }) => text)).toEqual(['', '', 'a'])
})

test.each([
  ['latin1', Buffer.from('caf\xe9 \x80\n\xfc\n', 'latin1'), ['café €', 'ü']],
  [
    'shift_jis',
    Buffer.from([0x83, 0x65, 0x83, 0x58, 0x83, 0x67, 0x0a, 0x95, 0x5c, 0x0d, 0x0a]),
    ['テスト', '表'],
  ],
  ['big5', Buffer.from([0xb4, 0xfa, 0xb8, 0xd5, 0x0a, 0xa5, 0x5c, 0x0a]), ['測試', '功']],
  ['gb18030', Buffer.from([0xb2, 0xe2, 0xca, 0xd4, 0x0a, 0x81, 0x30, 0x81, 0x30, 0x0a]), ['测试', '\u0080']],
  ['euc-kr', Buffer.from([0xbd, 0xc3, 0xc7, 0xe8, 0x0a]), ['시험']],
])('%s', async (encoding, bytes, expected) => {
  const label = new TextDecoder(encoding).encoding
  expect(await textsIn(bytes, { framing: framing({ encoding: label }) })).toEqual(expected)
  // Whatever is read at a time.
  for (let batchBytesMax = 1; batchBytesMax <= bytes.length; batchBytesMax += 1)
    expect(await textsIn(bytes, { framing: framing({ encoding: label }), batchBytesMax })).toEqual(expected)
})

test('what is no character becomes U+FFFD where it is decoded, and stays as it is in UTF-8', async () => {
  const sjis = { framing: framing({ encoding: 'shift_jis' }) }
  expect(await textsIn(Buffer.from([0x61, 0xff, 0x62, 0x0a, 0x83, 0x0a]), sjis)).toEqual([
    'a\ufffdb',
    '\ufffd',
  ])
  const lone = Buffer.from([0x3d, 0xd8, 0x0a, 0x00, 0x61, 0x00, 0x0a, 0x00])
  expect(await textsIn(lone, { framing: framing({ encoding: 'utf-16le' }) })).toEqual(['\ufffd', 'a'])
})

test('a line over the limit is cut between characters, its length told, its neighbours whole', async () => {
  const cases = [
    ['utf-16le', (line: string) => wide(line, 'utf-16le'), 2],
    ['utf-16be', (line: string) => wide(line, 'utf-16be'), 2],
    ['utf-8', (line: string) => Buffer.from(line), 1],
  ] as const
  for (const [encoding, encode, unit] of cases) {
    for (const [length, limit] of [
      [3, 100],
      [40, 64],
      [41, 65],
      [41, 66],
      [41, 67],
      [3000, 64],
      [90_000, 67],
    ] as const) {
      const long = 'a😀é'.repeat(length)
      const content = encode(`before\n${long}\r\nafter\n`)
      for (const batchBytesMax of [32, 200, 1024 * 1024]) {
        const options = { framing: framing({ encoding }), lineBytesMax: limit, batchBytesMax }
        const { records } = await readFrom(content, { position: 0 }, options)
        const bytes = unit === 2 ? long.length * 2 : Buffer.byteLength(long)
        const cut = records[1]
        expect(records.map(({ text }) => text)).toEqual(['before', cut?.text, 'after'])
        expect(cut?.cutBytes).toBe(bytes > limit ? bytes : null)
        expect(cut?.text).not.toContain('\ufffd')
        expect(long.startsWith(cut?.text ?? 'x')).toBe(true)
        const kept = unit === 2 ? (cut?.text.length ?? 0) * 2 : Buffer.byteLength(cut?.text ?? '')
        expect(kept).toBeGreaterThan(Math.min(limit, bytes) - 4)
        expect(kept).toBeLessThanOrEqual(limit)
      }
    }
  }
})

test('a cut in the middle of a character of two bytes leaves that out', async () => {
  const content = Buffer.concat([
    Buffer.from('x'),
    Buffer.from([0x83, 0x65, 0x83, 0x58, 0x83, 0x67]),
    Buffer.from('\n'),
  ])
  const options = { framing: framing({ encoding: 'shift_jis' }), lineBytesMax: 4 }
  const { records } = await readFrom(content, { position: 0 }, options)
  expect(records).toEqual([{ text: 'xテ', cutBytes: 7 }])
})

test('half a code unit at the end waits for the other half, and is U+FFFD when it never comes', async () => {
  const read = framing({ encoding: 'utf-16be' })
  const whole = wide('ab\ncd\n', 'utf-16be')
  const half = await readFrom(whole.subarray(0, 11), { position: 0 }, { framing: read, flush: 'line' })
  expect(half.records.map(({ text }) => text)).toEqual(['ab', 'c', '\ufffd'])
  // What comes behind it is read on the boundaries of the file.
  const { records } = await readFrom(whole, half.standing, { framing: read })
  expect(records.map(({ text }) => text)).toEqual([])
})

test('a line whose text was sent before its end makes no empty record, in UTF-16 too', async () => {
  for (const encoding of ['utf-16le', 'utf-16be'] as const) {
    const read = framing({ encoding })
    const content = wide('ab\r\n\r\ncd\n', encoding)
    const first = await readFrom(content.subarray(0, 6), { position: 0 }, { framing: read, flush: 'line' })
    expect(first.records.map(({ text }) => text)).toEqual(['ab'])
    const { records } = await readFrom(content, first.standing, { framing: read })
    expect(records.map(({ text }) => text)).toEqual(['', 'cd'])
  }
})

test('any bytes under any encoding: no byte is read twice, none stops the reading', async () => {
  const encodings = [
    'utf-8',
    'utf-16',
    'utf-16le',
    'utf-16be',
    'windows-1252',
    'shift_jis',
    'gb18030',
    'iso-2022-jp',
  ]
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(...encodings),
      fc.integer({ min: 1, max: 64 }),
      async (content, encoding, batchBytesMax) => {
        const options = {
          framing: framing({ encoding }),
          batchBytesMax,
          lineBytesMax: 64,
          flush: 'line' as const,
        }
        const { standing } = await readFrom(content, { position: 0 }, options)
        const markOnly = standing.position === 0 && content.length <= 3
        expect(
          markOnly || standing.position === content.length || content.at(-1) === 10 || content.at(-1) === 0,
        ).toBe(true)
      },
    ),
    { numRuns: runs(3000, 300) },
  )
})
