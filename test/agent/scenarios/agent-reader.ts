// The agent as the reader of a scene: the real one, on the real file system, against a receiver on loopback.
import assert from 'node:assert/strict'
import path from 'node:path'
import { type Agent, startAgent } from '../../../agent/agent.ts'
import type { AgentLimits, AgentOptions, FileInput } from '../../../agent/options.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import type { Clock, Files, HttpServer, Runtime } from '../../../core/runtime.ts'
import { nodeRuntime } from '../../../runtime/node.ts'
import { roomyLimits } from '../../conformance/http.ts'
import { Receiver } from '../receiver.ts'
import { logsInput } from '../simulated.ts'
import { type Delivered, isWithin, outcomeOf, type Reader, Scene } from './harness.ts'
import { type Mortal, mortal } from './mortal.ts'

/** What the agent of a scene is told. */
export interface AgentSetup {
  /** Over the usual input `logs`; globs that are not absolute are below the scene's logs. */
  readonly input?: Partial<FileInput>
  readonly limits?: Partial<AgentLimits>
  readonly options?: Partial<AgentOptions>
  /** The world with a fault or a hook in it. */
  readonly world?: (runtime: Runtime) => Runtime
}

/** Short scans; nothing that a slow machine could make too short unless a scenario is about it. */
const limits: Partial<AgentLimits> = {
  scanMs: 15,
  hintMs: 5,
  partialMs: 60_000,
  graceMs: 60_000,
  checkpointMs: 20,
  retryMsMin: 10,
  retryMsMax: 100,
  blockedMs: 50,
}
/** A line that has not arrived by then will not. */
const arrivalMs = 20_000

const real = nodeRuntime({ level: 'silent' })

/** A scene with an agent that is not started yet. */
export function openScene(setup: AgentSetup = {}): Promise<Scene> {
  return new Scene(async (scene) => AgentReader.open(scene, setup)).open()
}

/** Every line that was to be delivered was, once, in order, and nothing else; with `destroys` lines may be missing. */
export async function expectAll(scene: Scene, destroys = false): Promise<void> {
  await scene.settled(destroys)
  const { lost, ...others } = outcomeOf(scene.expected, scene.reader.delivered)
  assert.deepEqual(
    { ...others, lost: destroys ? [] : lost },
    { doubled: [], wrong: [], disordered: [], lost: [] },
  )
}

/** A clock whose wall time is so many ms ahead. */
export function jumping(clock: Clock, jumpMs: () => number): Clock {
  return {
    now: () => clock.now() + jumpMs(),
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  }
}

export class AgentReader implements Reader {
  readonly receiver: Receiver
  /** Where the agent keeps its positions. */
  readonly stateFolder: string
  /** Only scans list it, so that they can be counted. */
  readonly #marker: string
  readonly #scene: Scene
  readonly #setup: AgentSetup
  readonly #server: HttpServer
  #inputs: readonly FileInput[]
  #scans = 0
  #life: { readonly mortal: Mortal; readonly agent: Agent | null } | null = null

  private constructor(scene: Scene, setup: AgentSetup, receiver: Receiver, server: HttpServer) {
    this.receiver = receiver
    this.stateFolder = path.join(scene.folder, 'state')
    this.#marker = path.join(scene.folder, 'marker')
    this.#scene = scene
    this.#setup = setup
    this.#server = server
    this.#inputs = [this.#inputOf(setup.input)]
  }

  static async open(scene: Scene, setup: AgentSetup): Promise<AgentReader> {
    const receiver = new Receiver()
    const server = await real.http.serve({ host: '127.0.0.1', port: 0 }, receiver.handler, roomyLimits)
    return new AgentReader(scene, setup, receiver, server)
  }

  get delivered(): readonly Delivered[] {
    return this.receiver.lines
  }

  status(): AgentStatus {
    const agent = this.#life?.agent
    assert(agent !== null && agent !== undefined, 'the agent runs')
    return agent.status()
  }

  /** With `operationsMax` it dies by itself after so many operations; see `isDead`. */
  async start(operationsMax?: number): Promise<void> {
    assert(this.#life === null, 'the agent does not run yet')
    const world = this.#setup.world?.(real) ?? real
    const life = mortal({ ...world, files: this.#counted(world.files) }, operationsMax)
    const agent = startAgent(this.#options(), life.runtime, new AbortController().signal)
    const died = new Promise<null>((resolve) => life.signal.addEventListener('abort', () => resolve(null)))
    this.#life = { mortal: life, agent: await Promise.race([agent, died]) }
  }

  /** It ran into its `operationsMax`. */
  get isDead(): boolean {
    return this.#life?.mortal.signal.aborted ?? true
  }

  /** Operations of disk, files and network in this life. */
  get operations(): number {
    return this.#life?.mortal.operations ?? 0
  }

  /** Other inputs while it runs, by name, as in `AgentSetup.input`. The answer is the agent's. */
  async reload(inputs: Readonly<Record<string, Partial<FileInput>>>): Promise<boolean> {
    const agent = this.#life?.agent
    assert(agent !== null && agent !== undefined, 'the agent runs')
    const before = new Map(this.#inputs.map((input) => [input.name, JSON.stringify(input)]))
    this.#inputs = Object.entries(inputs).map(([name, input]) => this.#inputOf({ ...input, name }))
    const same = this.#inputs.filter((input) => before.get(input.name) === JSON.stringify(input))
    return await agent.reload({
      inputs: this.#inputs,
      sources: [],
      unchanged: new Set(same.map(({ name }) => name)),
    })
  }

  async stop(): Promise<void> {
    const agent = this.#life?.agent
    this.#life = null
    await agent?.[Symbol.asyncDispose]()
    // A stop that failed is a failed test.
    await agent?.stopped
  }

  async kill(): Promise<void> {
    await this.#life?.mortal.kill()
    this.#life = null
  }

  async looked(times: number): Promise<void> {
    // One that is under way may have looked too early; the last is over when the next begins.
    const wanted = this.#scans + times + 2
    assert(await isWithin(arrivalMs, () => this.#scans >= wanted || this.isDead), 'the agent scans')
  }

  async arrived(count: number): Promise<void> {
    const { lines } = this.receiver
    await isWithin(arrivalMs, () => lines.length >= count || this.isDead)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await this.#server[Symbol.asyncDispose]()
  }

  #options(): AgentOptions {
    const { options } = this.#setup
    return {
      collectors: [`http://127.0.0.1:${this.#server.address.port}`],
      key: null,
      stateFolder: this.stateFolder,
      host: 'web1',
      inputs: this.#inputs,
      ...options,
      limits: { ...limits, ...this.#setup.limits },
    }
  }

  #inputOf(input: Partial<FileInput> = {}): FileInput {
    const paths = (input.paths ?? ['*.log']).map((glob) => path.resolve(this.#scene.logs, glob))
    return { ...logsInput, ...input, paths: [...paths, path.join(this.#marker, '*')] }
  }

  #counted(files: Files): Files {
    return {
      ...files,
      list: (directory) => {
        if (directory === this.#marker) this.#scans += 1
        return files.list(directory)
      },
    }
  }
}
