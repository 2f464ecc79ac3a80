// logdrive doctor: looks at everything a Logdrive on this machine needs, and says the fix.

import { existsSync } from 'node:fs'
import { defaultConfig } from '../config/defaults.ts'
import { formatProblem } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import {
  type Check,
  checkClickHouse,
  checkClock,
  checkFolder,
  checkNode,
  checkOwner,
  checkPort,
  checkQuarantine,
} from './checks.ts'
import { type Arguments, type Command, exitCodes, type Io, usage } from './command.ts'
import { readConfig } from './config-file.ts'
import { inputChecks } from './input-checks.ts'
import { checkKafka } from './kafka-checks.ts'
import { colour, escapeForTerminal } from './output.ts'
import { sinkSchemas } from './sink-types.ts'

const defaultFile = 'logdrive.yaml'

/** Exit code 1 when a check fails; warnings alone are good. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'Checks data folder, configuration, disk, clock, ports and ClickHouse, and says the fix',
  usage: '[-c FILE] [--data DIR] [options]',
  examples: ['logdrive doctor', 'logdrive doctor -c /etc/logdrive.yaml --data /var/lib/logdrive'],
  options: {
    config: { value: 'FILE', short: 'c', about: `the file (default ${defaultFile}, where there is one)` },
    data: { value: 'DIR', about: 'the data folder (default: what the file says)' },
    json: { about: 'print JSON' },
  },
  async run(args, io, signal) {
    if (args.positionals.length > 0) throw usage(`there is nothing to name: "${args.positionals[0]}"`)
    const checks = await examine(args, io, signal)
    if (args.has('json')) await io.stdout.write(`${JSON.stringify({ checks }, null, 2)}\n`)
    else for (const check of checks) await io.stdout.write(lineOf(check, io))
    return checks.some((check) => check.result === 'fail') ? exitCodes.failed : exitCodes.good
  },
}

async function examine(args: Arguments, io: Io, signal: AbortSignal): Promise<readonly Check[]> {
  const { check, config } = examineConfig(args, io)
  const data = args.text('data') ?? config.data
  const checks = [checkNode(), check, ...checkFolder('data folder', data)]
  checks.push(...checkOwner('data folder', data), ...checkQuarantine(data))
  if (config.agent !== undefined) {
    const { state } = config.agent
    checks.push(...checkFolder('agent state', state), ...checkOwner('agent state', state))
  }
  checks.push(await checkPort('HTTP port', config.collector.http.listen, '/healthz', signal))
  checks.push(...(await checkKafka(config.collector.kafka, signal)))
  for (const [name, sink] of Object.entries(config.sinks)) {
    if (sink.type === 'clickhouse') checks.push(await checkClickHouse(name, sink, signal))
  }
  checks.push(await checkClock(data, config.collector.http.listen, signal))
  return checks
}

/** The rest is checked against the defaults when the file is wrong: half a diagnosis is better than none. */
function examineConfig(args: Arguments, io: Io): { readonly check: Check; readonly config: Config } {
  const named = args.text('config')
  const file = named ?? defaultFile
  if (named === undefined && !existsSync(file)) {
    const about = `no ${defaultFile} here: the defaults are looked at`
    return { check: { name: 'configuration', result: 'ok', about }, config: defaultConfig(sinkSchemas()) }
  }
  const loaded = readConfig(file, sinkSchemas(), inputChecks, io)
  if ('problems' in loaded) {
    const first = loaded.problems[0]
    const about = `${loaded.problems.length} wrong, such as ${first === undefined ? file : formatProblem(first)}`
    const fix = `logdrive validate -c ${file} lists them; what follows looks at the defaults`
    return {
      check: { name: 'configuration', result: 'fail', about, fix },
      config: defaultConfig(sinkSchemas()),
    }
  }
  const { config, warnings } = loaded
  const [warning] = warnings
  if (warning === undefined) return { check: { name: 'configuration', result: 'ok', about: file }, config }
  const about = `${warnings.length} doubtful, such as ${formatProblem(warning)}`
  const fix = `logdrive validate -c ${file} lists them`
  return { check: { name: 'configuration', result: 'warn', about, fix }, config }
}

function lineOf(check: Check, io: Io): string {
  const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const
  const result = colour(check.result.padEnd(4), colours[check.result], io.stdout)
  const fix = check.fix === undefined ? '' : `\n      ${' '.repeat(24)}fix: ${escapeForTerminal(check.fix)}`
  return `${result}  ${check.name.padEnd(24)}${escapeForTerminal(check.about)}${fix}\n`
}
