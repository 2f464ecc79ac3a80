// Texts of /proc as a machine with two CPUs wrote them (Linux 6.1), shortened; the mounts partly of another one.
import type { HostMetricsInput } from '../../../agent/host/options.ts'

/** The texts by path. */
export const recorded: Readonly<Record<string, string>> = {
  '/proc/stat': `cpu  1721537 49677 271001 1299116 39161 0 13970 12510 0 0
cpu0 866732 24108 131981 657437 10679 0 6431 6014 0 0
cpu1 854805 25569 139019 641678 28481 0 7539 6495 0 0
intr 32019667 0 0 0
ctxt 115526468
btime 1763690000
processes 1180321
procs_running 9
procs_blocked 0
`,
  '/proc/loadavg': '9.46 10.74 10.54 6/607 15858\n',
  '/proc/meminfo': `MemTotal:       24684096 kB
MemFree:         8669608 kB
MemAvailable:   20450716 kB
Buffers:           91524 kB
Cached:         11674792 kB
SwapCached:            0 kB
SwapTotal:       1000000 kB
SwapFree:         750000 kB
SReclaimable:     387468 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
`,
  '/proc/vmstat': `nr_free_pages 2167402
pgpgin 59642699
pgpgout 174066548
pswpin 11
pswpout 22
pgfault 406803689
pgmajfault 35231
`,
  '/proc/diskstats': `   7       0 loop0 133484 337 11867773 92287 394728 229 6550328 261327 0 201512 523660 0 0 0 0 223900 170046
 254       0 vda 348225 43188 97943866 1321144 4454486 532661 336706480 2380725 0 915356 4676827 560832 2839 291019928 784119 1198920 190838
 254       1 vda1 348225 43188 97943866 1321144 4454486 532661 336706480 2380725 0 915356 4676827
`,
  '/proc/self/mounts': `proc /proc proc rw,relatime 0 0
devtmpfs /dev devtmpfs rw,relatime,size=12334524k,nr_inodes=3083631,mode=755 0 0
/dev/vda / ext4 rw,relatime,discard,resv_strict,resuid=65534,resgid=65534 0 0
tmpfs /dev/shm tmpfs rw,relatime,size=24684096k 0 0
/dev/sdb1 /mnt/my\\040disk xfs ro,noatime 0 0
/dev/vda /var/lib/mysql ext4 rw,relatime 0 0
nas:/export /mnt/nas nfs4 rw 0 0
`,
  '/proc/net/dev': `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 190026978981 24023372    0    0    0     0          0         0 190026978981 24023372    0    0    0     0       0          0
  eth0:3319310079   86269    1    2    0     0          0         0  5346581   52092    3    4    0     0       0          0
`,
  '/proc/uptime': '17077.57 12991.16\n',
}

/** What the configuration yields for `type: host_metrics`, with shorter lists of what is left out. */
export const hostInput: HostMetricsInput = {
  name: 'host',
  topic: 'metrics',
  intervalMs: 15_000,
  scrapers: ['cpu', 'load', 'memory', 'paging', 'disk', 'filesystem', 'network', 'processes', 'uptime'],
  perCpu: false,
  devices: { include: [], exclude: ['loop*', '[hsv]d[a-z]*[0-9]'] },
  interfaces: { include: [], exclude: ['lo'] },
  mounts: { include: [], exclude: ['/dev/**', '/proc/**'] },
  filesystems: { include: [], exclude: ['proc', 'devtmpfs', 'tmpfs', 'nfs*'] },
}
