// A whole Logdrive on this machine for tests: `logdrive up` with its own folder, ports and YAML.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answers, freePorts, Running, temporaryFolder, until } from './processes.ts'
import { ask } from './stored-lines.ts'

/** What a part of the YAML may want to know. */
export interface Place {
  readonly folder: string
  readonly httpPort: number
  readonly clickhousePort: number
}

export interface SystemOptions {
  /** Topics of the embedded ClickHouse sink. */
  readonly topics?: readonly string[]
  /** More YAML at the top level. */
  readonly more?: (place: Place) => string
  /** The sinks, where it is not the one embedded ClickHouse. */
  readonly sinks?: (place: Place) => string
  /** `up` by default. */
  readonly command?: readonly string[]
  /** Another program than the CLI of this checkout. */
  readonly program?: readonly string[]
}

/** Topics that the tracker writes. */
export const activityTopics = [
  'page_views',
  'clicks',
  'searches',
  'metrics',
  'errors',
  'events',
  'identities',
]

/** One `up`, its URLs, and questions to it. Disposal stops it and removes its folder. */
export interface LocalSystem extends Place, AsyncDisposable {
  readonly running: Running
  readonly url: string
  readonly clickhouse: string
  /** One value out of ClickHouse, as text. */
  ask(query: string): Promise<string>
  /** Resolves when `query` answers `wanted`; gives the last answer when it does not. */
  untilAnswer(query: string, wanted: string, seconds: number): Promise<void>
  /** Resolves when /readyz says yes. */
  ready(): Promise<void>
}

/** Starts `up`; it is not waited for. */
export async function startSystem(options: SystemOptions = {}): Promise<LocalSystem> {
  const temporary = await temporaryFolder()
  const folder = temporary.path
  const [httpPort = 0, clickhousePort = 0] = await freePorts(2)
  const place = { folder, httpPort, clickhousePort }
  await mkdir(join(folder, 'logs'))
  await writeFile(join(folder, 'logdrive.yaml'), yamlOf(options, place))
  const words = [...(options.command ?? ['up']), '-c', join(folder, 'logdrive.yaml')]
  const running = new Running(words, {}, [], options.program)
  const url = `http://127.0.0.1:${httpPort}`
  const clickhouse = `http://127.0.0.1:${clickhousePort}`
  return {
    ...place,
    running,
    url,
    clickhouse,
    ask: (query) => ask(clickhouse, query),
    async untilAnswer(query, wanted, seconds) {
      let last = ''
      const what = () => `${query}: ${last}, not ${wanted}\n${running.output.slice(-4000)}`
      await until(what, seconds, async () => {
        last = await ask(clickhouse, query)
        return last === wanted ? true : null
      })
    },
    async ready() {
      await until(
        () => `ready\n${running.output.slice(-4000)}`,
        60,
        () => answers(`${url}/readyz`),
      )
    },
    async [Symbol.asyncDispose]() {
      await running.stop()
      await running.kill()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

function yamlOf({ topics = activityTopics, more, sinks }: SystemOptions, place: Place): string {
  const warehouse = `  warehouse:
    type: clickhouse
    topics: [${topics.join(', ')}]
    server: embedded
    port: ${place.clickhousePort}
    batch: { rows: 100k, bytes: 32MiB, age: 1s }
`
  return `version: 1
data: ${place.folder}/data
collector:
  http: { listen: "127.0.0.1:${place.httpPort}" }
  kafka: off
sinks:
${sinks?.(place) ?? warehouse}${more?.(place) ?? ''}`
}
