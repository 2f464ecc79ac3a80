// Programs of this machine: started without a shell in a group of their own, and ended with all of it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { LogdriveError, systemCode } from '../core/errors.ts'
import type { ByteStream, ProcessCommand, ProcessExit, Processes, StartedProcess } from '../core/runtime.ts'
import { byteStream } from './byte-stream.ts'

/** Processes of node. */
export const nodeProcesses: Processes = { start }

async function start(command: ProcessCommand): Promise<StartedProcess> {
  const { program, folder } = command
  let child: ChildProcess
  try {
    child = spawn(program, command.arguments, {
      env: command.environment,
      ...(folder === null ? {} : { cwd: folder }),
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own session and group: a signal to the group reaches what it started, and none of ours.
      detached: true,
    })
    await once(child, 'spawn')
  } catch (error) {
    throw startError(command, error)
  }
  return new NodeProcess(child, program)
}

class NodeProcess implements StartedProcess {
  readonly stdout: ByteStream
  readonly stderr: ByteStream
  readonly exited: Promise<ProcessExit>
  readonly #child: ChildProcess

  constructor(child: ChildProcess, program: string) {
    this.#child = child
    this.stdout = byteStream(child.stdout as Readable, `the output of ${program}`)
    this.stderr = byteStream(child.stderr as Readable, `the errors of ${program}`)
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    // Such as a signal that may not be sent: whoever sent it sees that nothing ended.
    child.on('error', () => undefined)
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, name)
    } catch {
      // The group is gone.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL')
    await this.exited
    await this.stdout[Symbol.asyncDispose]()
    await this.stderr[Symbol.asyncDispose]()
  }
}

function startError({ program, folder }: ProcessCommand, error: unknown): LogdriveError {
  const code = systemCode(error)
  const where = folder === null ? '' : ` in ${folder}`
  const message = `cannot start ${program}${where}: ${code}`
  if (code === 'ENOENT') {
    const hint =
      'Install it, or name it with its whole path; the PATH it is looked for in is that of `environment`.'
    return new LogdriveError('NOT_FOUND', message, { cause: error, hint })
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'Give the user that runs the agent the right to execute it.'
    return new LogdriveError('FORBIDDEN', message, { cause: error, hint })
  }
  return new LogdriveError('UNAVAILABLE', message, { cause: error })
}
