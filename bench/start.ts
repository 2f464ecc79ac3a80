// How long a start of the agent takes: the single executable beside Node alone and beside the sources.
//
//   node bench/start.ts [--starts 100]        builds build/agent/ first; on a busy machine take more starts and their median
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildAgent } from '../packaging/build-agent.ts'
import { parseScript } from '../test/script.ts'
import { printResult } from './result.ts'

const { values } = parseScript(import.meta.filename, {
  options: { starts: { type: 'string', default: '100' } },
})
const starts = process.env.BENCH_QUICK === '1' ? 10 : Number(values.starts)
const { executable } = await buildAgent()
const cli = join(import.meta.dirname, '../cli/bin.js')
const started = 'executable until "agent started"'
const folder = mkdtempSync(join(tmpdir(), 'logdrive-bench-'))
const config = join(folder, 'agent.yaml')
const input = `{ type: file, paths: ["${folder}/*.log"], topic: logs }`
writeFileSync(
  config,
  `version: 1\nagent: { collector: "http://127.0.0.1:9", state: "${folder}/state", inputs: { logs: ${input} } }\n`,
)
try {
  const rows: readonly (readonly [string, () => Promise<number> | number])[] = [
    ['node -e 0', () => runMs(process.execPath, ['-e', '0'])],
    ['executable --version', () => runMs(executable, ['--version'])],
    ['executable validate', () => runMs(executable, ['validate', '--offline', '-c', config])],
    [started, () => untilStartedMs(executable, ['-c', config])],
    ['sources until "agent started"', () => untilStartedMs(process.execPath, [cli, 'agent', '-c', config])],
  ]
  for (const [name, measure] of rows) {
    const times: number[] = []
    for (let start = 0; start < starts; start += 1) times.push(await measure())
    times.sort((left, right) => left - right)
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
    console.log(
      `${name.padEnd(34)} median ${at(0.5).toFixed(0)} ms, p95 ${at(0.95).toFixed(0)} ms, least ${at(0).toFixed(0)} ms`,
    )
    const goal = name === started ? { goal: 150 } : {}
    printResult({ subject: 'start', case: `${name}, median`, figure: at(0.5), unit: 'ms', ...goal })
    printResult({ subject: 'start', case: `${name}, p95`, figure: at(0.95), unit: 'ms' })
  }
} finally {
  rmSync(folder, { recursive: true })
}

function runMs(program: string, words: readonly string[]): number {
  const began = performance.now()
  const { status } = spawnSync(program, words, { stdio: 'ignore' })
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} failed`)
  return performance.now() - began
}

async function untilStartedMs(program: string, words: readonly string[]): Promise<number> {
  const began = performance.now()
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  let said = ''
  const tookMs = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`it did not start: ${said}`)))
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('agent started')) resolve(performance.now() - began)
    })
  })
  child.kill('SIGTERM')
  await gone
  return tookMs
}
