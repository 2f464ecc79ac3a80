// Commands that run to their end, with a limit of time; a failed one throws with the last of what it said.
import { spawn } from 'node:child_process'

/** Settings of a command. `input` goes to its stdin; `logged` lines of its output are passed to the caller. */
export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  readonly timeoutMs?: number
}

/** What a command left: exit code (or signal) and its output as bytes. */
export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly timedOut: boolean
}

/** Before the words of a command: it is killed when this process ends, also by a kill -9. Linux. */
export const boundToUs = { program: 'setpriv', words: ['--pdeathsig', 'KILL', '--'] } as const

const outputBytesMax = 256 * 1024 * 1024

/** Runs a command in a process group of its own, which is killed when the time is over. */
export function outcomeOf(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Outcome> {
  const { cwd, env = {}, input, timeoutMs = 600_000 } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    let bytes = 0
    let timedOut = false
    const kill = () => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has ended meanwhile.
      }
    }
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, timeoutMs)
    const keep = (pieces: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > outputBytesMax) kill()
      else pieces.push(chunk)
    }
    child.stdout.on('data', keep(out))
    child.stderr.on('data', keep(err))
    child.stdin.on('error', () => {})
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout: Buffer.concat(out), stderr: Buffer.concat(err), timedOut })
    })
    child.stdin.end(input)
  })
}

/** Runs a command that must work. Throws with the end of its output. Returns its stdout. */
export async function run(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const outcome = await outcomeOf(program, args, options)
  if (outcome.code === 0) return outcome.stdout.toString('utf8')
  const why = outcome.timedOut ? 'took too long' : `ended with ${outcome.code ?? outcome.signal}`
  const said = `${outcome.stdout.toString('utf8')}\n${outcome.stderr.toString('utf8')}`.trim().slice(-2000)
  throw new Error(`${[program, ...args].join(' ').slice(0, 400)} ${why}:\n${said}`)
}
