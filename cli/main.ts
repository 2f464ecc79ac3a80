#!/usr/bin/env node
// The command line: every command of Logdrive.

import { commands } from './commands.ts'
import { runProgram } from './program.ts'

const about = 'Logdrive: logs and activity, kept durably, drained into ClickHouse and files.'
await runProgram({ name: 'logdrive', about, commands }, process.argv.slice(2))
