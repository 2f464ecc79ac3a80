// A folder of logs, a receiver on loopback and the agent between them, on the real Runtime.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import { type Agent, startAgent } from '../../../agent/agent.ts'
import type { FileInput } from '../../../agent/options.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import type { Files, HttpServer } from '../../../core/runtime.ts'
import { nodeRuntime } from '../../../runtime/node.ts'
import { roomyLimits } from '../../conformance/http.ts'
import { Receiver } from '../receiver.ts'
import { logsInput } from '../simulated.ts'

const runtime = nodeRuntime({ level: 'silent' })
const limits = { scanMs: 50, hintMs: 10, partialMs: 300, graceMs: 300, retryMsMin: 20, retryMsMax: 200 }

export interface TailSetup {
  readonly input?: Partial<FileInput>
  /** Puts something between the agent and the files. */
  readonly files?: (real: Files) => Files
}

export class TailStage implements AsyncDisposable {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'logdrive-tail-'))
  readonly logs = path.join(this.folder, 'logs')
  readonly receiver: Receiver
  readonly #setup: TailSetup
  readonly #server: HttpServer
  #agent: Agent | null = null

  private constructor(receiver: Receiver, server: HttpServer, setup: TailSetup) {
    this.receiver = receiver
    this.#server = server
    this.#setup = setup
    fs.mkdirSync(this.logs)
  }

  static async open(setup: TailSetup = {}): Promise<TailStage> {
    const receiver = new Receiver()
    const server = await runtime.http.serve({ host: '127.0.0.1', port: 0 }, receiver.handler, roomyLimits)
    return new TailStage(receiver, server, setup)
  }

  get texts(): readonly string[] {
    return this.receiver.texts
  }

  get status(): AgentStatus | undefined {
    return this.#agent?.status()
  }

  async start(): Promise<void> {
    const { input, files } = this.#setup
    const options = {
      collectors: [`http://127.0.0.1:${this.#server.address.port}`],
      key: null,
      stateFolder: path.join(this.folder, 'state'),
      host: 'web1',
      inputs: [{ ...logsInput, paths: [path.join(this.logs, '*')], ...input }],
      limits,
    }
    const world = { ...runtime, files: files?.(runtime.files) ?? runtime.files }
    this.#agent = await startAgent(options, world, new AbortController().signal)
  }

  async stop(): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]()
    this.#agent = null
  }

  async arrived(count: number): Promise<void> {
    await expect
      .poll(() => this.receiver.lines.length, { timeout: 20_000, interval: 5 })
      .toBeGreaterThanOrEqual(count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#server[Symbol.asyncDispose]()
    fs.rmSync(this.folder, { recursive: true, force: true })
  }
}
