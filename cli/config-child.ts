// A child process of `logdrive agent`: reads the configuration and prints it as JSON, so that the agent itself never
// carries the YAML parser and the schema (18 MB that it would need once).

import { writeSync } from 'node:fs'
import { LogdriveError } from '../core/errors.ts'
import { requireConfig } from './config-file.ts'

/** What comes out: the configuration of an agent, or what is wrong with it. */
export type ConfigAnswer =
  | ReturnType<typeof requireConfig>
  | { readonly error: { readonly message: string; readonly hint: string | null } }

const file = process.argv[2] ?? ''
const closed = { isTerminal: false, isRich: false, closed: true, write: async () => {} }
const io = {
  stdin: process.stdin,
  stdout: closed,
  stderr: closed,
  variable: (name: string) => process.env[name],
}
writeSync(1, JSON.stringify(answer()))

function answer(): ConfigAnswer {
  try {
    return requireConfig(file, 'unchecked', io)
  } catch (error) {
    if (!(error instanceof LogdriveError)) throw error
    return { error: { message: error.message, hint: error.hint } }
  }
}
