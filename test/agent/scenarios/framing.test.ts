// Scenarios 1-10, with the real agent: lines, encodings, records of several lines, parts of messages, positions.
import { expect, test } from 'vitest'
import type { FileInput } from '../../../agent/options.ts'
import { LogdriveError } from '../../../core/errors.ts'
import { framing as framingOf, multiline } from '../lines/reading.ts'
import { answerJson } from '../receiver.ts'
import { expectAll, openScene } from './agent-reader.ts'
import { testScenarios } from './as-tests.ts'
import { framing } from './framing.ts'
import type { Scene } from './harness.ts'

testScenarios(framing)

test('6: a line that was cut says its whole length, and the rest is in the ledger', async () => {
  await using scene = await openScene({ input: { lineBytesMax: 4096 } })
  scene.append('a.log', `${'y'.repeat(5000)}\nafter\n`)
  scene.expect('y'.repeat(4096), 'after')
  await scene.start()
  await expectAll(scene)
  expect(scene.agent.receiver.lines.map(({ truncated }) => truncated)).toEqual(['5000', null])
  await expect.poll(() => scene.agent.status().losses.line_cut?.bytes).toBe(5000 - 4096)
})

const wide = (text: string, isBig: boolean) => {
  const bytes = Buffer.from(text, 'utf16le')
  return isBig ? bytes.swap16() : bytes
}

test.each([
  ['utf-16', false],
  ['utf-16', true],
  ['utf-16le', false],
  ['utf-16be', true],
] as const)('7: %s (big end first: %o) with a mark, killed in the middle', async (encoding, isBig) => {
  await using scene = await openScene({ input: { framing: framingOf({ encoding }) } })
  const append = (text: string) => scene.append('a.log', wide(text, isBig))
  append('\ufeffgrün\r\n\nsun')
  scene.expect('grün', '')
  await scene.start()
  await scene.caughtUp()
  await scene.kill()
  append('😀\nਊ end\n')
  scene.expect('sun😀', 'ਊ end')
  await scene.start()
  await scene.caughtUp()
  await scene.stop()
  append('a\0b\n')
  scene.expect('a\0b')
  await scene.start()
  await expectAll(scene)
})

test.each([
  ['shift_jis', [0x83, 0x65, 0x83, 0x58, 0x83, 0x67], 'テスト'],
  ['big5', [0xb4, 0xfa, 0xb8, 0xd5], '測試'],
  ['windows-1252', [0x67, 0x72, 0xfc, 0x6e, 0x20, 0x80], 'grün €'],
  ['shift_jis', [0x61, 0xff, 0x62], 'a\ufffdb'],
  ['utf-16le', [0x00, 0xd8, 0x61, 0x00], '\ufffda'],
] as const)('7: %s %o', async (encoding, bytes, text) => {
  await using scene = await openScene({ input: { framing: framingOf({ encoding }) } })
  const end = encoding === 'utf-16le' ? [10, 0] : [10]
  scene.append('a.log', Buffer.from([...bytes, ...end]))
  scene.expect(text)
  await scene.start()
  await expectAll(scene)
})

test('7: bytes of UTF-8 travel as they are, valid or not, NULs too', async () => {
  await using scene = await openScene()
  const bytes = Buffer.from([0xff, 0x00, 0x80, 0xc3, 0x28])
  scene.append('a.log', Buffer.concat([bytes, Buffer.from('\n')]))
  await scene.start()
  await scene.reader.arrived(1)
  expect(scene.texts).toEqual([bytes.toString('latin1')])
})

const groups = (limits: Parameters<typeof multiline>[1] = {}): Partial<FileInput> => ({
  framing: multiline({ start: '^\\S' }, { waitMs: 60_000, ...limits }),
})

/** W: writes lines of groups; a group is expected once the next begins. */
function writeGroup(scene: Scene, ...lines: readonly string[]): void {
  scene.append('a.log', lines.map((line) => `${line}\n`).join(''))
  scene.expect(lines.join('\n'))
}

