// Containers: long messages that runtimes write in parts arrive whole, per stream, whatever is read when.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileParser } from '../../../agent/parse/compile.ts'
import { RecordMaker } from '../../../agent/parse/records.ts'
import { runs } from '../../runs.ts'
import { framing, readFrom, readGrowing, textsIn } from './reading.ts'

type Runtime = 'cri' | 'docker'

interface Part {
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
  readonly goesOn: boolean
}

const time = '2026-11-21T06:00:00.123456789Z'

function write(runtime: Runtime, { stream, text, goesOn }: Part): string {
  if (runtime === 'cri') return `${time} ${stream} ${goesOn ? 'P' : 'F'} ${text}\n`
  return `${JSON.stringify({ log: `${text}${goesOn ? '' : '\n'}`, stream, time })}\n`
}

const writeAll = (runtime: Runtime, parts: readonly Part[]) =>
  parts.map((part) => write(runtime, part)).join('')

/** `stream: message` of each line; `...` behind a message that goes on. */
function messages(runtime: Runtime, lines: readonly string[]): string[] {
  return lines.map((line) => {
    if (runtime === 'cri') {
      const [, stream, tag, text] = /^\S+ (\w+) ([PF]) ([\s\S]*)$/.exec(line) ?? []
      return `${stream}: ${text}${tag === 'P' ? '...' : ''}`
    }
    const { stream, log } = JSON.parse(line) as { stream: string; log: string }
    return `${stream}: ${log.endsWith('\n') ? log.slice(0, -1) : `${log}...`}`
  })
}

/** What has to come out of parts that are all there: messages in the order in which they became whole. */
function whole(parts: readonly Part[]): string[] {
  const open = { stdout: '', stderr: '' }
  const found: string[] = []
  for (const { stream, text, goesOn } of parts) {
    open[stream] += text
    if (goesOn) continue
    found.push(`${stream}: ${open[stream]}`)
    open[stream] = ''
  }
  return found
}

const runtime = fc.constantFrom('cri' as const, 'docker' as const)
const part: fc.Arbitrary<Part> = fc.record({
  stream: fc.constantFrom('stdout' as const, 'stderr' as const),
  text: fc.string({ unit: fc.constantFrom('a', 'é', '"', '\\', 'n', '{', ' ', '\t'), maxLength: 12 }),
  goesOn: fc.boolean(),
})
/** Both streams end with a whole message. */
const parts = fc
  .array(part, { maxLength: 30 })
  .map((some): readonly Part[] => [
    ...some,
    { stream: 'stdout', text: '.', goesOn: false },
    { stream: 'stderr', text: '.', goesOn: false },
  ])

test('parts of both streams in any order, read in any pieces and begun again at any batch, give whole messages', async () => {
  const steps = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 500 }), fc.nat({ max: 600 }), fc.nat({ max: 3 })),
    { maxLength: 8 },
  )
  await fc.assert(
    fc.asyncProperty(runtime, parts, steps, async (runtime, parts, steps) => {
      const content = Buffer.from(writeAll(runtime, parts))
      const read = framing({ container: runtime })
      const all = [1000, content.length, 1e9] as const
      const { found } = await readGrowing(content, { framing: read, lineBytesMax: 4096 }, [...steps, all])
      expect(messages(runtime, found)).toEqual(whole(parts))
    }),
    { numRuns: runs(1000, 200) },
  )
})

test.each(['cri', 'docker'] as const)(
  '%s: a message that never ends is sent in parts that say so, as is what follows',
  async (runtime) => {
    const read = framing({ container: runtime })
    const first = Buffer.from(writeAll(runtime, [{ stream: 'stdout', text: 'abc', goesOn: true }]))
    const waiting = await readFrom(first, { position: 0 }, { framing: read })
    expect(waiting.records).toEqual([])
    expect(waiting.unfinished).toBe(first.length)
    const sent = await readFrom(first, { position: 0 }, { framing: read, flush: 'group' })
    expect(
      messages(
        runtime,
        sent.records.map(({ text }) => text),
      ),
    ).toEqual(['stdout: abc...'])
    const then = Buffer.from(writeAll(runtime, [{ stream: 'stdout', text: 'def', goesOn: false }]))
    const later = await readFrom(Buffer.concat([first, then]), sent.standing, { framing: read })
    expect(
      messages(
        runtime,
        later.records.map(({ text }) => text),
      ),
    ).toEqual(['stdout: def'])
  },
)

test.each(['cri', 'docker'] as const)('%s: parts without end are bounded', async (runtime) => {
  const many = Array.from(
    { length: 1000 },
    (): Part => ({ stream: 'stdout', text: 'x'.repeat(9), goesOn: true }),
  )
  const lines = await textsIn(writeAll(runtime, many), { framing: framing({ container: runtime }) })
  expect(lines.length).toBe(4)
  const sizes = messages(runtime, lines).map((message) => message.length - 'stdout: ...'.length)
  expect(sizes).toEqual([256 * 9, 256 * 9, 256 * 9, 232 * 9])
})

