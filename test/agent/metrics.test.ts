// What an agent tells of itself, as status and as metrics, in the simulated world.
import { beforeAll, expect, test } from 'vitest'
import { type Agent, startAgent } from '../../agent/agent.ts'
import { stdin } from '../../agent/inputs/stdin.ts'
import { metricsText } from '../../agent/metrics.ts'
import { WrittenStream } from '../sim/byte-stream.ts'
import { logsInput, stage } from './simulated.ts'

// The simulated clock does not wait for a module that is loaded late.
beforeAll(async () => {
  await import('../../agent/transform/making.ts')
})

function shown(seed: number, more: Partial<Parameters<typeof startAgent>[0]> = {}) {
  const on = stage(seed)
  let agent: Agent | null = null
  on.agent.start(async (runtime, signal) => {
    const inputs = more.inputs ?? [logsInput]
    const to = { collectors: ['http://collector:8750'], key: null, stateFolder: '/state', host: 'web1' }
    agent = await startAgent({ ...to, ...more, inputs, limits: { requestMs: 5000 } }, runtime, signal)
    await agent.stopped
  })
  const status = () => {
    if (agent === null) throw new Error('the agent did not start')
    return agent.status()
  }
  return { ...on, status }
}

test('a file that is shipped has no lag; while the collector is away its lag grows in bytes and seconds', async () => {
  const { files, world, receiver, collector, arrived, status } = shown(1)
  files.append('/logs/a.log', 'one\n')
  await arrived(1)
  await world.runFor(2000)
  expect(status()).toMatchObject({ lagBytes: 0, lagMs: 0, trouble: null, stateTrouble: null })
  expect(status().uplink).toMatchObject({ state: 'good', requests: 1, retries: 0, lastError: null })
  receiver.intercept = () => ({ status: 503, headers: {}, body: '' })
  files.append('/logs/a.log', 'two\n')
  await world.runFor(30_000)
  const away = status()
  expect(away).toMatchObject({ lagBytes: 4, batchesInFlight: 1 })
  expect(away.lagMs).toBeGreaterThan(27_000)
  expect(away.files[0]).toMatchObject({
    position: 4,
    size: 8,
    lagBytes: 4,
    lagMs: away.lagMs,
    state: 'following',
  })
  expect(away.uplink).toMatchObject({ state: 'retrying', requestsLimit: 1, lastError: away.trouble })
  expect(collector.running).toBe(true)
  receiver.intercept = null
  await arrived(2)
  await world.runFor(2000)
  expect(status()).toMatchObject({ lagBytes: 0, lagMs: 0, trouble: null })
  // What went wrong last stays to be seen.
  expect(status().uplink).toMatchObject({ state: 'good', lastError: away.trouble })
})

test('metrics have help, type and a bounded number of series', async () => {
  const { files, world, arrived, status } = shown(2)
  for (let n = 0; n < 20; n += 1) files.append(`/logs/${n}.log`, 'line\n')
  files.append('/logs/"odd\\\n.log', 'line\n')
  await arrived(21)
  await world.runFor(2000)
  const text = metricsText(status(), 30)
  const names = new Set<string>()
  for (const line of text.trimEnd().split('\n')) {
    const meta = /^# (?:HELP|TYPE) (logdrive_agent_[a-z_]+) \S/.exec(line)
    const name =
      meta?.[1] ??
      /^(logdrive_agent_[a-z_]+)(?:\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? [0-9.e+-]+$/.exec(line)?.[1]
    expect(name, line).toBeDefined()
    if (meta === null) expect(names).toContain(name)
    else names.add(String(name))
  }
  expect(text).toContain('path="/logs/\\"odd\\\\\\n.log"')
  const count = (shownText: string) =>
    shownText.split('\n').filter((line) => line.startsWith('logdrive_agent_file_size')).length
  expect([count(text), count(metricsText(status(), 5))]).toEqual([21, 5])
  expect(metricsText(status(), 5)).toContain('logdrive_agent_files_without_series 16\n')
})

test('with few series the files with the longest lag have them', async () => {
  const { files, world, receiver, arrived, status } = shown(3)
  for (let n = 0; n < 10; n += 1) files.append(`/logs/${n}.log`, 'line\n')
  await arrived(10)
  receiver.intercept = () => ({ status: 503, headers: {}, body: '' })
  files.append('/logs/7.log', 'late\n')
  await world.runFor(5000)
  expect(metricsText(status(), 1)).toMatch(/file_lag_bytes\{path="\/logs\/7\.log",.*\} 5\n/)
})

test('what transforms did and what other inputs shipped and lost is there under the name of the input', async () => {
  const stream = new WrittenStream()
  const redact = { kinds: ['email'], patterns: {}, text: '[{kind}]' } as const
  const filter = 'number(.body) > 3'
  const { files, world, receiver, arrived, status } = shown(4, {
    inputs: [{ ...logsInput, transforms: [{ filter: 'not (.body starts_with "debug")' }, { redact }] }],
    sources: [
      stdin(
        { name: 'piped', topic: 'logs', lineBytesMax: 1000, parse: null, transforms: [{ filter }] },
        () => stream,
      ),
    ],
  })
  receiver.refuses = (line) => line === '5'
  files.append('/logs/a.log', 'debug\nada@example.com\n')
  stream.write('1\n4\n5\nsix\n')
  await arrived(3)
  await world.runFor(2000)
  const text = metricsText(status(), 30)
  const input = logsInput.name
  for (const [name, labels, value] of [
    ['parsed_lines_total', `input="${input}"`, 2],
    ['filtered_lines_total', `input="${input}"`, 1],
    ['redacted_values_total', `input="${input}",kind="email"`, 1],
    ['parsed_lines_total', 'input="piped"', 4],
    ['filtered_lines_total', 'input="piped"', 1],
    ['transform_errors_total', 'input="piped",reason="not_a_number"', 1],
    ['input_records_total', 'input="piped"', 2],
    ['input_bytes_total', 'input="piped"', 4],
    ['input_losses_total', 'input="piped",reason="input_refused"', 1],
  ] as const) {
    expect(text).toContain(`logdrive_agent_${name}{${labels}} ${value}\n`)
  }
})
