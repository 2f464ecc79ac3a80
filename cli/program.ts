// A program of commands: finds the command, reads its arguments, prints its trouble, sets the exit code.

import { addAbortSignal } from 'node:stream'
import { didYouMean } from '../config/suggest.ts'
import { LogdriveError } from '../core/errors.ts'
import { exitCodes, helpOf, type Io, readArguments } from './command.ts'
import type { Entry } from './commands.ts'
import { colour, escapeForTerminal, streamOutput } from './output.ts'
import { version } from './version.ts'

/** What differs between the programs that are made of commands. */
export interface Program {
  readonly name: string
  /** One sentence, the first line of help. */
  readonly about: string
  /** In the order help shows them. */
  readonly commands: readonly Entry[]
  /** The command that is meant where the first word is an option. */
  readonly otherwise?: string
}

/** Runs the command that the words ask for. Sets the exit code; never rejects. */
export async function runProgram(program: Program, words: readonly string[]): Promise<void> {
  const stopping = new AbortController()
  const io = processIo(stopping)
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // The second one means: at once.
      if (stopping.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143)
      stopping.abort(new Error(`stopped by ${name}`))
    })
  }
  process.exitCode = await run(program, words, io, stopping.signal).catch((error: unknown) =>
    report(program, error, io, stopping.signal),
  )
}

async function run(program: Program, words: readonly string[], io: Io, signal: AbortSignal): Promise<number> {
  const { commands, otherwise } = program
  const [name, ...rest] = words
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const asked = name === 'help' ? rest[0] : undefined
    if (asked !== undefined) return await run(program, [asked, '--help'], io, signal)
    await (name === undefined ? io.stderr : io.stdout).write(overview(program))
    return name === undefined ? exitCodes.usage : exitCodes.good
  }
  if (name === '--version' || name === '-v' || name === 'version') {
    await io.stdout.write(`${version()}\n`)
    return exitCodes.good
  }
  if (otherwise !== undefined && name.startsWith('-'))
    return await run(program, [otherwise, ...words], io, signal)
  const names = commands.map((entry) => entry.name)
  const entry = commands.find((one) => one.name === name)
  if (entry === undefined) {
    const kind = name.startsWith('-') ? 'option' : 'command'
    const shown = JSON.stringify(name.slice(0, 60))
    throw new LogdriveError('USAGE', `unknown ${kind} ${shown}${didYouMean(name, names)}`, {
      hint: `${program.name} --help lists the commands`,
    })
  }
  const command = await entry.load()
  if (wantsHelp(rest)) {
    await io.stdout.write(helpOf(command, program.name))
    return exitCodes.good
  }
  try {
    return await command.run(readArguments(rest, command.options), io, signal)
  } catch (error) {
    if (!(error instanceof LogdriveError) || error.code !== 'USAGE' || error.hint !== null) throw error
    const hint = `${program.name} ${name} --help shows how`
    throw new LogdriveError('USAGE', `${name}: ${error.message}`, { hint, cause: error })
  }
}

/** Prints trouble to stderr and says which exit code it is. */
async function report(program: Program, error: unknown, io: Io, signal: AbortSignal): Promise<number> {
  // Ctrl-C, or a reader that went away, is no trouble.
  if (signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError')))
    return exitCodes.good
  const label = colour(`${program.name}:`, 'red', io.stderr)
  if (!(error instanceof LogdriveError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    await io.stderr.write(`${label} this is a bug, please report it:\n${escapeForTerminal(text)}\n`)
    return exitCodes.failed
  }
  const hint = error.hint === null ? '' : `  ${error.hint}\n`
  await io.stderr.write(`${label} ${escapeForTerminal(error.message)}\n${escapeForTerminal(hint)}`)
  return exitCodeOf(error)
}

function exitCodeOf(error: LogdriveError): number {
  switch (error.code) {
    case 'USAGE':
      return exitCodes.usage
    case 'CONFIG_INVALID':
      return exitCodes.config
    case 'DISK_FAILED':
      return exitCodes.disk
    default:
      return exitCodes.failed
  }
}

function processIo(stopping: AbortController): Io {
  const onClosed = () => stopping.abort(new Error('the reader of the output went away'))
  const { env } = process
  const noColour = (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb'
  return {
    // Opened only by who reads it; a stop ends the reading.
    get stdin() {
      return addAbortSignal(stopping.signal, process.stdin)
    },
    stdout: streamOutput(process.stdout, noColour, onClosed),
    stderr: streamOutput(process.stderr, noColour, onClosed),
    variable: (name) => env[name],
  }
}

function overview({ name, about, commands, otherwise }: Program): string {
  const width = Math.max(...commands.map((entry) => entry.name.length)) + 2
  const lines = commands.map((entry) => `  ${entry.name.padEnd(width)}${entry.summary}`)
  return [
    about,
    '',
    `Usage: ${name} ${otherwise === undefined ? 'COMMAND' : `[COMMAND, else ${otherwise}]`} [options]`,
    '',
    ...lines,
    '',
    `${name} COMMAND --help shows its options with examples. ${name} --version shows the version.`,
    'Exit codes: 0 good, 1 failed, 2 wrong usage, 75 the disk failed, 78 configuration error.',
    '',
  ].join('\n')
}

function wantsHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  const own = end < 0 ? words : words.slice(0, end)
  return own.includes('--help') || own.includes('-h')
}
