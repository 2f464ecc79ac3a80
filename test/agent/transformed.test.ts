// Transformed lines on their way: what is left out is no gap and no loss, and nothing of it makes doubles.
import { beforeAll, expect, test } from 'vitest'
import { type Agent, startAgent } from '../../agent/agent.ts'
import type { FileInput } from '../../agent/options.ts'
import type { ParsingStatus } from '../../agent/parsing.ts'
import type { TransformOptions } from '../../agent/transform/options.ts'
import { logsInput, type Stage, stage } from './simulated.ts'

// The simulated clock does not wait for a module that is loaded late.
beforeAll(async () => {
  await import('../../agent/transform/making.ts')
})

const redact = { kinds: ['email', 'card'] as const, patterns: {}, text: '[{kind}]' }

function inputOf(transforms: readonly TransformOptions[], more: Partial<FileInput> = {}): FileInput {
  return { ...logsInput, ...more, transforms }
}

/** Starts the agent; the answer gives its status, in this life and the next ones. */
function start({ agent }: Stage, input: FileInput): () => ParsingStatus | undefined {
  let running: Agent | null = null
  agent.start(async (runtime, signal) => {
    const options = { collectors: ['http://collector:8750'], key: null, stateFolder: '/state', host: 'web1' }
    running = await startAgent({ ...options, inputs: [input], limits: { requestMs: 5000 } }, runtime, signal)
    await running.stopped
  })
  return () => running?.status().parsing[input.name]
}

test('raw lines are filtered and redacted, and stay lines', async () => {
  const scene = stage(51)
  scene.files.append(
    '/logs/a.log',
    'keep ada@example.com\ndebug noise\nkeep 4111 1111 1111 1111\nkeep \xff\n',
  )
  const status = start(scene, inputOf([{ filter: 'not (.body starts_with "debug")' }, { redact }]))
  await scene.arrived(3)
  await scene.world.runFor(2000)
  expect(scene.receiver.texts).toEqual(['keep [email]', 'keep [card]', 'keep \xc3\xbf'])
  expect(status()).toEqual({
    lines: 4,
    unparsed: {},
    filtered: 1,
    sampled: 0,
    redacted: { email: 1, card: 1 },
    transformErrors: {},
  })
})

test('a batch of which nothing is left moves the position, and its range joins the next one', async () => {
  const scene = stage(52)
  scene.files.append('/logs/a.log', 'no 1\nno 2\n')
  const input = inputOf([{ filter: '.body starts_with "yes"' }])
  const status = start(scene, input)
  await scene.world.runFor(5000)
  expect(scene.receiver.lines).toEqual([])
  expect(status()?.filtered).toBe(2)
  scene.agent.crash({ power: true })
  await scene.world.runFor(500)
  scene.agent.restart()
  await scene.world.runFor(5000)
  // The position was kept: what was left out is not even read again.
  expect(status()).toMatchObject({ lines: 0, filtered: 0 })
  scene.files.append('/logs/a.log', 'yes 3\nno 4\n')
  await scene.arrived(1)
  await scene.world.runFor(5000)
  scene.files.append('/logs/a.log', 'yes 5\n')
  await scene.arrived(2)
  expect(scene.receiver.texts).toEqual(['yes 3', 'yes 5'])
})

test('an expression that cannot be evaluated keeps its record, marked and counted; redaction is still done', async () => {
  const scene = stage(53)
  const line = '{"status":"odd","mail":"ada@example.com"}'
  scene.files.append('/logs/a.log', `${line}\n{"status":500}\n{"status":200}\n`)
  const input = inputOf([{ filter: '.status >= 400' }, { when: '.status > 3', redact }], {
    parse: { type: 'json', keepRaw: false },
  })
  const status = start(scene, input)
  await scene.arrived(2)
  await scene.world.runFor(1000)
  const [first, second] = scene.receiver.texts.map((text): Record<string, unknown> => JSON.parse(text))
  expect(first?.attrs_string).toEqual({
    status: 'odd',
    mail: '[email]',
    transform_error: 'filter: wrong_type, redact: wrong_type',
  })
  expect(second?.attrs_number).toEqual({ status: 500 })
  expect(status()).toMatchObject({ filtered: 1, redacted: { email: 1 }, transformErrors: { wrong_type: 2 } })
})

test('faults, crashes and smaller batches: every line that is kept once, the same ones every time', async () => {
  const kept: (readonly string[])[] = []
  for (const seed of [54, 55]) {
    const scene = stage(seed)
    if (seed === 55) scene.receiver.recordsMax = 2
    scene.world.network.faults = { requestLost: 0.15, responseLost: 0.25, slow: 0.1 }
    start(
      scene,
      inputOf(
        [
          { sample: { rate: 0.5, key: 'user' } },
          { filter: '.n % 3 != 0' },
          { redact },
          { add: { env: 'prod' } },
        ],
        { parse: { type: 'json', keepRaw: false } },
      ),
    )
    for (let n = 0; n < 90; n += 1) {
      scene.files.append('/logs/a.log', `{"n":${n},"user":"u${n % 10}","mail":"a${n}@example.com"}\n`)
      if (n % 6 === 0) await scene.world.runFor(300)
      if (n % 30 === 17) {
        scene.agent.crash({ power: n % 2 === 0 })
        await scene.world.runFor(500)
        scene.agent.restart()
      }
    }
    scene.world.network.heal()
    await scene.world.runFor(120_000)
    kept.push(scene.receiver.texts.map((text) => text.replace(/"ts":"[^"]*"/, '')))
  }
  const [first = [], second] = kept
  expect(second).toEqual(first)
  expect(new Set(first).size).toBe(first.length)
  expect(first.length).toBeGreaterThan(10)
  expect(first.length).toBeLessThan(60)
  expect(first.every((text) => text.includes('"env":"prod"') && text.includes('"mail":"[email]"'))).toBe(true)
})
