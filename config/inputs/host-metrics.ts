// The input host_metrics: what of the agent's machine is measured, and what is left out unless said otherwise.

import { z } from 'zod'
import * as fields from '../fields.ts'
import { choice } from './choice.ts'

const scrapers = [
  'cpu',
  'load',
  'memory',
  'paging',
  'disk',
  'filesystem',
  'network',
  'processes',
  'uptime',
] as const

/** Memory disks, drives without a medium, and partitions, which their disks count too. */
const devicesLeftOut = [
  ...['loop*', 'ram*', 'zram*', 'fd*', 'sr*'],
  ...['[hsv]d[a-z]*[0-9]', 'xvd[a-z]*[0-9]', 'nvme*p[0-9]*', 'mmcblk*p[0-9]*'],
]
/** This machine talking to itself and to its containers. */
const interfacesLeftOut = ['lo', 'veth*', 'docker*', 'br-*', 'cali*', 'cni*', 'flannel*', 'ifb*']
const mountsLeftOut = [
  ...['/dev/**', '/proc/**', '/sys/**', '/run/**', '/snap/**'],
  ...['/var/lib/docker/**', '/var/lib/containers/**', '/var/lib/kubelet/**'],
]
/** Without blocks of their own; and those over a network: one that does not answer would hold the agent up. */
const filesystemsLeftOut = [
  ...['autofs', 'binfmt_misc', 'bpf', 'cgroup*', 'configfs', 'debugfs', 'devpts', 'devtmpfs', 'efivarfs'],
  ...[
    'fusectl',
    'hugetlbfs',
    'iso9660',
    'mqueue',
    'nsfs',
    'overlay',
    'proc',
    'pstore',
    'ramfs',
    'rpc_pipefs',
  ],
  ...['securityfs', 'selinuxfs', 'squashfs', 'sysfs', 'tmpfs', 'tracefs'],
  ...['9p', 'afs', 'ceph', 'cifs', 'fuse.*', 'glusterfs', 'lustre', 'nfs*', 'smb*'],
]

/** The schema of the input. */
export const hostMetricsInput = z.strictObject({
  type: z.literal('host_metrics').meta({ description: 'Measurements of the machine; Linux only.' }),
  topic: fields.topicName().prefault('metrics').meta({ description: 'The topic the measurements go to.' }),
  interval: fields
    .duration({ min: 1000, max: 3_600_000 })
    .prefault('15s')
    .meta({ description: 'How often it is measured.' }),
  scrapers: z
    .array(z.enum(scrapers))
    .min(1, { error: 'at least one of them' })
    .prefault([...scrapers])
    .meta({ description: 'What is measured.', examples: [['cpu', 'memory', 'filesystem']] }),
  per_cpu: fields
    .flag()
    .prefault(false)
    .meta({ description: 'CPU times of each CPU instead of all together.' }),
  devices: choice('block devices', devicesLeftOut).prefault({}).meta({ description: 'For `disk`.' }),
  interfaces: choice('network interfaces', interfacesLeftOut)
    .prefault({})
    .meta({ description: 'For `network`.' }),
  mounts: choice('mount points', mountsLeftOut).prefault({}).meta({ description: 'For `filesystem`.' }),
  filesystems: choice('types of file systems', filesystemsLeftOut)
    .prefault({})
    .meta({ description: 'For `filesystem`.' }),
})
