// Parsed lines on their way: one line is one record and one position, also when batches are halved, cut or sent again.
import { expect, test } from 'vitest'
import type { FileInput } from '../../agent/options.ts'
import { logsInput, stage } from './simulated.ts'

const parsedInput: FileInput = { ...logsInput, parse: { type: 'json', keepRaw: true } }

interface Value {
  readonly body: string
  readonly attrs_number?: { readonly n: number }
  readonly attrs_string?: { readonly parse_error: string }
}

const read = (texts: readonly string[]): readonly Value[] => texts.map((text) => JSON.parse(text) as Value)

test('a refused line is set aside as it stands in the file, its parsed neighbours arrive', async () => {
  const { files, startAgent, arrived, receiver, agent, world } = stage(31)
  receiver.refuses = (line) => read([line])[0]?.body === '{"poison":1}'
  files.append('/logs/a.log', '{"n":1}\n{"n":2}\n{"poison":1}\nnot json\n{"n":4}\n')
  startAgent({ inputs: [parsedInput] })
  await arrived(4)
  await world.runFor(5000)
  const values = read(receiver.texts)
  expect(values.map(({ body }) => body)).toEqual(['{"n":1}', '{"n":2}', 'not json', '{"n":4}'])
  expect(values.map(({ attrs_number }) => attrs_number?.n)).toEqual([1, 2, undefined, 4])
  expect(values[2]?.attrs_string?.parse_error).toBe('not_a_json_object')
  const { storage } = agent.runtime
  const file = await world.complete(storage.open('/state/quarantine.ndjson', 'read'))
  const bytes = Buffer.alloc(file.size)
  await world.complete(file.read(0, bytes))
  expect(JSON.parse(bytes.toString().trim())).toMatchObject({ line: '{"poison":1}', position: 29 })
})

test('batches that are too large are halved: the same records as in one', async () => {
  const lines = Array.from({ length: 100 }, (_, n) =>
    n % 7 === 0 ? `plain ${n}` : `{"n":${n},"s":"${'x'.repeat(n)}"}`,
  )
  const results: (readonly Value[])[] = []
  for (const recordsMax of [1000, 3]) {
    const { files, startAgent, arrived, receiver } = stage(32)
    receiver.recordsMax = recordsMax
    files.append('/logs/a.log', `${lines.join('\n')}\n`)
    startAgent({ inputs: [parsedInput] })
    await arrived(100)
    results.push(read(receiver.texts))
  }
  expect(results[0]?.map(({ body }) => body)).toEqual(lines)
  expect(results[1]?.map((value) => ({ ...value, ts: '' }))).toEqual(
    results[0]?.map((value) => ({ ...value, ts: '' })),
  )
})

test('lost answers, crashes, rotation and truncation double and lose nothing', async () => {
  const { files, startAgent, arrived, receiver, agent, world } = stage(33)
  world.network.faults = { requestLost: 0.15, responseLost: 0.25, slow: 0.1 }
  startAgent({ inputs: [parsedInput] })
  const written: string[] = []
  for (let n = 0; n < 80; n += 1) {
    const line = n % 5 === 0 ? `line ${n}` : `{"n":${n}}`
    written.push(line)
    files.append('/logs/a.log', `${line}\n`)
    if (n === 20) files.rename('/logs/a.log', '/logs/a.log.1')
    await world.runFor(300)
    if (n % 25 === 24) {
      agent.crash({ power: n % 2 === 0 })
      await world.runFor(500)
      agent.restart()
    }
  }
  world.network.heal()
  await arrived(80, 600_000)
  await world.runFor(60_000)
  const bodies = read(receiver.texts).map(({ body }) => body)
  expect(bodies.toSorted()).toEqual(written.toSorted())
})

test('a line over the limit is cut, said to be, and kept', async () => {
  const { files, startAgent, arrived, receiver } = stage(34)
  files.append('/logs/a.log', `{"n":1,"s":"${'x'.repeat(500)}"}\n{"n":2}\n`)
  startAgent({ inputs: [{ ...parsedInput, lineBytesMax: 100 }] })
  await arrived(2)
  const [cut, whole] = read(receiver.texts)
  expect(cut?.body.length).toBe(100)
  expect(cut?.attrs_string?.parse_error).toBe('not_json')
  expect(whole?.attrs_number?.n).toBe(2)
  expect(receiver.lines.map(({ truncated }) => truncated)).toEqual(['514', null])
})
