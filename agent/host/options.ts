// What an input of host metrics is told: what is measured, how often, and what of it is left out.

/** What can be measured, by the names of the configuration. */
export type ScraperName =
  | 'cpu'
  | 'load'
  | 'memory'
  | 'paging'
  | 'disk'
  | 'filesystem'
  | 'network'
  | 'processes'
  | 'uptime'

/** Globs over names. Nothing included means everything. */
export interface Choice {
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

export interface HostMetricsInput {
  readonly name: string
  readonly topic: string
  readonly intervalMs: number
  readonly scrapers: readonly ScraperName[]
  /** CPU times of each CPU instead of all together. */
  readonly perCpu: boolean
  readonly devices: Choice
  readonly interfaces: Choice
  readonly mounts: Choice
  readonly filesystems: Choice
}
