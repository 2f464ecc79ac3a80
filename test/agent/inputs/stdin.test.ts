// Standard input in the simulated world: every line once, back-pressure, an end, and what a stop loses is counted.
import { expect, test } from 'vitest'
import { stdin } from '../../../agent/inputs/stdin.ts'
import type { AgentLimits } from '../../../agent/options.ts'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import type { TransformOptions } from '../../../agent/transform/options.ts'
import { WrittenStream } from '../../sim/byte-stream.ts'
import { startCollector } from '../simulated.ts'
import { running } from './running.ts'

function piped(
  seed: number,
  parse: ParseOptions | null = null,
  limits: Partial<AgentLimits> = {},
  transforms: readonly TransformOptions[] = [],
) {
  const stream = new WrittenStream()
  const input = { name: 'app', topic: 'logs', lineBytesMax: 1000, parse, transforms }
  return { stream, ...running(seed, () => stdin(input, () => stream), limits) }
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}`)

test('lines travel as they are; the agent ends after the last one', async () => {
  const { stream, start, agent, receiver, arrived, world } = piped(1)
  start()
  stream.write('one\r\ntw')
  stream.write('o\n\n\xff')
  await arrived(3)
  expect(agent.running).toBe(true)
  stream.end()
  await world.runUntil(() => !agent.running, 10_000)
  expect(agent.failure).toBeNull()
  expect(receiver.texts).toEqual(['one', 'two', '', Buffer.from('\xff').toString('latin1')])
  expect(receiver.lines.every(({ topic, path }) => topic === 'logs' && path === 'stdin/app')).toBe(true)
})

test('a parser makes records of them', async () => {
  const { stream, start, receiver, arrived, status, world } = piped(2, { type: 'json' })
  start()
  stream.write('{"level":"warn","msg":"x","n":1}\nnot json\n')
  await arrived(2)
  expect(receiver.texts.map((text) => JSON.parse(text))).toMatchObject([
    { severity_number: 13, attrs_number: { n: 1 } },
    { body: 'not json', attrs_string: { parse_error: 'not_a_json_object' } },
  ])
  await world.runFor(1000)
  const bytes = receiver.texts.join('').length
  expect(status()?.sources.app).toEqual({
    ...{ lines: 2, unparsed: { not_a_json_object: 1 }, filtered: 0, sampled: 0, redacted: {} },
    ...{ transformErrors: {}, records: 2, bytes, lost: {} },
  })
})

test('a line that a transform could not be done for says so in a header, wherever it comes to lie in a batch', async () => {
  const { stream, start, collector, receiver, arrived, world } = piped(7, null, {}, [
    { filter: 'number(.body) > 3' },
    { redact: { kinds: ['email'], patterns: {}, text: '[{kind}]' } },
  ])
  receiver.refuses = (line) => line === '5'
  // So that what is read waits and becomes one batch, which is halved for the refused line.
  collector.crash()
  start()
  for (const text of ['1\n4\n', '5\n', 'six ada@example.com\n7\neight\n']) {
    stream.write(text)
    await world.runFor(1000)
  }
  startCollector(collector, receiver)
  await arrived(4)
  expect(receiver.lines.map(({ line, transformError }) => [line, transformError])).toEqual([
    ['4', null],
    ['six [email]', 'filter: not_a_number'],
    ['7', null],
    ['eight', 'filter: not_a_number'],
  ])
})

test('requests and answers that get lost make no doubles and no holes', async () => {
  const { stream, start, agent, receiver, world } = piped(3)
  world.network.faults = { requestLost: 0.3, responseLost: 0.3, slow: 0.1 }
  start()
  for (let part = 0; part < 40; part += 1) {
    stream.write(`${numbered(part * 10, part * 10 + 10).join('\n')}\n`)
    await world.runFor(500)
  }
  world.network.heal()
  stream.end()
  await world.runUntil(() => !agent.running, 300_000)
  expect(receiver.texts).toEqual(numbered(0, 400))
  expect(receiver.outcomes.duplicate).toBeGreaterThan(0)
})

test('while the collector is away no more is read than there is room for', async () => {
  const { stream, start, agent, collector, receiver, world } = piped(4, null, { recordsBytesMax: 16 * 1024 })
  collector.crash()
  start()
  const lines = numbered(0, 20_000)
  for (let at = 0; at < lines.length; at += 100) stream.write(`${lines.slice(at, at + 100).join('\n')}\n`)
  stream.end()
  await world.runFor(60_000)
  expect(stream.taken).toBeLessThan(32 * 1024)
  startCollector(collector, receiver)
  await world.runUntil(() => !agent.running, 120_000)
  expect(receiver.texts).toEqual(lines)
})

test('a line that the collector refuses is counted, those beside it arrive', async () => {
  const { stream, start, agent, receiver, status, world } = piped(5)
  receiver.refuses = (line) => line === 'line 7' || line === 'line 30'
  stream.write(`${numbered(0, 31).join('\n')}\n`)
  start()
  await world.runFor(5000)
  stream.write(`${numbered(31, 40).join('\n')}\n`)
  stream.end()
  await world.runUntil(() => !agent.running, 60_000)
  expect(receiver.texts).toEqual(numbered(0, 40).filter((line) => line !== 'line 7' && line !== 'line 30'))
  expect(status()?.losses.input_refused).toEqual({ times: 2, bytes: 13 })
  const bytes = receiver.texts.join('').length
  expect(status()?.sources.app).toMatchObject({ records: 38, bytes, lost: { input_refused: 2 } })
})

test('a stop ships what was read; without a collector it is counted and does not hang', async () => {
  for (const isThere of [true, false]) {
    const { stream, start, agent, collector, receiver, world, arrived, status } = piped(6)
    start()
    stream.write('a\n')
    await arrived(1)
    if (!isThere) collector.crash()
    stream.write('b\nunfinished')
    await world.runFor(100)
    agent.stop()
    await world.runUntil(() => !agent.running, 20_000)
    expect(agent.failure).toBeNull()
    expect(receiver.texts).toEqual(isThere ? ['a', 'b', 'unfinished'] : ['a'])
    expect(status()?.losses.input_unsent).toEqual(isThere ? undefined : { times: 2, bytes: 11 })
  }
})

test('a collector that forgot what it had gets the rest once', async () => {
  const { stream, start, receiver, arrived } = piped(7)
  start()
  stream.write('a\nb\n')
  await arrived(2)
  receiver.kept.clear()
  stream.write('c\nd\n')
  await arrived(4)
  expect(receiver.texts).toEqual(['a', 'b', 'c', 'd'])
})

test('a collector that forgets in the middle of a batch that was halved gets the rest of it once', async () => {
  const { stream, start, agent, receiver, world } = piped(8)
  receiver.refuses = (line) => line === 'line 20'
  let posts = 0
  receiver.intercept = ({ method }) => {
    if (method === 'POST') posts += 1
    // The first half is stored.
    if (posts === 4) receiver.kept.clear()
    return null
  }
  stream.write(`${numbered(0, 32).join('\n')}\n`)
  stream.end()
  start()
  await world.runUntil(() => !agent.running, 60_000)
  expect(receiver.texts).toEqual(numbered(0, 32).filter((line) => line !== 'line 20'))
})