test('8: lines that go together are one record, however they are written and read', async () => {
  await using scene = await openScene({ input: groups(), limits: { batchBytesMax: 64 } })
  await scene.start()
  for (let n = 0; n < 30; n += 1) {
    for (const line of [`error ${n}`, '\tat a.B', `\tat a.C ${'x'.repeat(n)}`]) {
      scene.append('a.log', `${line}\n`)
      if (n % 7 === 0) await scene.looked()
    }
    scene.expect(`error ${n}\n\tat a.B\n\tat a.C ${'x'.repeat(n)}`)
  }
  scene.append('a.log', 'last\n')
  await expectAll(scene)
})

test('8: begun again in the middle of a record: nothing of what was sent is repeated, the record is whole', async () => {
  await using scene = await openScene({ input: groups() })
  for (const end of ['kill', 'stop'] as const) {
    await scene.start()
    writeGroup(scene, `${end} 1`, '\ta')
    scene.append('a.log', `${end} 2\n\tb\n`)
    // The first is whole, the second is not.
    await scene.reader.arrived(scene.expected.length)
    await scene.looked(3)
    expect(scene.texts.at(-1)).toBe(`${end} 1\n\ta`)
    await scene[end]()
    scene.append('a.log', '\tc\n')
    scene.expect(`${end} 2\n\tb\n\tc`)
  }
  await scene.start()
  scene.append('a.log', 'last\n')
  await expectAll(scene)
})

test('8: a record that waited is sent; what comes later is its own, also when nobody knew that it was taken', async () => {
  let isLost = false
  await using scene = await openScene({
    input: groups({ waitMs: 100 }),
    world: (runtime) => ({
      ...runtime,
      http: {
        ...runtime.http,
        request: async (request, signal) => {
          const answer = await runtime.http.request(request, signal)
          if (isLost) throw new LogdriveError('UNAVAILABLE', 'the answer got lost')
          return answer
        },
      },
    }),
  })
  await scene.start()
  writeGroup(scene, 'a 1', '\tb')
  await scene.caughtUp()
  writeGroup(scene, '\tc', '\td')
  await scene.caughtUp()
  // Its answer is heard as well: else that batch would be the one that is sent again and again.
  await expect.poll(() => scene.agent.status().files[0]?.position).toBe('a 1\n\tb\n\tc\n\td\n'.length)
  isLost = true
  writeGroup(scene, 'a 2', '\te')
  await scene.caughtUp()
  await scene.kill()
  isLost = false
  writeGroup(scene, '\tf')
  writeGroup(scene, 'a 3')
  await scene.start()
  await expectAll(scene)
})

test('8: a record does not run out of time while the collector is away and the file goes on', async () => {
  let isAway = true
  await using scene = await openScene({ input: groups({ waitMs: 300 }), limits: { batchesMax: 1 } })
  scene.agent.receiver.intercept = () => (isAway ? answerJson(503, { error: { code: 'OVERLOADED' } }) : null)
  writeGroup(scene, 'a 1', '\tb')
  scene.append('a.log', 'a 2\n\tc\n')
  await scene.start()
  for (let n = 0; n < 40; n += 1) {
    scene.append('a.log', `\t${n}\n`)
    await scene.looked()
  }
  scene.append('a.log', 'a 3\n')
  scene.expect(['a 2', '\tc', ...Array.from({ length: 40 }, (_, n) => `\t${n}`)].join('\n'), 'a 3')
  isAway = false
  await expectAll(scene)
})

