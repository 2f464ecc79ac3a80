// Scrapers over recorded texts: names, units, attributes and numbers of everything that is measured.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HostMetricsInput, ScraperName } from '../../../agent/host/options.ts'
import type { Point } from '../../../agent/host/point.ts'
import { scrapersOf } from '../../../agent/host/scrapers.ts'
import { LogdriveError } from '../../../core/errors.ts'
import { SimulatedFiles } from '../../sim/files.ts'
import { World } from '../../sim/world.ts'
import { hostInput, recorded } from './recorded.ts'

function machine(): SimulatedFiles {
  const files = new SimulatedFiles({ random: new World({ seed: 1 }).random('files'), now: () => 0 })
  for (const [path, text] of Object.entries(recorded)) files.append(path, text)
  for (const path of ['/mnt/my disk', '/proc/1', '/proc/4711', '/proc/sys']) files.makeDirectory(path)
  return files
}

async function scrape(
  name: ScraperName,
  options: Partial<HostMetricsInput> = {},
  files = machine(),
  times = 1,
): Promise<readonly string[]> {
  const scraper = scrapersOf({ ...hostInput, scrapers: [name], ...options }, files.view()).get(name)
  let points: readonly Point[] = []
  for (let time = 0; time < times; time += 1) points = (await scraper?.(() => {})) ?? []
  return points.map(lineOf)
}

function lineOf({ metric, kind, unit, value, attributes }: Point): string {
  const named = Object.entries(attributes).map(([key, text]) => `${key}=${text}`)
  return `${metric} ${kind} ${value} ${unit} ${named.join(' ')}`.trim()
}

test('cpu: seconds by mode; irq and softirq are interrupt', async () => {
  expect(await scrape('cpu')).toMatchInlineSnapshot(`
    [
      "system.cpu.logical.count gauge 2 {cpu}",
      "system.cpu.time counter 17215.37 s cpu.mode=user",
      "system.cpu.time counter 496.77 s cpu.mode=nice",
      "system.cpu.time counter 2710.01 s cpu.mode=system",
      "system.cpu.time counter 12991.16 s cpu.mode=idle",
      "system.cpu.time counter 391.61 s cpu.mode=iowait",
      "system.cpu.time counter 139.7 s cpu.mode=interrupt",
      "system.cpu.time counter 125.1 s cpu.mode=steal",
    ]
  `)
})

test('cpu: of each CPU when asked for, with its number', async () => {
  const lines = await scrape('cpu', { perCpu: true })
  expect(lines.length).toBe(15)
  expect(lines[8]).toBe('system.cpu.time counter 8548.05 s cpu.logical_number=1 cpu.mode=user')
})

test('cpu: from the second sample on, the shares of what passed in between', async () => {
  const files = machine()
  const scraper = scrapersOf(hostInput, files.view()).get('cpu')
  await scraper?.(() => {})
  files.truncate('/proc/stat')
  files.append(
    '/proc/stat',
    'cpu  1721637 49677 271001 1299416 39160 0 13970 12510 0 0\ncpu0 0 0 0 0 0 0 0 0\n',
  )
  const points = (await scraper?.(() => {})) ?? []
  const shares = points.filter(({ metric }) => metric === 'system.cpu.utilization')
  expect(shares.map(({ value, attributes }) => `${attributes['cpu.mode']} ${value}`)).toEqual([
    'user 0.25',
    'nice 0',
    'system 0',
    'idle 0.75',
    // Ran backwards by a tick.
    'iowait 0',
    'interrupt 0',
    'steal 0',
  ])
})

test('load', async () => {
  expect(await scrape('load')).toEqual([
    'system.cpu.load_average.1m gauge 9.46 {thread}',
    'system.cpu.load_average.5m gauge 10.74 {thread}',
    'system.cpu.load_average.15m gauge 10.54 {thread}',
  ])
})

test('memory: the states add up to the limit', async () => {
  const lines = await scrape('memory')
  expect(lines).toMatchInlineSnapshot(`
    [
      "system.memory.limit gauge 25276514304 By",
      "system.memory.usage gauge 3953360896 By system.memory.state=used",
      "system.memory.utilization gauge 0.15640451244396392 1 system.memory.state=used",
      "system.memory.usage gauge 8877678592 By system.memory.state=free",
      "system.memory.utilization gauge 0.35122242272919374 1 system.memory.state=free",
      "system.memory.usage gauge 93720576 By system.memory.state=buffers",
      "system.memory.utilization gauge 0.0037078125121535743 1 system.memory.state=buffers",
      "system.memory.usage gauge 12351754240 By system.memory.state=cached",
      "system.memory.utilization gauge 0.48866525231468877 1 system.memory.state=cached",
      "system.memory.linux.available gauge 20941533184 By",
    ]
  `)
  const usages = lines.filter((line) => line.startsWith('system.memory.usage'))
  const sum = usages.reduce((total, line) => total + Number(line.split(' ')[2]), 0)
  expect(sum).toBe(24684096 * 1024)
})

test('paging', async () => {
  expect(await scrape('paging')).toMatchInlineSnapshot(`
    [
      "system.paging.usage gauge 256000000 By system.paging.state=used",
      "system.paging.utilization gauge 0.25 1 system.paging.state=used",
      "system.paging.usage gauge 768000000 By system.paging.state=free",
      "system.paging.utilization gauge 0.75 1 system.paging.state=free",
      "system.paging.faults counter 35231 {fault} system.paging.fault.type=major",
      "system.paging.faults counter 406768458 {fault} system.paging.fault.type=minor",
      "system.paging.operations counter 11 {operation} system.paging.direction=in",
      "system.paging.operations counter 22 {operation} system.paging.direction=out",
    ]
  `)
})

