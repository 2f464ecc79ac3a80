// Runs of Kafka's command-line tools in a job: to their end, or as a consumer that tells by its log where it stands.
import type { Workplace } from '../command-driver.ts'
import { JavaTool } from '../java-tool.ts'
import type { ConsumeJob } from '../job.ts'
import { settingsFile, type Toolbox, targetOf } from './toolbox.ts'

export const groupCommand = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'

/** For kafka-consumer-groups, which gives up after 5 s else. */
export const patience = ['--timeout', '30000']

const consumers = 'org.apache.kafka.clients.consumer.internals'

/** Classes of the consumer that log what it was assigned, and where it begins to read. */
const tellsPlaces = ['SubscriptionState', 'ConsumerRebalanceListenerInvoker', 'ConsumerUtils'].map(
  (name) => `${consumers}.${name}`,
)

/** Runs a tool to its end and gives the lines that it printed. What it logs as an error is one, whatever its exit code. */
export async function outputOf(
  toolbox: Toolbox,
  mainClass: string,
  args: readonly string[],
  input = '',
): Promise<readonly string[]> {
  const log = { level: 'error', info: [] } as const
  await using tool = await JavaTool.start(mainClass, args, { version: toolbox.version, log })
  tool.stdin.end(input)
  const code = await tool.ended(60_000)
  const trouble = /^.*(ERROR|Exception).*$/m.exec(`${tool.errors}\n${tool.lines.join('\n')}`)?.[0]
  if (code === 0 && trouble === undefined) return tool.lines
  throw new Error(`${mainClass} ended with ${code}: ${trouble ?? tool.errors.slice(-500)}`)
}

/** Starts a consumer that tells its assignment by its log; `ready` is told when it knows where to begin in each partition. */
export async function startConsumer(
  toolbox: Toolbox,
  mainClass: string,
  args: readonly string[],
  place: Workplace,
  onOutput?: (chunk: Buffer) => void,
): Promise<JavaTool> {
  const held = new Set<string>()
  const placed = new Set<string>()
  const onError = (line: string) => {
    const list = (name: RegExp) => (name.exec(line)?.[1] ?? '').match(/[^\s[\],]+-\d+/g) ?? []
    for (const name of list(/Adding newly assigned partitions:? (.*)/)) held.add(name)
    for (const name of list(/(?:Revoke previously|Lost previously) assigned partitions:? (.*)/)) {
      held.delete(name)
      placed.delete(name)
    }
    for (const name of list(/(?:Resetting|Setting) offset for partition (\S+) to /)) placed.add(name)
    if (/assigned partitions/.test(line)) place.assigned([...held].map(partitionOf))
    if (held.size > 0 && [...held].every((name) => placed.has(name))) place.ready()
  }
  const tool = await JavaTool.start(mainClass, args, {
    version: toolbox.version,
    log: { level: 'error', info: tellsPlaces },
    onError,
    ...(onOutput === undefined ? {} : { onOutput }),
  })
  place.started({ end: (signal) => tool.end(signal, 15_000) })
  return tool
}

function partitionOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1))
}

/** Waits for a consumer to have read what it was asked to. A member goes on until it is sent a signal. */
export async function consumed(tool: JavaTool): Promise<void> {
  const code = await tool.ended(600_000)
  const trouble = /^.*(ERROR|Exception).*$/m.exec(tool.errors)?.[0]
  if (code !== 0 && code !== null && code !== 143) {
    throw new Error(`it ended with ${code}: ${trouble ?? tool.errors.slice(-500)}`)
  }
}

/**
 * The settings of a consumer of a job. No tool begins at a time, but each begins where its group stands: that is moved
 * there by kafka-consumer-groups.
 */
export async function consumerSettings(toolbox: Toolbox, job: ConsumeJob, place: Workplace): Promise<string> {
  if (typeof job.from === 'object') {
    const time = new Date(job.from.time).toISOString()
    const args = [...targetOf(job), '--group', job.group, '--reset-offsets', '--to-datetime', time]
    await outputOf(toolbox, groupCommand, [...args, '--execute', ...patience])
  }
  return settingsFile(job, place, { 'isolation.level': job.isolation ?? 'read_uncommitted' })
}
