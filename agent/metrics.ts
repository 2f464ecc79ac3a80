// Metrics: the status of an agent in Prometheus' text format 0.0.4.
import type { Address, Http, HttpServer } from '../core/runtime.ts'
import type { ParsingStatus } from './parsing.ts'
import type { AgentStatus, FileStatus } from './status.ts'

export interface MetricsOptions {
  readonly listen: Address
  /** Files with series of their own: those with the longest lag. The sums are of all. */
  readonly filesMax: number
}

const limits = { headersMs: 5000, requestMs: 10_000, connectionsMax: 32, headerBytesMax: 16 * 1024 }

/** Serves GET /metrics until disposal. Throws PORT_TAKEN, FORBIDDEN, CONFIG_INVALID. */
export async function serveMetrics(
  options: MetricsOptions,
  status: () => AgentStatus,
  http: Http,
): Promise<HttpServer> {
  const text = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' }
  return await http.serve(
    options.listen,
    async ({ method, path }) => {
      if (path !== '/metrics') return { status: 404, headers: text, body: 'GET /metrics\n' }
      if (method !== 'GET') return { status: 405, headers: { ...text, allow: 'GET' }, body: 'GET /metrics\n' }
      return { status: 200, headers: text, body: metricsText(status(), options.filesMax) }
    },
    limits,
  )
}

/** All metrics of a status. */
export function metricsText(status: AgentStatus, filesMax: number): string {
  return [
    ...agentFamilies(status),
    ...lineFamilies(status),
    ...inputFamilies(status),
    ...uplinkFamilies(status),
    ...fileFamilies(status, filesMax),
  ]
    .map(write)
    .join('')
}

