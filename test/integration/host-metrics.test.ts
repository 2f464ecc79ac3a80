// The input host_metrics end to end: this machine's numbers, through agent and collector, as rows of the table metrics.
import os from 'node:os'
import { expect, test } from 'vitest'
import { startSystem } from './local-system.ts'

const input = `
agent:
  inputs:
    host: { type: host_metrics, interval: 1s }
`

test.runIf(process.platform === 'linux')('measurements of this machine are rows of metrics', async () => {
  await using system = await startSystem({
    topics: ['metrics'],
    more: ({ folder }) => input.replace('  inputs', `  state: ${folder}/agent-state\n  inputs`),
  })
  await system.ready()
  const from = "FROM logdrive.metrics WHERE lib = 'logdrive-agent'"
  // Three samples: the second one has shares of the CPU's time.
  await system.untilAnswer(
    `SELECT uniqExact(ts) >= 3 AND countIf(metric = 'system.cpu.utilization') > 0 ${from}`,
    '1',
    90,
  )
  const sole = (select: string, where: string) => system.ask(`SELECT ${select} ${from} AND ${where}`)
  expect(await sole('any(value)', "metric = 'system.memory.limit'")).toBe(String(os.totalmem()))
  expect(await sole('any(value)', "metric = 'system.cpu.logical.count'")).toBe(String(os.cpus().length))
  expect(await sole('uniqExact(hostname), any(hostname)', "props_string['host.name'] = hostname")).toBe(
    `1\t${os.hostname()}`,
  )
  expect(
    await sole("arraySort(groupUniqArray(props_string['cpu.mode']))", "metric = 'system.cpu.time'"),
  ).toBe("['idle','interrupt','iowait','nice','steal','system','user']")
  // Shares of one moment add up, and so do the states of memory and of file systems.
  const whole = `SELECT max(abs(total - 1) < 0.001) FROM (SELECT ts, sum(value) AS total ${from} AND metric = `
  expect(await system.ask(`${whole}'system.cpu.utilization' GROUP BY ts)`)).toBe('1')
  expect(await system.ask(`${whole}'system.memory.utilization' GROUP BY ts)`)).toBe('1')
  expect(await sole('count() > 0, min(value) > 0', "metric = 'system.filesystem.limit'")).toBe('1\t1')
  expect(await sole('max(abs(ts - now()) < 600), min(received_at = ts)', '1')).toBe('1\t1')
  expect(await sole('count() - uniqExact(event_id), count() - uniqExact(_partition, _offset)', '1')).toBe(
    '0\t0',
  )
  expect(await sole('groupUniqArray(kind)', "metric = 'system.disk.io'")).toBe("['counter']")
  expect(await sole("countIf(_unmapped != '')", '1')).toBe('0')
  // Every family of names is there; a machine without disks or cards of its own would miss some.
  const families = await sole("arraySort(groupUniqArray(splitByChar('.', metric)[2]))", '1')
  for (const family of ['cpu', 'filesystem', 'memory', 'paging', 'process', 'uptime'])
    expect(families).toContain(`'${family}'`)
})
