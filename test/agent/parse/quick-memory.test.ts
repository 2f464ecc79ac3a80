// The kernel finds in a line what the general way does, and the memory it works on is bounded. Needs an engine that runs WebAssembly.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isNothing, requestParts } from '../../../agent/parse/access-log.ts'
import { compileParser } from '../../../agent/parse/compile.ts'
import { quickKernel, valueKinds } from '../../../agent/parse/quick-kernel.ts'
import { QuickMemory, quickLineBytesMax, rangeAt } from '../../../agent/parse/quick-memory.ts'
import { found } from '../../../agent/parse/quick-shape.ts'
import { RecordMaker } from '../../../agent/parse/records.ts'
import { numberEnd } from '../../../agent/parse/values.ts'
import { recordsOf } from './parsing.ts'

const memory = new QuickMemory()
const odd = fc.constantFrom('"', '\\', '\t', '\u0000', '\u001f', ' ', '!', '#', '[', ']', 'é', '\u007f', '😀')
const text = fc
  .array(fc.oneof(odd, fc.string({ maxLength: 12 })), { maxLength: 8 })
  .map((all) => all.join(''))

test('a value ends where its end begins, and not before a byte that JSON has to escape', () => {
  fc.assert(
    fc.property(text, text, text, fc.nat(3), (first, value, until, bytesLess) => {
      const line = Buffer.from(`${first}${value}${until}`)
      const begins = Buffer.byteLength(first)
      const stop = Buffer.from(until)[0] ?? 0
      const end = line.findIndex((byte, at) => at >= begins && isStop(byte, stop))
      const place = end === -1 ? line.length : end
      const isThere = line.subarray(place).equals(Buffer.from(until))
      const bytesMax = Math.max(0, place - begins - bytesLess)
      const isIn = isThere && place - begins <= bytesMax
      const shape = shapeOf(valueKinds.text, first, until, bytesMax)
      const { key, ranges } = find(line, shape)
      expect(key).toBe(isIn ? 0 : -1)
      if (isIn) expect(ranges.slice(0, 2)).toEqual([begins, place])
    }),
  )
})

const number = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.oneof(fc.constantFrom('', '0', '00', '12345678901234'), fc.nat().map(String)),
    fc.constantFrom('', '.', '.0', '.25', '.x'),
    fc.constantFrom('', 'e', 'E1', 'e+12', 'e-', 'e123', 'x', ' '),
  )
  .map((parts) => parts.join(''))

test('a number is one that values.ts knows', () => {
  fc.assert(
    fc.property(number, (value) => {
      const line = Buffer.from(value)
      const end = numberEnd(line, 0, line.length)
      const isNumber = end === line.length
      const state = isNothing(line, 0, line.length) ? found.nothing : isNumber ? found.number : found.text
      expect(find(line, shapeOf(valueKinds.numberOrText, '', '')).key).toBe(state)
      expect(find(line, shapeOf(valueKinds.number, '', '')).key).toBe(isNumber ? 0 : -1)
    }),
    { numRuns: 500 },
  )
})

const request = fc
  .array(
    fc.oneof(fc.constantFrom('GET', ' ', '/', '?', 'HTTP/1.1', '-', '_', 'a'), fc.string({ maxLength: 20 })),
  )
  .map((parts) => parts.join('').replaceAll(/["\\]/g, ''))

test('the parts of a request are those that access-log.ts finds', () => {
  fc.assert(
    fc.property(request, (value) => {
      const line = Buffer.from(value)
      const parts = new Int32Array(8)
      const { key, ranges } = find(line, shapeOf(valueKinds.request, '', ''))
      if (isNothing(line, 0, line.length)) expect(key).toBe(found.nothing)
      else if (!requestParts(line, 0, line.length, parts)) expect(key).toBe(found.text)
      else {
        expect(key).toBe(found.split + (parts[4] === -1 ? 0 : 1) + (parts[6] === -1 ? 0 : 2))
        for (const [index, at] of parts.entries())
          if (at !== -1 && parts[index & ~1] !== -1) expect(ranges[2 + index]).toBe(at)
      }
    }),
    { numRuns: 500 },
  )
})

test('more tables than fit, lines of many windows, records that grow: the same bytes', () => {
  const names = Array.from({ length: 10 }, (_, index) => `$name_${index}_${'x'.repeat(150)}`)
  // All of it stands in each template as JSON has it, six times as long.
  const literal = '\u0001'.repeat(1000)
  const options = {
    type: 'nginx',
    format: `${literal}[$time_local] ${names.join(' ')}`,
    keepRaw: true,
  } as const
  const parser = compileParser(options)
  const quick = parser.quick()
  const maker = new RecordMaker({ ...parser, quick: () => quick })
  const general = new RecordMaker({ ...compileParser(options), quick: () => null })
  const generationAtFirst = quick?.memory.generation ?? 0
  for (const [count, bytes] of [
    [600, 1],
    [1800, 900],
    [100, 1],
  ] as const) {
    const lines = Array.from({ length: count }, (_, n) => {
      const values = names.map((_, index) => ((n >> index) & 1 ? '-' : `v${n}.${index}`.padEnd(bytes, '.')))
      return `${literal}[21/Nov/2026:06:00:00 +0000] ${values.join(' ')}`
    })
    expect(isDeepStrictEqual(recordsOf(maker, lines), recordsOf(general, lines))).toBe(true)
  }
  expect(quick?.memory.generation).toBeGreaterThan(generationAtFirst + 2)
})

test('there is room for a record whose line is mostly what JSON has to escape', () => {
  const literal = '\u0001'.repeat(7000)
  const options = { type: 'nginx', format: `${literal}$msec`, keepRaw: true } as const
  const lines = Array.from({ length: 40 }, (_, n) => `${literal}${n}.5`)
  const general = new RecordMaker({ ...compileParser(options), quick: () => null })
  expect(recordsOf(new RecordMaker(compileParser(options)), lines)).toEqual(recordsOf(general, lines))
})

test('where the system has addresses for one memory alone, that one is kept', () => {
  let asked = 0
  const only = new QuickMemory((pages) => {
    asked += 1
    if (asked > 1) throw new RangeError('could not allocate memory')
    return quickKernel(pages)
  })
  const { json } = only
  for (let batch = 0; batch < 3; batch += 1) {
    json.cut(0)
    json.reserve(17 * 1024 * 1024)
    json.byte(0x31)
    expect(json.bytes[0]).toBe(0x31)
  }
  expect(asked).toBe(2)
})

function isStop(byte: number, stop: number): boolean {
  return byte === stop || byte < 0x20 || byte === 0x22 || byte === 0x5c
}

/** A shape of one value. */
function shapeOf(kind: number, first: string, until: string, bytesMax = quickLineBytesMax): number {
  const texts = [Buffer.from(first), Buffer.from(until)] as const
  const textAt = 4 * (4 + 6)
  const stop = texts[1][0] ?? 0
  const value = [kind, stop, textAt + texts[0].length, texts[1].length, bytesMax, 7]
  return memory.put([1, rangeAt(1), textAt, texts[0].length, ...value], Buffer.concat(texts))
}

function find(line: Uint8Array, shape: number): { readonly key: number; readonly ranges: readonly number[] } {
  memory.take(line)
  const place = memory.placeOf(0, line.length)
  const key = memory.find(place, line.length, shape)
  return { key, ranges: key === -1 ? [] : Array.from(memory.ranges.subarray(0, 10), (at) => at - place) }
}