test('lines that are none of a container stay as they are, also between parts', async () => {
  const lines = ['not cri', `${time} stdout P a`, 'neither', `${time} stdout F b`, '', `${time} other F x`]
  expect(await textsIn(`${lines.join('\n')}\n`, { framing: framing({ container: 'cri' }) })).toEqual([
    'not cri',
    'neither',
    `${time} stdout F ab`,
    '',
    `${time} other F x`,
  ])
})

test('a message has the time at which it began, and is parsed like all others', async () => {
  const content = `${JSON.stringify({ log: '{"level":"warn",', stream: 'stderr', time })}\n${JSON.stringify({ log: '"n":1}\n', stream: 'stderr', time: '2026-11-21T07:00:00Z' })}\n`
  const [line = ''] = await textsIn(content, { framing: framing({ container: 'docker' }) })
  const bytes = Buffer.from(line)
  const parser = new RecordMaker(compileParser({ type: 'docker', inside: { type: 'json' } }))
  const lines = { bytes, starts: Int32Array.of(0), ends: Int32Array.of(bytes.length), count: 1 }
  const made = parser.make(lines, 0)
  expect(JSON.parse(Buffer.from(made.bytes.subarray(made.starts[0], made.ends[0])).toString())).toEqual({
    ts: time,
    severity_text: 'warn',
    severity_number: 13,
    body: '{"level":"warn","n":1}',
    attrs_string: { stream: 'stderr' },
    attrs_number: { n: 1 },
  })
})

test('a long message of parts is parsed, though it is longer than a line may be', async () => {
  const text = 'x'.repeat(16 * 1024)
  const parts = Array.from({ length: 20 }, (_, n): Part => ({ stream: 'stdout', text, goesOn: n < 19 }))
  const [line = ''] = await textsIn(writeAll('cri', parts), { framing: framing({ container: 'cri' }) })
  const bytes = Buffer.from(line)
  const lines = { bytes, starts: Int32Array.of(0), ends: Int32Array.of(bytes.length), count: 1 }
  for (const inside of [undefined, { type: 'json' } as const]) {
    const made = new RecordMaker(compileParser({ type: 'cri', inside })).make(lines, 0)
    const record = JSON.parse(Buffer.from(made.bytes.subarray(made.starts[0], made.ends[0])).toString())
    expect(record).toMatchObject({ ts: time, body: text.repeat(20) })
    expect(record.attrs_string.parse_error).toBe(inside === undefined ? undefined : 'line_too_long')
  }
})

const multiline = { by: { start: '^\\S' }, linesMax: 1000, bytesMax: 1024 * 1024, waitMs: 1000 }

test.each(['cri', 'docker'] as const)(
  '%s: multiline is about the messages inside, of one stream',
  async (runtime) => {
    const parts: readonly Part[] = [
      { stream: 'stdout', text: 'a', goesOn: false },
      { stream: 'stdout', text: ' b', goesOn: true },
      { stream: 'stdout', text: 'c', goesOn: false },
      { stream: 'stdout', text: ' d', goesOn: false },
      { stream: 'stderr', text: 'e', goesOn: false },
      { stream: 'stderr', text: ' f', goesOn: false },
      { stream: 'stdout', text: 'g', goesOn: true },
      { stream: 'stderr', text: 'h', goesOn: false },
      { stream: 'stdout', text: 'i', goesOn: false },
      { stream: 'stdout', text: ' j', goesOn: false },
      { stream: 'stdout', text: ' k', goesOn: false },
    ]
    const found = await textsIn(writeAll(runtime, parts), {
      framing: framing({ container: runtime, multiline }),
    })
    expect(messages(runtime, found)).toEqual([
      'stdout: a\n bc\n d',
      'stderr: e\n f',
      // A stream that comes between the parts of a message ends the record with it.
      'stderr: h',
      'stdout: gi',
      'stdout:  j\n k',
    ])
  },
)

test('any bytes as lines of containers: all of them go on, none twice', async () => {
  const bits = fc.constantFrom(
    '{"log":"',
    '\\n"',
    '","stream":"stdout"',
    '}',
    '\\',
    '"',
    '\n',
    time,
    ' stdout ',
    'P ',
    'F',
    '\r\n',
    '\xff',
  )
  await fc.assert(
    fc.asyncProperty(
      runtime,
      fc.array(bits, { maxLength: 40 }),
      fc.boolean(),
      async (runtime, bits, isGrouped) => {
        const content = Buffer.from(bits.join(''), 'latin1')
        const options = { container: runtime, multiline: isGrouped ? multiline : null }
        const read = { framing: framing(options), flush: 'line' as const, lineBytesMax: 4096 }
        const { standing, records } = await readFrom(content, { position: 0 }, read)
        expect(standing.position).toBe(content.length)
        const length = records.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
        expect(length).toBeLessThanOrEqual(Buffer.byteLength(content.toString()) + 3 * records.length)
      },
    ),
    { numRuns: runs(3000, 300) },
  )
})
