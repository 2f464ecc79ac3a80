// The input host_metrics: measures this machine every so often and ships what it measured as a source of its own.
import { type PumpEvent, pump } from '../../core/flow.ts'
import { Scope } from '../../core/scope.ts'
import { freshStanding, Sender } from '../inputs/sender.ts'
import { quiet } from '../quiet.ts'
import type { Source, SourceParts } from '../source.ts'
import { inputSourceOf } from '../tail/identity.ts'
import type { HostMetricsInput } from './options.ts'
import { type Sample, sampleOf } from './sample.ts'
import { Sampler } from './sampler.ts'
import { scrapersOf } from './scrapers.ts'
import { drained, Waiting } from './waiting.ts'

/** The source of an input. */
export function hostMetrics(input: HostMetricsInput): Source {
  return { name: input.name, run: (parts, stop, kill) => runHostMetrics(input, parts, stop, kill) }
}

async function runHostMetrics(
  input: HostMetricsInput,
  parts: SourceParts,
  stop: AbortSignal,
  kill: AbortSignal,
): Promise<void> {
  const { runtime, losses, counts, limits } = parts
  const { clock, random } = runtime
  const logger = runtime.logger.child({ input: input.name })
  await using waiting = new Waiting(limits.samplesBytesMax, (sample) => {
    losses.count('metrics_dropped', sample.bytes.length)
    logger.warn({ at: new Date(sample.atMs), points: sample.count }, 'a sample of host metrics was dropped')
  })
  await using sampling = new Scope(stop)
  if (sampling.signal.aborted) return
  sampling.signal.addEventListener('abort', () => waiting.end(), { once: true })
  sampling.spawn((signal) => sampleLoop(input, parts, (sample) => waiting.put(sample), signal))
  const options = {
    retryMsMin: limits.retryMsMin,
    retryMsMax: limits.retryMsMax,
    triesMax: Number.POSITIVE_INFINITY,
    observe(event: PumpEvent<Sample>) {
      if (event.kind === 'written') counts.shipped(event.item.count - event.refused, event.item.bytes.length)
    },
    setAside: async (_: Sample, refusals: readonly { readonly reason: string }[]) => {
      for (const _refusal of refusals) losses.count('metrics_refused', 0)
      logger.warn({ reason: refusals[0]?.reason }, 'the collector refused host metrics')
    },
  }
  await using sender = senderOf(input, parts)
  try {
    await pump(waiting, sender, options, { clock, random, logger: quiet(logger) }, kill)
  } catch (error) {
    if (error !== drained) throw error
  }
  await sampling.wait()
}

function senderOf({ name, topic }: HostMetricsInput, parts: SourceParts): Sender {
  const { agentId, host, zstd, runtime, uplink } = parts
  const source = inputSourceOf(agentId, name)
  const standing = freshStanding({ source, topic, startedAtMs: runtime.clock.now() }, uplink)
  const where = { input: name, path: `host_metrics/${name}`, topic, source, host }
  return new Sender({ ...where, ...standing, zstd, values: 'events' }, uplink, runtime.logger)
}

/** A sample at once, and then one each interval, counted from the first: it does not drift. */
async function sampleLoop(
  input: HostMetricsInput,
  { runtime, losses, host }: SourceParts,
  put: (sample: Sample) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, files } = runtime
  const logger = runtime.logger.child({ input: input.name })
  const sampler = new Sampler(scrapersOf(input, files), { clock, logger, losses })
  const begun = clock.monotonic()
  while (!signal.aborted) {
    const atMs = clock.now()
    const points = await sampler.sample(signal)
    if (signal.aborted) return
    if (points.length > 0) put(sampleOf(points, { atMs, host, random }))
    const passedMs = clock.monotonic() - begun
    await clock.sleep(input.intervalMs - (passedMs % input.intervalMs), signal)
  }
}
