// npm run test:interop: the matrix of clients, librdkafka's own tests, and Java under kill -9; ends with "N passed, N failed".
//
//   npm run test:interop -- [--full] [--only matrix|tools|librdkafka|chaos] [--broker logdrive|apache] [--write]
//
// Without --full it is what CI runs: one client of each kind, a few cases of Kafka's own tools, librdkafka's tests in their
// quick form and without the idempotent mode, five kills.
// With --full: every client, whole tests in all modes, thirty kills. --write keeps the matrix in docs/kafka.md.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseScript } from '../script.ts'
import { quickClients, quickTools } from './clients.ts'

const { values: flags } = parseScript(import.meta.filename, {
  options: {
    full: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    broker: { type: 'string', default: 'logdrive' },
    write: { type: 'boolean', default: false },
  },
})

const broker = ['--broker', flags.broker]
const parts: Readonly<Record<string, readonly string[]>> = {
  matrix: [
    'run-matrix.ts',
    ...(flags.full ? [] : quickClients.flatMap((name) => ['--client', name])),
    ...(flags.write ? ['--write'] : []),
    '--lanes',
    '3',
  ],
  ...(flags.full ? {} : { tools: ['run-matrix.ts', ...quickTools, '--lanes', '3'] }),
  librdkafka: ['librdkafka.ts', ...(flags.full ? ['--slow'] : ['--mode', 'plain']), '--lanes', '3'],
  chaos: ['chaos.ts', '--kills', flags.full ? '30' : '5'],
}
const unknown = flags.only.filter((name) => !(name in parts))
if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}: ${Object.keys(parts).join(', ')}`)

let passed = 0
let failed = 0
for (const [name, args] of Object.entries(parts)) {
  if (flags.only.length > 0 && !flags.only.includes(name)) continue
  console.log(`\n== interop: ${name}`)
  const counts = await runPart(args)
  passed += counts.passed
  failed += counts.failed
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

/** Runs a part; its counts are its last line. A part that ends without them has failed. */
function runPart([file = '', ...args]: readonly string[]): Promise<{ passed: number; failed: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args, ...broker], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let last = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(line)
    if (line.trim() !== '') last = line
  })
  return new Promise((resolve) => {
    child.once('close', (code) => {
      const [, ok, bad] = /^(\d+) passed, (\d+) failed$/.exec(last) ?? []
      const counts = { passed: Number(ok ?? 0), failed: Number(bad ?? 1) }
      resolve(code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts)
    })
  })
}
