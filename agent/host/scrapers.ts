// Scrapers: which texts each kind of measurement reads, and what it remembers from one sample to the next.
import { LogdriveError } from '../../core/errors.ts'
import type { Files } from '../../core/runtime.ts'
import { chosenBy } from './chosen.ts'
import { type CpuTimes, cpuPoints, parseCpuTimes } from './cpu.ts'
import { diskPoints } from './disk.ts'
import { filesystemPoints, parseMounts } from './filesystem.ts'
import { loadPoints } from './load.ts'
import { memoryPoints } from './memory.ts'
import { networkPoints } from './network.ts'
import type { HostMetricsInput, ScraperName } from './options.ts'
import { pagingPoints } from './paging.ts'
import type { Point } from './point.ts'
import { processPoints } from './processes.ts'
import { readText } from './texts.ts'
import { uptimePoints } from './uptime.ts'

/** Measures. `tell` hears of a part that failed while the rest did not. Throws LogdriveError when all of it failed. */
export type Scrape = (tell: (part: string, error: LogdriveError) => void) => Promise<readonly Point[]>

/** File systems that are looked at in one sample. */
const mountsMax = 512

/** The scrapers of an input, by name. */
export function scrapersOf(input: HostMetricsInput, files: Files): ReadonlyMap<ScraperName, Scrape> {
  const read = (name: string) => readText(files, `/proc/${name}`)
  const isDevice = chosenBy(input.devices)
  const isInterface = chosenBy(input.interfaces)
  const all: Readonly<Record<ScraperName, Scrape>> = {
    cpu: cpuScrape(input.perCpu, read),
    load: async () => loadPoints(await read('loadavg')),
    memory: async () => memoryPoints(await read('meminfo')),
    paging: async () => pagingPoints(await read('meminfo'), await read('vmstat')),
    disk: async () => diskPoints(await read('diskstats'), isDevice),
    filesystem: filesystemScrape(input, files, read),
    network: async () => networkPoints(await read('net/dev'), isInterface),
    processes: async () => processPoints(await files.list('/proc'), await read('stat')),
    uptime: async () => uptimePoints(await read('uptime')),
  }
  return new Map(input.scrapers.map((name) => [name, all[name]]))
}

type Read = (name: string) => Promise<string>

function cpuScrape(perCpu: boolean, read: Read): Scrape {
  let before: CpuTimes | null = null
  return async () => {
    const now = parseCpuTimes(await read('stat'))
    const points = cpuPoints(now, before, perCpu)
    before = now
    return points
  }
}

/** One after the other: a mount that never answers holds one thread, not all there are. */
function filesystemScrape(input: HostMetricsInput, files: Files, read: Read): Scrape {
  const isPath = chosenBy(input.mounts)
  const isType = chosenBy(input.filesystems)
  return async (tell) => {
    const mounts = parseMounts(await read('self/mounts'), isPath, isType)
    const points: Point[] = []
    for (const mount of mounts.slice(0, mountsMax)) {
      try {
        points.push(...filesystemPoints(mount, await files.space(mount.mountpoint)))
      } catch (error) {
        if (!(error instanceof LogdriveError)) throw error
        tell(mount.mountpoint, error)
      }
    }
    return points
  }
}
