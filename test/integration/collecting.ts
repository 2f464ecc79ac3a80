// An agent process of the CLI and a collector that keeps what arrives, for the tests of inputs.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeRuntime } from '../../runtime/node.ts'
import { Receiver } from '../agent/receiver.ts'
import { roomyLimits } from '../conformance/http.ts'
import { Running, temporaryFolder, until } from './processes.ts'

export interface Collecting extends AsyncDisposable {
  readonly folder: string
  /** Of the collector. */
  readonly url: string
  readonly receiver: Receiver
  /** The agent's configuration. */
  readonly file: string
  /** Starts the agent as a process of its own, which ends at disposal. */
  start(env?: Readonly<Record<string, string>>): Running
  /** Records as objects. */
  records(): readonly LogRecord[]
  /** Resolves when so many records are there. */
  arrived(count: number): Promise<void>
}

/** A record in the shape of `logs`. */
export interface LogRecord {
  readonly ts: string
  readonly body: string
  readonly severity_number?: number
  readonly severity_text?: string
  readonly service_name?: string
  readonly attrs_string?: Readonly<Record<string, string>>
  readonly attrs_number?: Readonly<Record<string, number>>
}

/** `inputs` is YAML, indented by four blanks. */
export async function collecting(inputs: (folder: string) => string): Promise<Collecting> {
  const temporary = await temporaryFolder()
  const folder = temporary.path
  const receiver = new Receiver()
  const server = await nodeRuntime({ level: 'silent' }).http.serve(
    { host: '127.0.0.1', port: 0 },
    receiver.handler,
    roomyLimits,
  )
  const file = join(folder, 'agent.yaml')
  const agents: Running[] = []
  const url = `http://127.0.0.1:${server.address.port}`
  await writeFile(
    file,
    `version: 1\nagent:\n  collector: ${url}\n  state: ${folder}/state\n  inputs:\n${inputs(folder)}\n`,
  )
  return {
    folder,
    url,
    receiver,
    file,
    start(env) {
      const agent = new Running(['agent', '-c', file], env)
      agents.push(agent)
      return agent
    },
    records: () =>
      receiver.texts.map((text): LogRecord => JSON.parse(Buffer.from(text, 'latin1').toString())),
    async arrived(count) {
      const what = () =>
        `${receiver.lines.length} of ${count} records\n${agents
          .map(({ output }) => output)
          .join('\n')
          .slice(-4000)}`
      await until(what, 60, async () => (receiver.lines.length >= count ? true : null), 20)
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent.kill()
      await server[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
}
