// The input host_metrics in the YAML: its defaults mean disks, not what only looks like one; and what is refused.
import { expect, test } from 'vitest'
import { chosenBy } from '../../agent/host/chosen.ts'
import { agentOptions } from '../../cli/agent-options.ts'
import { formatProblem } from '../../config/load.ts'
import { load } from './samples.ts'

function inputOf(keys: string) {
  const loaded = load(`version: 1\nagent: { inputs: { host: { type: host_metrics${keys} } } }\n`)
  if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  const input = loaded.config.agent?.inputs.host
  if (input?.type !== 'host_metrics') throw new Error('another type')
  return { input, config: loaded.config }
}

test('every default is filled in', () => {
  const { input } = inputOf('')
  expect(input).toMatchObject({ topic: 'metrics', interval: 15_000, per_cpu: false })
  expect(input.scrapers.length).toBe(9)
})

test.each([
  [
    'devices',
    'sda vda nvme0n1 xvdb mmcblk0 dm-0 md0',
    'sda1 vda12 nvme0n1p1 xvdb3 mmcblk0p2 loop0 zram0 ram1 sr0',
  ],
  ['interfaces', 'eth0 ens5 enp0s3 wlan0 bond0 wg0', 'lo veth12ab docker0 br-1234 cali7'],
  [
    'mounts',
    '/ /home /data /var/lib/mysql /mnt/x',
    '/dev/shm /run /run/user/0 /snap/core/1 /var/lib/docker/overlay2/x',
  ],
  [
    'filesystems',
    'ext4 xfs btrfs zfs vfat f2fs',
    'tmpfs proc overlay squashfs cgroup2 nfs nfs4 cifs fuse.sshfs',
  ],
] as const)('%s: what is measured unless said otherwise', (key, measured, leftOut) => {
  const isChosen = chosenBy(inputOf('').input[key])
  expect(measured.split(' ').filter((name) => !isChosen(name))).toEqual([])
  expect(leftOut.split(' ').filter((name) => isChosen(name))).toEqual([])
})

test('a list of yours takes the place of the default', () => {
  const { input } = inputOf(', devices: { exclude: [sdb] }, interfaces: { include: [eth0, "wg*"] }')
  const [isDevice, isInterface] = [chosenBy(input.devices), chosenBy(input.interfaces)]
  expect(['loop0', 'sdb'].map(isDevice)).toEqual([true, false])
  expect(['eth0', 'wg1', 'eth1'].map(isInterface)).toEqual([true, true, false])
})

test.each([
  ['interval: 10ms', 'agent.inputs.host.interval'],
  ['scrapers: [gpu]', 'agent.inputs.host.scrapers[0]'],
  ['scrapers: []', 'at least one of them'],
  ['paths: [/proc]', 'agent.inputs.host.paths'],
  ['mounts: { exclude: [""] }', 'agent.inputs.host.mounts.exclude[0]'],
])('%s is refused', (key, told) => {
  expect(() => inputOf(`, ${key}`)).toThrow(told)
})

test('it becomes a source of the agent, beside the files', async () => {
  const options = await agentOptions(inputOf('').config, 'agent.yaml')
  expect(options.inputs).toEqual([])
  expect(options.sources?.map(({ name }) => name)).toEqual(['host'])
})
