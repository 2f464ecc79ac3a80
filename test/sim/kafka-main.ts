// Runs the Kafka simulation for `npm run sim -- --kafka`: many seeds, one seed with its log, or a hunt for the planted bugs.
import { type KafkaBug, kafkaBugNames } from './kafka-bugs.ts'
import { type KafkaReport, runKafkaScenario } from './kafka-scenario.ts'

export interface KafkaRun {
  readonly first: number
  readonly count: number
  readonly chaosMs: number
  readonly bug: string
  readonly isHunt: boolean
  readonly showsLog: boolean
}

/** True when every seed kept the promises, or every planted bug was found. */
export async function mainKafka(run: KafkaRun): Promise<boolean> {
  if (run.isHunt) return await hunt(run)
  const bug = kafkaBugNames.find((name) => name === run.bug)
  if (bug !== undefined) return await runSeeds(run, bug)
  console.error(`unknown bug ${run.bug}; one of: ${kafkaBugNames.join(', ')}`)
  return false
}

async function hunt(run: KafkaRun): Promise<boolean> {
  let allFound = true
  for (const bug of kafkaBugNames) {
    if (bug === 'none') continue
    let sign: string | null = null
    let seed = run.first
    for (; seed < run.first + run.count && sign === null; seed += 1) {
      const { differences } = await runKafkaScenario({ seed, bug, chaosMs: run.chaosMs })
      // "not settled" alone may only be a slow run.
      sign = differences.find((each) => !each.startsWith('not ')) ?? null
    }
    console.log(`${bug}: ${sign === null ? `NOT found in ${run.count}` : `seed ${seed - 1}: ${sign}`}`)
    if (sign === null) allFound = false
  }
  return allFound
}

async function runSeeds(run: KafkaRun, bug: KafkaBug): Promise<boolean> {
  const counts = {
    faults: new Map<string, number>(),
    outcomes: new Map<string, number>(),
    allowed: new Map<string, number>(),
  }
  const sums = { events: 0, virtualMs: 0 }
  const failed: number[] = []
  const started = performance.now()
  for (let seed = run.first; seed < run.first + run.count; seed += 1) {
    const report = await runKafkaScenario({ seed, bug, chaosMs: run.chaosMs })
    sums.events += report.events
    sums.virtualMs += report.virtualMs
    for (const kind of ['faults', 'outcomes', 'allowed'] as const) {
      for (const [name, times] of report[kind]) counts[kind].set(name, (counts[kind].get(name) ?? 0) + times)
    }
    if (report.differences.length > 0) {
      failed.push(seed)
      tell(report, run.showsLog)
    }
    // One run in fifty is done twice: the same seed must give the same events.
    if (seed % 50 !== 1) continue
    const again = await runKafkaScenario({ seed, bug, chaosMs: run.chaosMs })
    if (again.trace === report.trace) continue
    failed.push(seed)
    console.log(`seed ${seed}: not repeatable: ${report.trace} and ${again.trace}`)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${run.count} seeds from ${run.first}, bug: ${bug}, ${seconds} s`)
  const minutes = (sums.virtualMs / 60_000).toFixed(1)
  console.log(`${sums.events} events, ${minutes} virtual minutes`)
  for (const [kind, times] of [...counts.faults].sort()) console.log(`  ${kind}: ${times}`)
  for (const [name, times] of [...counts.outcomes].sort()) console.log(`  ${name}: ${times}`)
  for (const [name, times] of [...counts.allowed].sort()) console.log(`  allowed ${name}: ${times}`)
  console.log(failed.length === 0 ? 'all seeds passed' : `failed seeds: ${failed.join(' ')}`)
  return failed.length === 0
}

function tell(report: KafkaReport, showsLog: boolean): void {
  console.log(`seed ${report.seed}: ${report.differences.length} differences`)
  for (const difference of report.differences.slice(0, 8)) console.log(`  ${difference}`)
  if (!showsLog) return
  for (const { level, fields, message } of report.log.slice(-80)) console.log(`  ${level} ${message}`, fields)
}
