// What the Node drivers of the interop rig share: jobs as JSON lines on stdin, events as JSON lines on stdout (job.ts).
import { createInterface } from 'node:readline'
import type {
  AdminJob,
  AdminStep,
  ConsumedRecord,
  ConsumeJob,
  Done,
  DriverEvent,
  Job,
  MemberJob,
  ProduceJob,
  TransactJob,
} from '../job.ts'

/** One client, spoken to by the rig. A thrown error is the job's error. */
export interface Operations {
  produce(job: ProduceJob): Promise<Done>
  consume(job: ConsumeJob): Promise<Done>
  /** Runs until the signal fires, then leaves the group. */
  member(job: MemberJob, signal: AbortSignal): Promise<Done>
  step(job: AdminJob, step: AdminStep): Promise<unknown>
  transact(job: TransactJob): Promise<Done>
}

export function tell(event: DriverEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

export function tellRecord(record: ConsumedRecord): void {
  tell({ ev: 'record', ...record })
}

/** Resolves when `wanted` calls were made or the time is over. */
export function countdown(
  wanted: number,
  timeoutMs: number,
): { count(): void; readonly over: Promise<void> } {
  let left = wanted
  let resolve = () => {}
  const over = new Promise<void>((settle) => {
    resolve = settle
  })
  const timer = setTimeout(resolve, timeoutMs)
  const count = () => {
    left -= 1
    if (left > 0) return
    clearTimeout(timer)
    resolve()
  }
  return { count, over }
}

/** Answers jobs until stdin ends. */
export async function serve(operations: Operations): Promise<void> {
  const stop = new AbortController()
  process.on('SIGTERM', () => stop.abort())
  for await (const line of createInterface({ input: process.stdin })) {
    const job = JSON.parse(line) as Job
    try {
      const done = await perform(operations, job, stop.signal)
      tell({ ev: 'done', ...done })
    } catch (error) {
      tell({ ev: 'error', message: sentenceOf(error) })
    }
    if (job.op === 'member') break
  }
  process.exit(0)
}

async function perform(operations: Operations, job: Job, signal: AbortSignal): Promise<Done> {
  switch (job.op) {
    case 'produce':
      return operations.produce(job)
    case 'consume':
      return operations.consume(job)
    case 'member':
      return operations.member(job, signal)
    case 'transact':
      return operations.transact(job)
    case 'admin': {
      const results: unknown[] = []
      for (const step of job.steps) {
        results.push(
          await operations.step(job, step).catch((error: unknown) => ({ error: sentenceOf(error) })),
        )
      }
      return { results }
    }
  }
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError ? error.errors.map(sentenceOf).join('; ') : ''
  const cause = error.cause === undefined ? '' : ` (${sentenceOf(error.cause)})`
  return `${error.name}: ${error.message}${inner === '' ? '' : ` [${inner}]`}${cause}`
}
