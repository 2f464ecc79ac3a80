// Sample: the points of one moment as JSON lines, one record each, in the shape of the topic `metrics`.
import type { Random } from '../../core/runtime.ts'
import type { Point } from './point.ts'

/** Lines `0..count` are `bytes.subarray(ends[i - 1] + 1, ends[i])`: a newline is between them. */
export interface Sample {
  readonly bytes: Uint8Array
  readonly ends: readonly number[]
  readonly count: number
  /** Wall-clock ms. */
  readonly atMs: number
}

export interface SampleFacts {
  readonly atMs: number
  readonly host: string
  /** For the events' ids: made once, so that a repeated batch is the same one. */
  readonly random: Random
}

/** Writes the points down; at least one. */
export function sampleOf(points: readonly Point[], { atMs, host, random }: SampleFacts): Sample {
  const ts = new Date(atMs).toISOString()
  const lines = points.map(({ metric, kind, unit, value, attributes }) =>
    JSON.stringify({
      event_id: random.uuid(),
      ts,
      client_ts: ts,
      // No collector touches the batches of agents; a row without it would have come in 1970.
      received_at: ts,
      hostname: host,
      metric,
      kind,
      unit,
      value,
      lib: 'logdrive-agent',
      props_string: { 'host.name': host, ...attributes },
    }),
  )
  let end = -1
  const ends = lines.map((line) => {
    end += 1 + Buffer.byteLength(line)
    return end
  })
  return { bytes: Buffer.from(lines.join('\n')), ends, count: lines.length, atMs }
}
