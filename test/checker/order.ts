// Order: what one process sends and polls must go forward in the log, without holes where it chose its partitions itself.
import type { Anomaly } from './anomalies.ts'
import type { History, Operation } from './history.ts'
import { type Logs, placeOf } from './partition-log.ts'

/** What one process has last read and sent, by key, as dense places. */
interface Progress {
  readonly polled: Map<string, number>
  readonly sent: Map<string, number>
  subscribed: boolean
}

/** Anomalies of order, within operations and between those of one process. */
export function orderAnomalies(history: History, logs: Logs): readonly Anomaly[] {
  const found: Anomaly[] = []
  const processes = new Map<string, Progress>()
  for (const each of history) {
    let progress = processes.get(each.process)
    if (progress === undefined || each.verb === 'crash') {
      progress = { polled: new Map(), sent: new Map(), subscribed: false }
      processes.set(each.process, progress)
    }
    if (each.verb === 'assign' || each.verb === 'subscribe') reassign(each, progress)
    else if (each.outcome === 'ok') {
      checkPolls(each, logs, progress, found)
      checkSends(each, logs, progress, found)
    }
  }
  return found
}

/** A key that is read on keeps its place; one that was left and taken again begins anew. */
function reassign(each: Operation, progress: Progress): void {
  const kept = new Set(each.keys)
  for (const key of progress.polled.keys()) if (!kept.has(key)) progress.polled.delete(key)
  progress.subscribed = each.verb === 'subscribe'
}

function checkPolls(each: Operation, logs: Logs, progress: Progress, found: Anomaly[]): void {
  const inside = new Map<string, number>()
  for (const step of each.steps) {
    if (step.kind !== 'poll') continue
    for (const { offset, value } of step.reads) {
      const at = placeOf(logs, step.key, offset)
      const before = inside.get(step.key)
      const earlier = before ?? progress.polled.get(step.key)
      inside.set(step.key, at)
      if (earlier === undefined || at === earlier + 1) continue
      if (before !== undefined && each.rebalanced.includes(step.key)) continue
      const skips = at > earlier
      const outside = skips ? 'poll-skip' : 'nonmonotonic-poll'
      const within = skips ? 'int-poll-skip' : 'int-nonmonotonic-poll'
      found.push({
        name: before === undefined ? outside : within,
        // A group may give a partition to somebody else and back.
        allowed: before === undefined && progress.subscribed,
        what: `${each.process} read ${step.key}@${offset} (value ${value}), ${at - earlier} places after the last`,
      })
    }
  }
  for (const [key, at] of inside) progress.polled.set(key, at)
}

function checkSends(each: Operation, logs: Logs, progress: Progress, found: Anomaly[]): void {
  const inside = new Map<string, number>()
  for (const step of each.steps) {
    if (step.kind !== 'send') continue
    const at = placeOf(logs, step.key, step.offset)
    if (at === -1) continue
    const before = inside.get(step.key)
    const earlier = before ?? progress.sent.get(step.key)
    inside.set(step.key, at)
    if (earlier === undefined || at === earlier + 1) continue
    const what = `${each.process} sent ${step.value} to ${step.key}@${step.offset}, ${at - earlier} places after the last`
    if (at <= earlier) {
      const name = before === undefined ? 'nonmonotonic-send' : 'int-nonmonotonic-send'
      found.push({ name, allowed: false, what })
    } else if (before !== undefined) found.push({ name: 'int-send-skip', allowed: true, what })
  }
  for (const [key, at] of inside) progress.sent.set(key, at)
}
