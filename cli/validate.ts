// logdrive validate: every problem of a configuration with its place, and whether the other sides answer.

import { collectorUrls } from '../config/collector-urls.ts'
import { formatProblem, type Loaded } from '../config/load.ts'
import type { Config, SinkSchemas } from '../config/schema.ts'
import { httpClient } from '../runtime/http-client.ts'
import { field } from './client.ts'
import { type Command, exitCodes, type Io, usage } from './command.ts'
import { readConfig } from './config-file.ts'
import { inputChecks } from './input-checks.ts'
import { colour, escapeForTerminal } from './output.ts'

const timeoutMs = 3000

/** Exit code 78 when there is a problem; what does not answer is a warning: it may be started later. */
export function validateCommand(sinkSchemas: SinkSchemas, defaultFile = 'logdrive.yaml'): Command {
  return {
    name: 'validate',
    summary: 'Lists every problem of a configuration with its place',
    usage: '[-c FILE] [options]',
    examples: [`logdrive validate -c ${defaultFile}`, 'logdrive validate --offline --json'],
    options: {
      config: { value: 'FILE', short: 'c', about: `the file (default ${defaultFile})` },
      offline: { about: 'ask nobody over the network' },
      json: { about: 'print JSON' },
    },
    async run(args, io, signal) {
      const [positional, more] = args.positionals
      if (more !== undefined) throw usage(`one file at a time: "${more}" is one too many`)
      const file = args.text('config') ?? positional ?? defaultFile
      const loaded = readConfig(file, sinkSchemas, inputChecks, io)
      const silent = 'config' in loaded && !args.has('offline') ? await findSilent(loaded.config, signal) : []
      if (args.has('json')) await io.stdout.write(`${JSON.stringify(report(loaded, silent), null, 2)}\n`)
      else await print(file, loaded, silent, io)
      return 'config' in loaded ? exitCodes.good : exitCodes.config
    },
  }
}

function report(loaded: Loaded, silent: readonly string[]): unknown {
  if ('problems' in loaded) return { ok: false, problems: loaded.problems, warnings: [] }
  const unanswered = silent.map((message) => ({ message }))
  return { ok: true, problems: [], warnings: [...loaded.warnings, ...unanswered] }
}

async function print(file: string, loaded: Loaded, silent: readonly string[], io: Io): Promise<void> {
  const line = async (text: string) => await io.stdout.write(`${escapeForTerminal(text)}\n`)
  if ('problems' in loaded) {
    for (const problem of loaded.problems) await line(formatProblem(problem))
    const count = loaded.problems.length
    await io.stderr.write(colour(`${count} ${count === 1 ? 'problem' : 'problems'}\n`, 'red', io.stderr))
    return
  }
  for (const warning of loaded.warnings) await line(`${formatProblem(warning)} (warning)`)
  for (const message of silent) await line(`${file}: ${message} (warning)`)
  await line(`${file}: ok`)
}

/** Servers that are named and do not answer. */
async function findSilent(config: Config, signal: AbortSignal): Promise<readonly string[]> {
  const asked = Object.entries(config.sinks).flatMap(
    ([name, sink]): readonly (readonly [string, string])[] => {
      const url = field(sink.server, 'url')
      return typeof url === 'string' ? [[`sinks.${name}.server.url`, new URL('/ping', url).href]] : []
    },
  )
  // Only one that is named: the collector of the same file is not running while its file is checked.
  const collectors = config.agent?.collector === undefined ? [] : collectorUrls(config)
  const all = [
    ...asked,
    ...collectors.map((url) => ['agent.collector', `${url.replace(/\/+$/, '')}/healthz`] as const),
  ]
  const send = httpClient()
  const answers = all.map(async ([path, url]) => {
    try {
      await send({ method: 'GET', url, headers: {}, body: null, timeoutMs }, signal)
      return undefined
    } catch (error) {
      if (signal.aborted) throw error
      return `${path}: ${new URL(url).origin} does not answer now`
    }
  })
  const found = await Promise.all(answers)
  return found.filter((message) => message !== undefined)
}
