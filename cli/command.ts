// What a command is, and how its arguments are read: a small table over node:util parseArgs.

import { parseArgs } from 'node:util'
import { didYouMean } from '../config/suggest.ts'
import { LogdriveError } from '../core/errors.ts'
import type { Output } from './output.ts'

/**
 * Exit codes, as interfaces.md promises them. `disk`: a write or a sync of our own log failed, and a start recovers what
 * it holds (75 is EX_TEMPFAIL of sysexits.h).
 */
export const exitCodes = { good: 0, failed: 1, usage: 2, disk: 75, config: 78 } as const

/** One option of a command. With `value` it takes one (the word is shown in help), without it is a switch. */
export interface Option {
  readonly value?: string
  /** A single letter. */
  readonly short?: string
  /** May be given more than once. */
  readonly many?: true
  readonly about: string
}

export type Options = Readonly<Record<string, Option>>

/** What a command may touch of the process; nothing else. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: Output
  readonly stderr: Output
  /** A variable of the environment; undefined when it is not set. */
  variable(name: string): string | undefined
}

/** One command. `run` resolves to the exit code; trouble is thrown and printed by main. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What stands behind the name, such as `TOPIC [options]`. */
  readonly usage: string
  /** Whole command lines. */
  readonly examples: readonly string[]
  readonly options: Options
  run(args: Arguments, io: Io, signal: AbortSignal): Promise<number>
}

/** Arguments that were checked against the command's options. */
export interface Arguments {
  readonly positionals: readonly string[]
  /** The value of an option, undefined when it was not given. */
  text(name: string): string | undefined
  /** Every value of an option that may be given more than once. */
  texts(name: string): readonly string[]
  /** Whether a switch was given. */
  has(name: string): boolean
}

/** Options of every command that talks to a collector. */
export const collectorOptions = {
  url: { value: 'URL', about: 'the collector (default http://127.0.0.1:8750, or LOGDRIVE_URL)' },
  key: {
    value: 'KEY',
    about: 'a key of the collector (or LOGDRIVE_KEY, which other users of this machine cannot see)',
  },
} as const satisfies Options

/** The option of every reading command. */
export const jsonOption: Options = { json: { about: 'print JSON' } }

/** Reads the words behind a command's name. Throws USAGE, with the option that was meant. */
export function readArguments(words: readonly string[], options: Options): Arguments {
  const known = { ...options, help: { short: 'h', about: 'show this' } }
  const table = Object.entries(known).map(([name, option]: readonly [string, Option]) => {
    const short = option.short === undefined ? {} : { short: option.short }
    const type = 'value' in option ? ('string' as const) : ('boolean' as const)
    return [name, { type, multiple: option.many === true, ...short }] as const
  })
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: Object.fromEntries(table),
      allowPositionals: true,
      strict: true,
    })
    return {
      positionals,
      text: (name) => (typeof values[name] === 'string' ? values[name] : undefined),
      texts: (name) => (Array.isArray(values[name]) ? values[name].map(String) : []),
      has: (name) => values[name] === true,
    }
  } catch (error) {
    throw usageOf(error, Object.keys(known))
  }
}

/** A USAGE error: exit code 2. */
export function usage(message: string, hint?: string): LogdriveError {
  return new LogdriveError('USAGE', message, hint === undefined ? {} : { hint })
}

/** The one positional a command needs; throws USAGE when it is missing or there are more. */
export function onlyPositional(args: Arguments, what: string): string {
  const [first, second] = args.positionals
  if (first === undefined) throw usage(`${what} is missing`)
  if (second !== undefined) throw usage(`one ${what} at a time: "${second}" is one too many`)
  return first
}

/** A whole number within bounds; throws USAGE naming the option. */
export function wholeNumber(text: string, option: string, min: number, max: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw usage(`--${option} takes a whole number from ${min} to ${max}`)
  return value
}

/** The action of a command that has several, `list` without one, and the one `thing` it is about. */
export function actionOf<Action extends string>(
  { positionals: [first = 'list', name, more] }: Arguments,
  actions: readonly Action[],
  thing: string,
): { readonly action: Action; readonly name: string | undefined } {
  const action = actions.find((one) => one === first)
  if (action === undefined) throw usage(`unknown action "${first}"${didYouMean(first, actions)}`)
  if (more !== undefined) throw usage(`one ${thing} at a time: "${more}" is one too many`)
  return { action, name }
}

/** The help of one command of a program. */
export function helpOf(command: Command, program: string): string {
  const options = Object.entries({ ...command.options, help: { short: 'h', about: 'show this' } })
  const left = options.map(([name, option]: readonly [string, Option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `
    return `  ${short}--${name}${option.value === undefined ? '' : ` ${option.value}`}`
  })
  const width = Math.max(...left.map((text) => text.length)) + 2
  const lines = options.map(([, option], index) => `${(left[index] ?? '').padEnd(width)}${option.about}`)
  const examples = command.examples.map((example) => `  ${example.replace(/^logdrive\b/, program)}`)
  return [
    `${command.summary}.`,
    '',
    `Usage: ${program} ${command.name} ${command.usage}`.trimEnd(),
    '',
    'Options:',
    ...lines,
    '',
    examples.length === 1 ? 'Example:' : 'Examples:',
    ...examples,
    '',
  ].join('\n')
}

function usageOf(error: unknown, known: readonly string[]): unknown {
  if (!(error instanceof TypeError) || !('code' in error)) return error
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const name = /'-{1,2}([^'=]*)/.exec(error.message)?.[1] ?? ''
    const dashes = name.length === 1 ? '-' : '--'
    return usage(`unknown option ${dashes}${name}${didYouMean(name, known)}`)
  }
  if (String(error.code).startsWith('ERR_PARSE_ARGS'))
    return usage(error.message.split('. ')[0] ?? error.message)
  return error
}