test('disk: what is left out is not there', async () => {
  expect(await scrape('disk')).toMatchInlineSnapshot(`
    [
      "system.disk.io counter 50147259392 By system.device=vda disk.io.direction=read",
      "system.disk.operations counter 348225 {operation} system.device=vda disk.io.direction=read",
      "system.disk.merged counter 43188 {operation} system.device=vda disk.io.direction=read",
      "system.disk.operation_time counter 1321.144 s system.device=vda disk.io.direction=read",
      "system.disk.io counter 172393717760 By system.device=vda disk.io.direction=write",
      "system.disk.operations counter 4454486 {operation} system.device=vda disk.io.direction=write",
      "system.disk.merged counter 532661 {operation} system.device=vda disk.io.direction=write",
      "system.disk.operation_time counter 2380.725 s system.device=vda disk.io.direction=write",
      "system.disk.io_time counter 915.356 s system.device=vda",
    ]
  `)
  const loops = await scrape('disk', { devices: { include: ['loop*'], exclude: [] } })
  expect(loops.length).toBe(9)
  expect(loops[0]).toBe(
    `system.disk.io counter ${11867773 * 512} By system.device=loop0 disk.io.direction=read`,
  )
})

test('filesystem: a device once, octal blanks, read-only; no network mounts', async () => {
  const lines = await scrape('filesystem')
  expect(lines.length).toBe(14)
  expect(lines.slice(0, 7)).toMatchInlineSnapshot(`
    [
      "system.filesystem.limit gauge 1000 By system.device=/dev/vda system.filesystem.mountpoint=/ system.filesystem.type=ext4 system.filesystem.mode=rw",
      "system.filesystem.usage gauge 600 By system.device=/dev/vda system.filesystem.mountpoint=/ system.filesystem.type=ext4 system.filesystem.mode=rw system.filesystem.state=used",
      "system.filesystem.usage gauge 300 By system.device=/dev/vda system.filesystem.mountpoint=/ system.filesystem.type=ext4 system.filesystem.mode=rw system.filesystem.state=free",
      "system.filesystem.usage gauge 100 By system.device=/dev/vda system.filesystem.mountpoint=/ system.filesystem.type=ext4 system.filesystem.mode=rw system.filesystem.state=reserved",
      "system.filesystem.utilization gauge 0.6666666666666666 1 system.device=/dev/vda system.filesystem.mountpoint=/ system.filesystem.type=ext4 system.filesystem.mode=rw",
      "system.filesystem.inodes.usage gauge 10 {inode} system.device=/dev/vda system.filesystem.mountpoint=/ system.filesystem.type=ext4 system.filesystem.mode=rw system.filesystem.state=used",
      "system.filesystem.inodes.usage gauge 40 {inode} system.device=/dev/vda system.filesystem.mountpoint=/ system.filesystem.type=ext4 system.filesystem.mode=rw system.filesystem.state=free",
    ]
  `)
  expect(lines[7]).toBe(
    'system.filesystem.limit gauge 1000 By system.device=/dev/sdb1 system.filesystem.mountpoint=/mnt/my disk system.filesystem.type=xfs system.filesystem.mode=ro',
  )
})

test('filesystem: one that is gone is told, the others are measured', async () => {
  const files = machine()
  files.append('/proc/self/mounts', '/dev/sdc /gone ext4 rw 0 0\n')
  const told: string[] = []
  const points = await scrapersOf(hostInput, files.view()).get('filesystem')?.((part, error) =>
    told.push(`${part} ${error.code}`),
  )
  expect(points?.length).toBe(14)
  expect(told).toEqual(['/gone NOT_FOUND'])
})

test('network: a number may touch the colon', async () => {
  expect(await scrape('network')).toMatchInlineSnapshot(`
    [
      "system.network.io counter 3319310079 By network.interface.name=eth0 network.io.direction=receive",
      "system.network.packet.count counter 86269 {packet} system.device=eth0 network.io.direction=receive",
      "system.network.errors counter 1 {error} network.interface.name=eth0 network.io.direction=receive",
      "system.network.packet.dropped counter 2 {packet} network.interface.name=eth0 network.io.direction=receive",
      "system.network.io counter 5346581 By network.interface.name=eth0 network.io.direction=transmit",
      "system.network.packet.count counter 52092 {packet} system.device=eth0 network.io.direction=transmit",
      "system.network.errors counter 3 {error} network.interface.name=eth0 network.io.direction=transmit",
      "system.network.packet.dropped counter 4 {packet} network.interface.name=eth0 network.io.direction=transmit",
    ]
  `)
})

test('processes and uptime', async () => {
  expect(await scrape('processes')).toEqual([
    'system.process.count gauge 2 {process}',
    'system.process.created counter 1180321 {process}',
  ])
  expect(await scrape('uptime')).toEqual(['system.uptime gauge 17077.57 s'])
})

test('hostile texts give finite numbers or a LogdriveError, never anything else', async () => {
  const texts = Object.entries(recorded)
  const damage = fc.record({
    which: fc.nat(texts.length - 1),
    at: fc.nat(400),
    length: fc.nat(400),
    by: fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom('\0', '-1', '1e999', '\n', '99999999999999999999'),
    ),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ which, at, length, by }) => {
      const [path, text] = texts[which] as [string, string]
      const files = machine()
      files.truncate(path)
      files.append(path, `${text.slice(0, at)}${by}${text.slice(at + length)}`)
      for (const scraper of scrapersOf(hostInput, files.view()).values()) {
        try {
          for (const { value } of await scraper(() => {})) expect(Number.isFinite(value)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(LogdriveError)
        }
      }
    }),
    { numRuns: 300 },
  )
})