interface Family {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly Sample[]
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

function gauge(name: string, help: string, value: number | readonly Sample[]): Family {
  const samples = typeof value === 'number' ? [[{}, value] as const] : value
  return { name: `logdrive_agent_${name}`, kind: 'gauge', help, samples }
}

function counter(name: string, help: string, value: number | readonly Sample[]): Family {
  return { ...gauge(name, help, value), kind: 'counter' }
}

function agentFamilies(status: AgentStatus): readonly Family[] {
  const { losses, lossesEver, missing, deletions, files } = status
  const byReason = (counts: AgentStatus['losses'], pick: 'times' | 'bytes') =>
    Object.entries(counts).map(([reason, loss]): Sample => [{ reason }, loss[pick]])
  const states = ['following', 'rotated', 'unreadable'] as const
  const count = (state: string) => files.filter((file) => file.state === state).length
  return [
    gauge('info', 'Always 1.', [[{ agent: status.agent, host: status.host }, 1]]),
    gauge('start_time_seconds', 'When the agent was started, since 1970.', status.startedAt / 1000),
    gauge(
      'files',
      'Followed files.',
      states.map((state) => [{ state }, count(state)]),
    ),
    gauge('unobservable_paths', 'Paths that cannot be looked at.', status.unobservable.length),
    gauge('open_files', 'Handles of followed files.', status.openFiles),
    gauge('scan_seconds', 'What the last scan of all globs took.', status.scanMs / 1000),
    gauge('lag_bytes', 'Bytes of all files that are not acknowledged.', status.lagBytes),
    gauge('lag_seconds', 'Age of the oldest byte that is not acknowledged.', status.lagMs / 1000),
    gauge('batches_in_flight', 'Batches read and not yet acknowledged.', status.batchesInFlight),
    gauge('state_writable', '0 when positions cannot be written.', status.stateTrouble === null ? 1 : 0),
    gauge('missing_files', 'Files that went before all of them was read.', missing.times),
    gauge('missing_bytes', 'What is missing of them: lost unless they turn up again.', missing.bytes),
    counter('losses_total', 'What was not delivered: times, by reason.', byReason(losses, 'times')),
    counter('lost_bytes_total', 'What was not delivered: bytes, by reason.', byReason(losses, 'bytes')),
    counter('losses_ever', 'As losses_total, over all starts.', byReason(lossesEver, 'times')),
    counter('lost_bytes_ever', 'As lost_bytes_total, over all starts.', byReason(lossesEver, 'bytes')),
    counter('deleted_files_total', 'Files removed after they were shipped.', deletions.files),
    counter('deleted_bytes_total', 'Their size.', deletions.bytes),
    counter(
      'deletion_failures_total',
      'Tries to remove a file that failed, by reason.',
      Object.entries(deletions.failures).map(([reason, times]) => [{ reason }, times]),
    ),
  ]
}

/** What became of lines where there is a parser or a transform, and of all that an input that is no file read. */
function lineFamilies({ parsing, sources }: AgentStatus): readonly Family[] {
  const { each, split } = samplesOf<Partial<ParsingStatus>>({ ...parsing, ...sources })
  return [
    counter(
      'parsed_lines_total',
      'Lines that were made records of.',
      each(({ lines }) => lines),
    ),
    counter(
      'unparsed_lines_total',
      'Lines that did not parse and were shipped whole.',
      split('reason', ({ unparsed }) => unparsed),
    ),
    counter(
      'filtered_lines_total',
      'Lines that a filter left out.',
      each(({ filtered }) => filtered),
    ),
    counter(
      'sampled_lines_total',
      'Lines that were left out by chance.',
      each(({ sampled }) => sampled),
    ),
    counter(
      'redacted_values_total',
      'Values that were replaced.',
      split('kind', ({ redacted }) => redacted),
    ),
    counter(
      'transform_errors_total',
      'Steps that could not be done for a record, which was shipped without them.',
      split('reason', ({ transformErrors }) => transformErrors),
    ),
  ]
}

/** Of the inputs that are no files. */
function inputFamilies({ sources }: AgentStatus): readonly Family[] {
  const { each, split } = samplesOf(sources)
  return [
    counter(
      'input_records_total',
      'Records of an input that is no file, acknowledged.',
      each(({ records }) => records),
    ),
    counter(
      'input_bytes_total',
      'Bytes of these records.',
      each(({ bytes }) => bytes),
    ),
    counter(
      'input_losses_total',
      'What such an input did not deliver: times, by reason.',
      split('reason', ({ lost }) => lost),
    ),
    counter(
      'input_starts_total',
      'Starts of the program that an input reads.',
      each(({ runs, starts }) => runs ?? starts),
    ),
    counter(
      'input_exits_total',
      'Ends of such a program, by exit code or signal.',
      split('code', ({ exits }) => exits),
    ),
    counter(
      'input_timeouts_total',
      'Runs of such a program that took too long.',
      each(({ timeouts }) => timeouts),
    ),
    counter(
      'input_datagrams_total',
      'Datagrams that came.',
      each(({ datagrams }) => datagrams),
    ),
    gauge(
      'input_connections',
      'Open connections of senders.',
      each(({ connections }) => connections),
    ),
    counter(
      'input_malformed_total',
      'Connections closed because what came was not framed.',
      each(({ malformed }) => malformed),
    ),
  ]
}

/** A sample for each input that has such a count, or for each name among its counts. */
function samplesOf<T>(inputs: Readonly<Record<string, T>>) {
  const all = Object.entries(inputs)
  return {
    each: (pick: (one: T) => number | undefined): readonly Sample[] =>
      all.flatMap(([input, one]) => {
        const value = pick(one)
        return value === undefined ? [] : [[{ input }, value] as const]
      }),
    split: (
      label: string,
      pick: (one: T) => Readonly<Record<string, number>> | undefined,
    ): readonly Sample[] =>
      all.flatMap(([input, one]) =>
        Object.entries(pick(one) ?? {}).map(([name, value]): Sample => [{ input, [label]: name }, value]),
      ),
  }
}

function uplinkFamilies({ uplink }: AgentStatus): readonly Family[] {
  const states = ['good', 'retrying', 'blocked'] as const
  return [
    gauge(
      'uplink_state',
      '1 for the state of the way to the collector.',
      states.map((state) => [{ state }, uplink.state === state ? 1 : 0]),
    ),
    gauge(
      'uplink_preferred',
      '1 when the first collector of the list is in use.',
      uplink.isPreferred ? 1 : 0,
    ),
    gauge('requests_in_flight', 'Requests that are open.', uplink.requestsInFlight),
    gauge('requests_limit', 'Requests that may be open now.', uplink.requestsLimit),
    gauge('in_flight_bytes', 'Bodies of the requests that are open.', uplink.bytesInFlight),
    counter('requests_total', 'Requests to collectors.', uplink.requests),
    counter('retries_total', 'Requests that failed.', uplink.retries),
    counter('sent_bytes_total', 'Bodies of the requests that were answered.', uplink.bytesSent),
  ]
}

function fileFamilies({ files }: AgentStatus, filesMax: number): readonly Family[] {
  const shown = [...files]
    .sort((one, other) => other.lagMs - one.lagMs || other.lagBytes - one.lagBytes || other.size - one.size)
    .slice(0, filesMax)
  const each = (pick: (file: FileStatus) => number) =>
    shown.map((file): Sample => [{ path: file.path, input: file.input, source: file.source }, pick(file)])
  return [
    gauge(
      'file_size_bytes',
      'Size of a file.',
      each((file) => file.size),
    ),
    gauge(
      'file_position_bytes',
      'Acknowledged up to here.',
      each((file) => file.position),
    ),
    gauge(
      'file_lag_bytes',
      'Bytes that are not acknowledged.',
      each((file) => file.lagBytes),
    ),
    gauge(
      'file_lag_seconds',
      'Age of the oldest of them.',
      each((file) => file.lagMs / 1000),
    ),
    counter(
      'file_shipped_bytes_total',
      'Bytes acknowledged since the start.',
      each((file) => file.shippedBytes),
    ),
    counter(
      'file_shipped_lines_total',
      'Lines acknowledged since the start.',
      each((file) => file.shippedLines),
    ),
    gauge('files_without_series', 'Files that have none of their own.', files.length - shown.length),
  ]
}

function write({ name, kind, help, samples }: Family): string {
  const lines = samples.map(([labels, value]) => {
    const shown = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
    return `${name}${shown.length > 0 ? `{${shown.join(',')}}` : ''} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join('')}`
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
