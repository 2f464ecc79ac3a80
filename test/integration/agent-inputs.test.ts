// The inputs stdin and exec with real processes: pipes, exit codes, groups that are killed, runs that hang.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { collecting } from './collecting.ts'
import { node, until } from './processes.ts'

const cli = join(import.meta.dirname, '../../cli/bin.js')

/** Processes whose arguments hold a word. */
function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word)
      } catch {
        return false
      }
    })
    .map(Number)
}

test('app | logdrive agent: every line, then exit 0', async () => {
  await using on = await collecting(() => '    app: { type: stdin, topic: app }')
  const agent = spawn(node, [cli, 'agent', '-c', on.file], { stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  agent.stderr.on('data', (chunk) => {
    said += chunk
  })
  const lines = Array.from({ length: 50_000 }, (_, index) => `line ${index}`)
  agent.stdin.end(`${lines.join('\n')}\n`)
  const [code] = await new Promise<[number | null]>((resolve) =>
    agent.once('exit', (...args) => resolve([args[0]])),
  )
  expect([code, said]).toEqual([0, expect.stringContaining('agent stopped')])
  expect(on.receiver.texts).toEqual(lines)
})

test('a program on a schedule: its lines, its errors with a severity, only the variables it may have', async () => {
  await using on = await collecting(
    () => `    job:
      type: exec
      shell: 'echo "out $SECRET $GIVEN"; echo bad >&2; exit 3'
      interval: 1s
      variables: { GIVEN: given }`,
  )
  const agent = on.start({ SECRET: 'secret' })
  await on.arrived(4)
  const records = on.records().toSorted((a, b) => a.body.localeCompare(b.body))
  expect(records[0]).toMatchObject({
    body: 'bad',
    severity_number: 17,
    attrs_string: { 'log.iostream': 'stderr', 'process.command': '/bin/sh' },
  })
  expect(records.at(-1)).toMatchObject({ body: 'out  given', attrs_string: { 'log.iostream': 'stdout' } })
  expect(await agent.stop()).toBe(0)
  // Said once, not with every run.
  expect(agent.output.match(/the program failed/g)?.length).toBe(1)
})

test('a program that should go on is started again; a stop ends it and all it started', async () => {
  await using on = await collecting(
    (folder) => `    watch:
      type: exec
      command: [/bin/sh, -c, 'echo begun; sleep 0.1; exit 1']
    tree:
      type: exec
      command: [/bin/sh, -c, 'sleep 1234 & sh -c "trap : TERM; sleep 1234; sleep 1234" ${folder} & wait']`,
  )
  const agent = on.start()
  await on.arrived(2)
  await until('the tree', 10, async () => (processesWith(on.folder).length > 1 ? true : null))
  expect(await agent.stop()).toBe(0)
  expect(processesWith(on.folder).filter((pid) => pid !== process.pid)).toEqual([])
})

test('a run that hangs or writes without end is ended', async () => {
  await using on = await collecting(
    (folder) => `    hangs:
      type: exec
      shell: 'echo before; sh -c "trap : TERM; sleep 1000; sleep 1000" ${folder}'
      interval: 1s
      timeout: 200ms
    floods:
      type: exec
      command: [/usr/bin/yes]
      topic: floods
      interval: 1h
      output_bytes_max: 100KiB`,
  )
  const agent = on.start()
  const lines = (topic: string) => on.receiver.lines.filter((line) => line.topic === topic)
  await until('two runs', 30, async () => (lines('logs').length >= 2 ? true : null))
  await until('its end', 30, async () => (agent.output.includes('took too long') ? true : null))
  await until('the flood', 30, async () => (lines('floods').length >= 51_200 ? true : null))
  expect(lines('floods').length).toBe(51_200)
  await agent.stop()
  expect(agent.output).toContain('took too long')
  expect(agent.output).toContain('wrote too much')
  expect(processesWith(on.folder)).toEqual([])
})

test('a program that is not there: said once with the fix, and found when it is', async () => {
  await using on = await collecting(
    (folder) => `    job: { type: exec, command: [${folder}/job], interval: 1s }`,
  )
  const agent = on.start()
  await until('the word', 30, async () => (agent.output.includes('ENOENT') ? true : null))
  await writeFile(join(on.folder, 'job'), '#!/bin/sh\necho here\n', { mode: 0o755 })
  await on.arrived(1)
  expect(existsSync(join(on.folder, 'state/agent-id'))).toBe(true)
  await agent.stop()
  expect(agent.output.match(/cannot be run/g)?.length).toBe(1)
})
