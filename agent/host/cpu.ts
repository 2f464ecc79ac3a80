// CPU time by mode, how much of it since the last sample, and how many CPUs there are: /proc/stat.
import { counter, gauge, type Point, ratio } from './point.ts'
import { fieldsOf, malformed, numberIn } from './texts.ts'

/** The kernel counts in hundredths of a second for everybody, whatever it is built with (USER_HZ). */
const ticksPerSecond = 100
const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal'] as const

/** Seconds by mode of all CPUs together, and of each. */
export interface CpuTimes {
  readonly all: readonly number[]
  readonly each: ReadonlyMap<string, readonly number[]>
}

/** Reads the `cpu` lines; guests are in `user` and `nice` already. Throws SCHEMA_INVALID. */
export function parseCpuTimes(text: string): CpuTimes {
  let all: readonly number[] | null = null
  const each = new Map<string, readonly number[]>()
  for (const [name = '', ...ticks] of fieldsOf(text)) {
    const number = /^cpu(\d{0,5})$/.exec(name)?.[1]
    if (number === undefined) continue
    const seconds = secondsOf(ticks)
    if (number === '') all = seconds
    else each.set(number, seconds)
  }
  if (all === null) throw malformed('/proc/stat', 'no line begins with cpu')
  return { all, each }
}

/** The points of one sample; shares of the time are of what passed since `before`. */
export function cpuPoints(now: CpuTimes, before: CpuTimes | null, perCpu: boolean): readonly Point[] {
  const points = [gauge('system.cpu.logical.count', '{cpu}', now.each.size)]
  if (!perCpu) points.push(...modePoints(now.all, before?.all, {}))
  else
    for (const [number, seconds] of now.each)
      points.push(...modePoints(seconds, before?.each.get(number), { 'cpu.logical_number': number }))
  return points
}

function modePoints(
  now: readonly number[],
  before: readonly number[] | undefined,
  attributes: Readonly<Record<string, string>>,
): readonly Point[] {
  const points = modes.map((mode, at) =>
    counter('system.cpu.time', 's', now[at] ?? 0, { ...attributes, 'cpu.mode': mode }),
  )
  if (before === undefined) return points
  // Idle and iowait may run backwards a little; nothing was used then.
  const passed = now.map((seconds, at) => Math.max(0, seconds - (before[at] ?? 0)))
  const whole = passed.reduce((sum, seconds) => sum + seconds, 0)
  for (const [at, mode] of modes.entries())
    points.push(
      gauge('system.cpu.utilization', '1', ratio(passed[at] ?? 0, whole), {
        ...attributes,
        'cpu.mode': mode,
      }),
    )
  return points
}

/** Ticks: user nice system idle iowait irq softirq steal; kernels before 2.6 end early. */
function secondsOf(ticks: readonly string[]): readonly number[] {
  const at = (index: number) =>
    index < 4 || ticks[index] !== undefined ? numberIn(ticks[index], '/proc/stat') / ticksPerSecond : 0
  return [at(0), at(1), at(2), at(3), at(4), at(5) + at(6), at(7)]
}
