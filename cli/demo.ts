// The demo of `logdrive up --demo`: a web log that grows and rotates, and the input that tails it.

import { join } from 'node:path'
import type { FileInputConfig } from '../config/schema.ts'
import type { Runtime } from '../core/runtime.ts'
import { writeDemoLog } from './demo-log.ts'

/** Where the demo's lines go; the table has the same name. */
export const demoTopic = 'web_logs'

const linesPerSecond = 5
const linesPerFile = 2_000

/** Tails the demo's log and what it was rotated to. */
export function demoInput(folder: string): FileInputConfig {
  return {
    type: 'file',
    paths: [join(folder, 'access.log*')],
    exclude: [],
    topic: demoTopic,
    start: 'beginning',
    encoding: 'utf-8',
    line_bytes_max: 1024 * 1024,
    parse: { type: 'nginx' },
    transforms: [],
  }
}

/** Writes the log until the signal aborts. */
export async function runDemo(folder: string, runtime: Runtime, signal: AbortSignal): Promise<void> {
  const path = join(folder, 'access.log')
  await writeDemoLog({ path, linesPerSecond, rotateLines: linesPerFile }, runtime, signal)
}
