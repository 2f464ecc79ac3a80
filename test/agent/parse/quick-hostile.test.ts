// Any bytes after usual lines, wherever they lie: the quick way writes what the general way does. Needs an engine that runs WebAssembly.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileParser } from '../../../agent/parse/compile.ts'
import type { LineParser } from '../../../agent/parse/fields.ts'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { quickLineBytesMax } from '../../../agent/parse/quick-memory.ts'
import { RecordMaker } from '../../../agent/parse/records.ts'
import { runs } from '../../runs.ts'
import { recordsOf } from './parsing.ts'

/** What lines are made of: text, and values behind a %. */
const shapes: readonly { readonly options: ParseOptions; readonly lines: readonly string[] }[] = [
  {
    options: { type: 'json' },
    lines: [
      '{"time":"%T","level":"%L","msg":"%V","n":%N,"http":{"path":"%V","ok":true}}',
      '{"level":"%L","n":%N,"n":%N,"trace_id":"%V","deep":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":"%V"}}}}}}}}}',
      ' { "msg" : "%V" , "a\\u0001\\"" : %N, "list":[1,{"a":"b"}], "no":null }\r',
      '{"msg":"%V","message":"%V","n":%N.%N}',
    ],
  },
  {
    options: { type: 'json', keepRaw: true },
    lines: [
      '{"service":"%V","x\\ty":"%V","span_id":"%V","n":-%N,"m":%N.%N,"e":1e%N}\r',
      '{"%V":"%V","":%N}',
      '{"":""}',
    ],
  },
  {
    options: { type: 'nginx' },
    lines: [
      '%V - %V [%C] "GET /%V?%V HTTP/1.1" %N %N "%V" "%V"',
      '%V - %V [%C] "%V" %N %N "%V" "%V"',
      '- -  [%C] "" - - "-" ""',
    ],
  },
  {
    options: { type: 'nginx', format: '\u0001é$msec\\$a\t$request|$status"$b', keepRaw: true },
    lines: ['\u0001é%N.%N\\%V\tGET /%V %V|%N"%V', '\u0001é%N\\-\tV|-"'],
  },
  {
    options: { type: 'nginx', format: '$msec $status' },
    lines: ['%N.%N %N', '%N 1.%N', '%N 1e%N', '%N %V', '%N -'],
  },
]

const odd = ['"', '\\', '\\"', '\\u0000', '\\ud800', '\\ud83d\\ude00', '\\n', '\t', '\0', '\r', '\n']
const mostly = (usual: fc.Arbitrary<string>, ...rest: string[]) =>
  fc.oneof({ weight: 40, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...rest) })
const words = fc.oneof(
  fc.constantFrom(...'|-|a|info|GET|/x?y|/x y|HTTP/1.1| |é|😀|\u007f|\u2028'.split('|')),
  fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/["\\]/g, "'")),
  fc.constantFrom(15, 16, 17, 31, 32, 33, 64, 65, 3000).map((bytes) => 'x'.repeat(bytes)),
)
const numbers = fc.oneof(
  fc.constantFrom('0', '1', '30', '1732166400', '1732166400123', '123456789012345'),
  fc.nat().map(String),
)
const long = [16, 17, 400].map((count) => '9'.repeat(count))
const noTimes = ['yesterday', '-', '']
/** By their letters in shapes. */
const parts = {
  V: mostly(words, ...odd, 'x'.repeat(quickLineBytesMax), 'é'.repeat(5000)),
  N: mostly(numbers, '', '-', '00', '007', '1e400', '1E+09', '.5', '5.', '-0', ...long),
  T: mostly(fc.constantFrom('2026-11-21T06:00:00.123456789Z', '2026-11-21T06:00:00+01:00'), ...noTimes),
  C: mostly(fc.constantFrom('21/Nov/2026:06:00:00 +0000', '21/Nov/2026:07:00:59 +0100'), ...noTimes),
  L: mostly(fc.constantFrom('info', 'WARN', 'f'), 'mild', '', '7'),
} as const

/** Bytes that begin or end something, are no UTF-8, or no text. */
const hostile = fc.oneof(
  fc.constantFrom(...Buffer.from('\0\t\n\r\u001f ",-.09:?[\\]e{}\u007fé'), 0x80, 0xed, 0xff),
  fc.nat(255),
)
/** How a line is changed: what stands from there on, as a share of it, is replaced. */
const change = fc.tuple(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.nat(3),
  fc.array(hostile, { maxLength: 3 }),
)

function lineOf(shape: string): fc.Arbitrary<Buffer> {
  const texts = shape.split(/%([VNTCL])/).map((part) => (isPart(part) ? parts[part] : fc.constant(part)))
  const usual = fc.tuple(...texts).map((all) => Buffer.from(all.join('')))
  const changed = fc.tuple(usual, change).map(([line, [share, less, more]]) => {
    const at = Math.floor(share * line.length)
    return Buffer.concat([line.subarray(0, at), Buffer.from(more), line.subarray(at + less)])
  })
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: changed })
}

function isPart(text: string): text is keyof typeof parts {
  return Object.hasOwn(parts, text)
}

/** Behind each line, where nobody may look: what would go on with it. */
const behind = fc
  .constantFrom('\n', '\r\n', '9', '.5', 'e7', '"', '"}', '}', '-', '\0', ' HTTP/1.1" ')
  .map((text) => Buffer.from(text))
/** Behind the first line and the last: with that in it, the window of the kernel ends within one of the next lines. */
const gapBytes = fc.oneof(fc.constant(0), fc.integer({ min: 128 * 1024 - 8000, max: 128 * 1024 }))
const rounds = (shape: readonly string[]) =>
  fc.array(
    fc.record({
      lines: fc.array(fc.oneof(...shape.map(lineOf)), { minLength: 1, maxLength: 20 }),
      behind,
      gapBytes,
    }),
    { minLength: 1, maxLength: 4 },
  )

test.each(shapes)('$options', ({ options, lines: shape }) => {
  const parser = compileParser(options)
  const count = { all: 0, general: 0 }
  const parse: LineParser = (...line) => {
    count.general += 1
    return parser.parse(...line)
  }
  const quick = new RecordMaker({ ...parser, parse })
  const alone = new RecordMaker({ ...compileParser(options), quick: () => null })
  fc.assert(
    fc.property(rounds(shape), (all) => {
      for (const { lines, behind, gapBytes } of all) {
        count.all += lines.length
        const expected = lines.map((line) => recordsOf(alone, [line])[0])
        expect(recordsOf(quick, lines, { behind, gapBytes })).toEqual(expected)
      }
    }),
    { numRuns: runs(1500, 150) },
  )
  // Were nearly all of them unusual, nothing would be compared.
  expect(count.general).toBeLessThan(count.all * 0.8)
})