test.each(['running', 'stopped', 'killed'] as const)(
  '8: rotation ends a record; the next file begins another (%s)',
  async (how) => {
    await using scene = await openScene({ input: groups({ waitMs: 200 }), limits: { graceMs: 400 } })
    scene.append('a.log', 'a 1\n\tb\n')
    await scene.start()
    await scene.looked(2)
    if (how === 'stopped') await scene.stop()
    if (how === 'killed') await scene.kill()
    scene.rotate()
    scene.append('a.log.1', '\tlate')
    scene.append('a.log', '\tc\na 2\n')
    if (how !== 'running') await scene.start()
    const isThere = (part: string) => scene.texts.some((text) => text.includes(part))
    await expect.poll(() => isThere('\tlate') && isThere('a 2'), { timeout: 15_000 }).toBe(true)
    await scene.looked(3)
    const texts = [...scene.texts]
    // Waiting may have ended the first before the late line came; then that is its own.
    expect(texts.join('\n').split('\n').toSorted()).toEqual(['\tb', '\tc', '\tlate', 'a 1', 'a 2'].toSorted())
    expect(texts).toContain('\tc')
    expect(texts.some((text) => text.includes('\tb\n\tc'))).toBe(false)
  },
  30_000,
)

const time = '2026-11-21T06:00:00Z'
const part = {
  cri: (text: string, goesOn: boolean) => `${time} stdout ${goesOn ? 'P' : 'F'} ${text}\n`,
  docker: (text: string, goesOn: boolean) =>
    `${JSON.stringify({ log: goesOn ? text : `${text}\n`, stream: 'stdout', time })}\n`,
}

test.each(['cri', 'docker'] as const)('9: parts of %s across reads, kill and rotation', async (container) => {
  const write = part[container]
  await using scene = await openScene({
    input: { framing: framingOf({ container }), parse: { type: container } },
    limits: { graceMs: 300 },
  })
  const bodies = () =>
    scene.texts.map((text) => JSON.parse(text) as { body: string; attrs_bool?: { partial: boolean } })
  scene.append('a.log', write('abc', true))
  await scene.start()
  await scene.looked(3)
  expect(scene.texts).toEqual([])
  scene.append('a.log', write('def', true))
  await scene.looked(2)
  await scene.kill()
  scene.append('a.log', write('ghi', false) + write('next', false))
  await scene.start()
  await scene.reader.arrived(2)
  scene.append('a.log', write('old', true))
  await scene.looked(2)
  scene.rotate()
  // The two parts are of two sources: both arrive, the first says that it goes on.
  scene.append('a.log', write('new', false))
  await scene.reader.arrived(4)
  await scene.looked(3)
  const found = bodies().map(({ body, attrs_bool }) => [body, attrs_bool?.partial ?? false])
  expect(found.slice(0, 2)).toEqual([
    ['abcdefghi', false],
    ['next', false],
  ])
  expect(found.slice(2).toSorted()).toEqual([
    ['new', false],
    ['old', true],
  ])
})

test('10: positions are the byte offsets of line starts, with characters of several bytes and CRLF', async () => {
  await using scene = await openScene()
  await scene.start()
  let offset = 0
  for (const line of ['plain\n', 'grün\n', 'crlf\r\n', '\n', '😀😀\r\n', '\r\n', '\0\n']) {
    scene.append('a.log', line)
    scene.expect(line.replace(/\r?\n$/, ''))
    await scene.caughtUp()
    offset += Buffer.byteLength(line)
    await expect.poll(() => scene.agent.status().files[0]?.position).toBe(offset)
    expect([...scene.agent.receiver.kept.values()]).toMatchObject([{ to: offset }])
  }
  await expectAll(scene)
})

test('10: the position of a record of several lines is behind its last line, in bytes of the file', async () => {
  const read = framingOf({
    encoding: 'utf-16le',
    multiline: { by: { start: '^\\S' }, linesMax: 100, bytesMax: 10_000, waitMs: 60_000 },
  })
  await using scene = await openScene({ input: { framing: read } })
  scene.append('a.log', wide('\ufeffa 1\r\n é\r\na 2\n', false))
  scene.expect('a 1\n é')
  await scene.start()
  await scene.caughtUp()
  expect([...scene.agent.receiver.kept.values()]).toMatchObject([{ to: 2 + 2 * 'a 1\r\n é\r\n'.length }])
})
