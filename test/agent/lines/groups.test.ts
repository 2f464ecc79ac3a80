// Lines that belong together: whatever is read when, the same groups as of the whole text at once.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Patterns } from '../../../agent/lines/patterns.ts'
import { runs } from '../../runs.ts'
import { multiline, type ReadOptions, readFrom, textsIn } from './reading.ts'
import { groupsOf } from './reference.ts'

const word = fc.constantFrom('', 'S', 'S1', ' c', ' c2', 'x', 'x;', ' c;', 'y\\', 'S\\', '-', 'é', '\0', '\r')
const text = fc
  .array(fc.tuple(word, fc.constantFrom('\n', '\n', '\n', '\r\n')), { maxLength: 40 })
  .map((lines) => lines.map(([line, end]) => line + end).join(''))
const patterns: fc.Arbitrary<Patterns> = fc
  .record(
    {
      start: fc.constant('^S'),
      continueThrough: fc.constant('^ '),
      continuePast: fc.constant('\\\\$'),
      haltBefore: fc.constant('^-'),
      haltWith: fc.constant(';$'),
    },
    { requiredKeys: [] },
  )
  .filter((one) => Object.keys(one).length > 0)
const limits = fc.record({
  linesMax: fc.integer({ min: 1, max: 12 }),
  bytesMax: fc.integer({ min: 64, max: 200 }),
})

test('any patterns over any text, read in any pieces and begun again at any batch, give the groups of the text', async () => {
  const sizes = fc.record({
    batchBytesMax: fc.integer({ min: 1, max: 300 }),
    batchLinesMax: fc.integer({ min: 12, max: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(
      text,
      patterns,
      limits,
      fc.array(fc.tuple(sizes, fc.nat({ max: 400 }), fc.nat({ max: 3 })), { maxLength: 8 }),
      async (text, by, limits, steps) => {
        const content = Buffer.from(text)
        const framing = multiline(by, limits)
        const found: string[] = []
        let standing = { position: 0 }
        let visible = 0
        const go = async (options: ReadOptions, batchesMax: number) => {
          let batches = 0
          const read = await readFrom(
            content.subarray(0, visible),
            standing,
            { framing, lineBytesMax: 4096, ...options },
            () => {
              batches += 1
              return batches < batchesMax
            },
          )
          found.push(...read.records.map(({ text }) => text))
          standing = read.standing
        }
        // A writer that is read while it writes, by a reader that forgets all but the position.
        for (const [options, grows, batches] of steps) {
          visible = Math.min(content.length, visible + grows)
          await go(options, batches + 1)
        }
        visible = content.length
        await go({ flush: 'line' }, Number.POSITIVE_INFINITY)
        expect(found).toEqual(groupsOf(text, by, limits))
      },
    ),
    { numRuns: runs(3000, 400) },
  )
})

const rest = (by: Patterns, text: string) => textsIn(text, { framing: multiline(by) })

test('start: a record goes on until the next such line', async () => {
  expect(await rest({ start: '^S' }, 'S 1\n a\nb\nS 2\nS 3\nc\n')).toEqual(['S 1\n a\nb', 'S 2', 'S 3\nc'])
})

test('start: the rest of a record whose beginning is elsewhere stays together', async () => {
  expect(await rest({ start: '^S' }, 'a\nb\nS\n')).toEqual(['a\nb', 'S'])
})

test('continue_through: a record takes such lines behind it', async () => {
  expect(await rest({ continueThrough: '^ ' }, 'a\n b\n c\nd\n')).toEqual(['a\n b\n c', 'd'])
})

test('start with continue_through: other lines are on their own, also such ones without a beginning', async () => {
  const by = { start: '^S', continueThrough: '^ ' }
  expect(await rest(by, ' a\nS\n b\nc\n d\n')).toEqual([' a', 'S\n b', 'c', ' d'])
})

test('continue_past: a line that says so goes on in the next', async () => {
  expect(await rest({ continuePast: '\\\\$' }, 'a\\\nb\\\nc\nd\n')).toEqual(['a\\\nb\\\nc', 'd'])
})

test('halt_with: such a line is the last of its record', async () => {
  expect(await rest({ haltWith: ';$' }, 'a\nb;\nc;\nd\n')).toEqual(['a\nb;', 'c;', 'd'])
})

test('start with halt_with: lines outside are on their own', async () => {
  const by = { start: '^BEGIN', haltWith: '^END' }
  expect(await rest(by, 'x\nBEGIN\n1\nEND\ny\nBEGIN\nEND\n')).toEqual([
    'x',
    'BEGIN\n1\nEND',
    'y',
    'BEGIN\nEND',
  ])
})

test('halt_before: such a line begins another record', async () => {
  expect(await rest({ haltBefore: '^-' }, 'a\nb\n-\nc\n')).toEqual(['a\nb', '-\nc'])
})

test('a group that waited is sent; what comes later is a record of its own, never glued, never doubled', async () => {
  const framing = multiline({ start: '^S' })
  const before = Buffer.from('S 1\n a\n unfini')
  const first = await readFrom(before, { position: 0 }, { framing, flush: 'group' })
  expect(first.records.map(({ text }) => text)).toEqual(['S 1\n a'])
  expect(first.unfinished).toBe(7)
  const after = Buffer.from('S 1\n a\n unfinished\n b\nS 2\n')
  const second = await readFrom(after, first.standing, { framing, flush: 'line' })
  expect(second.records.map(({ text }) => text)).toEqual([' unfinished\n b', 'S 2'])
})

test('a file that grew since it was found at rest is not flushed', async () => {
  const framing = multiline({ start: '^S' })
  const content = Buffer.from('S 1\n a\n')
  for (const what of ['group', 'line'] as const) {
    const grown = await readFrom(content, { position: 0 }, { framing, flush: what, flushAt: 4 })
    expect(grown.records).toEqual([])
    const rested = await readFrom(content, { position: 0 }, { framing, flush: what })
    expect(rested.records.map(({ text }) => text)).toEqual(['S 1\n a'])
  }
})

test('a line that is too long is cut, and is a record of its own between its neighbours', async () => {
  const framing = multiline({ start: '^S' })
  for (const length of [99, 100, 101, 130, 1000, 300_000]) {
    for (const batchBytesMax of [50, 150, 1024 * 1024]) {
      const long = 'x'.repeat(length)
      const content = Buffer.from(`S 1\n a\n${long}\n b\nS 2\n`)
      const options = { framing, lineBytesMax: 100, batchBytesMax, flush: 'line' as const }
      const { records } = await readFrom(content, { position: 0 }, options)
      const cut = [
        { text: 'S 1\n a', cutBytes: null },
        { text: long.slice(0, 100), cutBytes: length },
        { text: ' b', cutBytes: null },
        { text: 'S 2', cutBytes: null },
      ]
      const whole = [
        { text: `S 1\n a\n${long}\n b`, cutBytes: null },
        { text: 'S 2', cutBytes: null },
      ]
      expect(records).toEqual(length > 100 ? cut : whole)
    }
  }
})

test('lines that follow one another for ever are cut into bounded records', async () => {
  const lines = Array.from({ length: 5000 }, (_, n) => ` ${n}`)
  const content = Buffer.from(`${lines.join('\n')}\n`)
  const framing = multiline({ start: '^S' }, { linesMax: 100, bytesMax: 400 })
  const { records } = await readFrom(content, { position: 0 }, { framing, flush: 'line', batchBytesMax: 64 })
  expect(records.map(({ text }) => text).join('\n')).toBe(lines.join('\n'))
  for (const { text } of records) expect(text.length).toBeLessThanOrEqual(400)
})
