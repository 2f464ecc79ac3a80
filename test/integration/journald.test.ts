// The input journald with the real journalctl on real journals: exactly once through kill -9 of the agent.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runs } from '../runs.ts'
import { collecting } from './collecting.ts'
import { installJournal, journalRemote } from './install-journal.ts'
import { until } from './processes.ts'

beforeAll(() => installJournal(), 300_000)

const bootId = '00112233445566778899aabbccddeeff'
const binary = Buffer.from([0x61, 0x0a, 0xff])

/** Adds entries with these numbers to a journal. */
function append(folder: string, from: number, to: number, unit = 'a.service'): void {
  mkdirSync(join(folder, 'journal'), { recursive: true })
  const entries: string[] = []
  for (let number = from; number < to; number += 1) {
    const micros = 1_795_000_000_000_000 + number * 1000
    entries.push(
      `__REALTIME_TIMESTAMP=${micros}\n__MONOTONIC_TIMESTAMP=${number * 1000}\n_BOOT_ID=${bootId}\nMESSAGE=line ${number}\nPRIORITY=6\n_SYSTEMD_UNIT=${unit}\nSYSLOG_IDENTIFIER=app\n_PID=77\n\n`,
    )
  }
  execFileSync(journalRemote, ['-o', join(folder, 'journal/x.journal'), '-'], {
    input: entries.join(''),
    stdio: ['pipe', 'ignore', 'ignore'],
  })
}

const input = (folder: string) => `    journal: { type: journald, directory: ${folder}/journal, since: all }`

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}`)

/** journalctl processes that read the folder. */
function readers(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    const said = spawnSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'latin1' }).stdout
    return said.startsWith('journalctl') && said.includes(folder)
  })
}

test('entries are records with their time, severity and fields, and new ones follow', async () => {
  await using on = await collecting(input)
  append(on.folder, 0, 10)
  const agent = on.start()
  await on.arrived(10)
  append(on.folder, 10, 12)
  await on.arrived(12)
  expect(on.records().map(({ body }) => body)).toEqual(numbered(0, 12))
  expect(on.records()[3]).toMatchObject({
    ts: '2026-11-18T11:06:40.003Z',
    severity_number: 9,
    service_name: 'app',
    attrs_string: { 'systemd.unit': 'a.service' },
    attrs_number: { 'process.pid': 77 },
  })
  expect(await agent.stop()).toBe(0)
  expect(readers(on.folder)).toEqual([])
})

test('kill -9 again and again, a lost state file: each entry once, in order', async () => {
  await using on = await collecting(input)
  const kills = runs(12, 5)
  const each = 700
  append(on.folder, 0, each)
  const agent = on.start()
  for (let kill = 1; kill <= kills; kill += 1) {
    append(on.folder, kill * each, (kill + 1) * each)
    // Somewhere in the middle of it.
    const wanted = Math.min((kill + 1) * each - 1, on.receiver.lines.length + 1 + (kill % 3) * 200)
    await on.arrived(wanted)
    await agent.kill()
    if (kill % 4 === 0) rmSync(join(on.folder, 'state/journal-journal.cursor'), { force: true })
    agent.restart()
  }
  const all = (kills + 1) * each + 10
  append(on.folder, all - 10, all)
  await on.arrived(all)
  expect(await agent.stop()).toBe(0)
  expect(on.records().map(({ body }) => body)).toEqual(numbered(0, all))
  expect(on.receiver.gaps).toEqual([])
  expect(readFileSync(join(on.folder, 'state/journal-journal.cursor'), 'latin1')).toContain(
    'logdrive-journal 1',
  )
  await until('no journalctl is left', 10, async () => (readers(on.folder).length === 0 ? true : null))
})

test('a collector that forgot the source gets what is new, once', async () => {
  await using on = await collecting(input)
  append(on.folder, 0, 5)
  const agent = on.start()
  await on.arrived(5)
  await agent.stop()
  on.receiver.kept.clear()
  append(on.folder, 5, 9)
  agent.restart()
  await on.arrived(9)
  expect(on.records().map(({ body }) => body)).toEqual(numbered(0, 9))
})

test('units and matches choose; bytes with line feeds come as they are', async () => {
  await using on = await collecting(
    (folder) =>
      `    journal: { type: journald, directory: ${folder}/journal, since: all, units: [b.service], fields: all }`,
  )
  append(on.folder, 0, 3)
  append(on.folder, 3, 5, 'b.service')
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(binary.length))
  execFileSync(journalRemote, ['-o', join(on.folder, 'journal/x.journal'), '-'], {
    input: Buffer.concat([
      Buffer.from(
        `__REALTIME_TIMESTAMP=1795000001000000\n__MONOTONIC_TIMESTAMP=9000000\n_BOOT_ID=${bootId}\n_SYSTEMD_UNIT=b.service\nMESSAGE\n`,
      ),
      size,
      binary,
      Buffer.from('\n\n'),
    ]),
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  on.start()
  await on.arrived(3)
  const records = on.records()
  expect(records.map(({ body }) => body)).toEqual(['line 3', 'line 4', 'a\n\ufffd'])
  expect(records[2]?.attrs_string?.body_base64).toBe(binary.toString('base64'))
})

test('without journalctl the agent says what to do and goes on trying', async () => {
  await using on = await collecting(() => '    journal: { type: journald, program: /nowhere/journalctl }')
  const agent = on.start()
  await until('the word', 30, async () => (agent.output.includes('Install systemd') ? true : null))
  expect(await agent.stop()).toBe(0)
})
