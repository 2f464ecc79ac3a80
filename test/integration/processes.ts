// Real Logdrive processes for tests: started through the CLI, watched, killed by pid, gone at the end.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const root = join(import.meta.dirname, '../..')
export const node = join(root, 'node_modules/.bin/node')
export const cli = join(root, 'cli/bin.js')

/** A command of the CLI that goes on until it is stopped; what it wrote is kept for the message of a failed test. */
export class Running implements AsyncDisposable {
  readonly args: readonly string[]
  readonly #env: Readonly<Record<string, string>>
  readonly #before: readonly string[]
  readonly #program: readonly string[]
  #child: ChildProcess
  #output = ''

  /** `before` is a command that runs the command it is given, such as `setpriv`; `program` another one than the CLI. */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    before: readonly string[] = [],
    program: readonly string[] = [node, cli],
  ) {
    this.args = args
    this.#env = env
    this.#before = before
    this.#program = program
    this.#child = this.#spawn()
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** The last of what it wrote to stdout and stderr. */
  get output(): string {
    return this.#output
  }

  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** kill -9, resolved when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Asks it to stop and gives its exit code. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<number | null> {
    await this.#end(signal)
    return this.#child.exitCode
  }

  /** Sends a signal that it is to live with. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** The same command again. */
  restart(): void {
    this.#child = this.#spawn()
  }

  /** Resolves with the exit code when it ends by itself. */
  async ended(): Promise<number | null> {
    if (!this.exited) await new Promise((resolve) => this.#child.once('exit', resolve))
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #spawn(): ChildProcess {
    const [program = node, ...words] = [...this.#before, ...this.#program, ...this.args]
    const child = spawn(program, words, {
      env: { ...process.env, NO_COLOR: '1', ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-200_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    return child
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.exited) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill(signal)
    await gone
  }
}

/** A folder of its own, removed at disposal. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'logdrive-test-'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Asks again and again until the answer is not null; fails with `what` after `seconds`. */
export async function until<T>(
  what: string | (() => string),
  seconds: number,
  ask: () => Promise<T | null>,
  everyMs = 50,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000
  let last: unknown = null
  while (performance.now() < deadline) {
    try {
      const answer = await ask()
      if (answer !== null) return answer
    } catch (error) {
      last = error
    }
    await delay(everyMs)
  }
  const name = typeof what === 'string' ? what : what()
  throw new Error(`not within ${seconds} s: ${name}`, last === null ? undefined : { cause: last })
}

/** True when the URL answers 200. */
export async function answers(url: string): Promise<true | null> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
  await response.arrayBuffer()
  return response.status === 200 ? true : null
}
