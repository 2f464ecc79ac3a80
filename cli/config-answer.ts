// The configuration as one process reads it for another: JSON on stdout, or what is wrong with it.

import { writeSync } from 'node:fs'
import { LogdriveError } from '../core/errors.ts'
import { requireConfig } from './config-file.ts'
import { inputChecks } from './input-checks.ts'

/** The configuration of an agent, or what is wrong with it. */
export type ConfigAnswer =
  | ReturnType<typeof requireConfig>
  | { readonly error: { readonly message: string; readonly hint: string | null } }

/** Reads the file with the environment of this process and prints what came of it. Throws only for a bug. */
export function answerConfig(file: string): void {
  writeSync(1, JSON.stringify(answer(file)))
}

function answer(file: string): ConfigAnswer {
  const closed = { isTerminal: false, isRich: false, closed: true, write: async () => {} }
  const io = {
    stdin: process.stdin,
    stdout: closed,
    stderr: closed,
    variable: (name: string) => process.env[name],
  }
  try {
    return requireConfig(file, 'unchecked', inputChecks, io)
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    return { error: { message: error.message, hint: error.hint } }
  }
}
