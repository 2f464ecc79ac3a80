// logdrive test: runs the `tests:` of a configuration: sample lines through their inputs, against the records expected.

import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { formatProblem, type Loaded, type Problem } from '../config/load.ts'
import type { Config, InputConfig, SinkSchemas, TestConfig } from '../config/schema.ts'
import { didYouMean } from '../config/suggest.ts'
import { LogdriveError, systemCode } from '../core/errors.ts'
import { fileInputOf } from './agent-options.ts'
import { type Command, exitCodes, type Io, jsonOption, usage } from './command.ts'
import { readConfig } from './config-file.ts'
import { type Columns, type Difference, differencesOf } from './expectations.ts'
import { inputChecks } from './input-checks.ts'
import { colour, escapeForTerminal, jsonText } from './output.ts'
import { parseOptions } from './parsers.ts'
import {
  fileSampling,
  type Sample,
  type Sampling,
  sampleBytesMax,
  statusText,
  streamSampling,
} from './samples.ts'

/** Of one test; what is beyond is counted. */
const differencesShown = 20
/** Of a value. */
const charactersShown = 2000

/** Sends nothing, and needs no collector. Exit code 1 when a test failed. */
export function testCommand(sinkSchemas: SinkSchemas, defaultFile = 'logdrive.yaml'): Command {
  return {
    name: 'test',
    summary: 'Runs the tests of a configuration: sample lines and the records that should come of them',
    usage: '[NAME...] [-c FILE] [options]',
    examples: [`logdrive test -c ${defaultFile}`, 'logdrive test "debug lines stay here" --json'],
    options: {
      config: { value: 'FILE', short: 'c', about: `the file (default ${defaultFile})` },
      ...jsonOption,
    },
    async run(args, io) {
      const file = args.text('config') ?? defaultFile
      const loaded = readConfig(file, sinkSchemas, inputChecks, io)
      if ('problems' in loaded) return await refuse(loaded.problems, args.has('json'), io)
      const chosen = testsNamed(loaded.config, args.positionals)
      const samples = chosen.map(([name, test]) => sampleOf(name, test, file, loaded))
      const problems = samples.filter((sample) => 'message' in sample)
      if (problems.length > 0) return await refuse(problems, args.has('json'), io)
      const results: Result[] = []
      for (const [index, [name, test]] of chosen.entries()) {
        const sample = samples[index] as Sample
        const result = await runTest(name, test, sample, loaded)
        if (!args.has('json')) await io.stdout.write(resultText(result, io))
        results.push(result)
      }
      const failed = results.filter(({ ok }) => !ok).length
      if (args.has('json')) await io.stdout.write(jsonText(report(results, failed), io.stdout))
      else await io.stdout.write(summary(file, results.length, failed, io))
      return failed === 0 ? exitCodes.good : exitCodes.failed
    },
  }
}

type Checked = Extract<Loaded, { readonly config: Config }>

/** What one test gave. */
interface Result {
  readonly name: string
  readonly ok: boolean
  readonly place: Problem
  /** What became of the lines. */
  readonly about: string
  readonly records: number
  readonly differences: readonly (Difference & { readonly place: Problem })[]
}

/** As `validate` prints them. */
async function refuse(problems: readonly Problem[], isJson: boolean, io: Io): Promise<number> {
  if (!isJson) {
    const lines = problems.map(formatProblem).join('\n')
    throw new LogdriveError('CONFIG_INVALID', `the configuration has problems\n${lines}`)
  }
  await io.stdout.write(jsonText({ ok: false, problems }, io.stdout))
  return exitCodes.config
}

function testsNamed({ tests }: Config, names: readonly string[]): readonly (readonly [string, TestConfig])[] {
  const known = Object.keys(tests)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw usage(`there is no test ${JSON.stringify(unknown)}${didYouMean(unknown, known)}`)
  return Object.entries(tests).filter(([name]) => names.length === 0 || names.includes(name))
}

/** The lines of a test, or why they cannot be read. */
function sampleOf(name: string, test: TestConfig, file: string, loaded: Checked): Sample | Problem {
  const { lines, read_at: readAtMs = Date.now() } = test
  if (lines !== undefined) return { bytes: Buffer.from(lines.map((line) => `${line}\n`).join('')), readAtMs }
  try {
    return { bytes: readSample(resolve(dirname(file), test.file ?? '')), readAtMs }
  } catch (error) {
    const code = systemCode(error)
    return loaded.problemAt(['tests', name, 'file'], `the file cannot be read (${code})`)
  }
}

function readSample(path: string): Uint8Array {
  const stat = statSync(path)
  // A device or pipe has no end: only regular files.
  if (!stat.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'ENOTFILE' })
  if (stat.size > sampleBytesMax) throw Object.assign(new Error('over 4 MiB'), { code: 'EFBIG' })
  return readFileSync(path)
}

async function runTest(name: string, test: TestConfig, sample: Sample, loaded: Checked): Promise<Result> {
  const input = loaded.config.agent?.inputs[test.input]
  if (input === undefined) throw new TypeError('a test without its input was let through')
  const sampling = await samplingOf(test.input, input, sample)
  const records: Columns[] = []
  for await (const { value, mark } of sampling.records) {
    const text = Buffer.from(value).toString()
    records.push(sampling.hasFields ? JSON.parse(text) : columnsOf(text, mark))
  }
  const differences = differencesOf(test, records).map((difference) => {
    const { path, message } = difference
    return { ...difference, place: loaded.problemAt(['tests', name, ...path], message) }
  })
  return {
    name,
    ok: differences.length === 0,
    place: loaded.problemAt(['tests', name], ''),
    about: statusText(sampling.status()),
    records: records.length,
    differences,
  }
}

async function samplingOf(name: string, input: InputConfig, sample: Sample): Promise<Sampling> {
  switch (input.type) {
    case 'file':
    case 'docker':
    case 'kubernetes': {
      const files = await fileInputOf(name, input)
      if (files === null) throw new TypeError('an input of files reads none')
      return await fileSampling(files, sample)
    }
    case 'stdin':
    case 'exec':
    case 'syslog': {
      const { transforms, line_bytes_max: lineBytesMax } = input
      const usual = input.type === 'syslog' ? ({ type: 'syslog' } as const) : null
      const parse = input.parse === undefined ? usual : parseOptions(input.parse)
      return streamSampling({ parse, transforms, lineBytesMax, isRaw: input.type === 'stdin' }, sample)
    }
    default:
      throw new TypeError('an input without lines was let through')
  }
}

/** A line without fields as a record. */
function columnsOf(body: string, mark: string | null): Columns {
  return mark === null ? { body } : { body, attrs_string: { transform_error: mark } }
}

function resultText({ name, ok, about, differences }: Result, io: Io): string {
  const shownName = escapeForTerminal(name)
  if (ok) return `${colour('ok', 'green', io.stdout)}      ${shownName}\n`
  const lines = differences.slice(0, differencesShown).flatMap((one, index) => {
    const { place, expected, got, record } = one
    const isLastOfRecord = record !== undefined && differences[index + 1]?.record !== record
    return [
      `  ${escapeForTerminal(formatProblem(place)).replace(/: $/, '')}`,
      ...('expected' in one ? [`    expected  ${colour(shown(expected), 'green', io.stdout)}`] : []),
      ...('got' in one ? [`    got       ${colour(shown(got), 'red', io.stdout)}`] : []),
      ...(isLastOfRecord ? [`    of        ${shown(record)}`] : []),
    ]
  })
  const more = differences.length - differencesShown
  return [
    `${colour('FAILED', 'red', io.stdout)}  ${shownName}`,
    ...lines,
    ...(more > 0 ? [`  and ${more} more`] : []),
    `  of its lines: ${about}`,
    '',
  ].join('\n')
}

function shown(value: unknown): string {
  if (value === null) return 'nothing'
  const text = escapeForTerminal(JSON.stringify(value))
  return text.length > charactersShown ? `${text.slice(0, charactersShown)}…` : text
}

function summary(file: string, count: number, failed: number, io: Io): string {
  if (count === 0) return `${escapeForTerminal(file)} has no tests; docs/testing.md shows some\n`
  const tests = count === 1 ? '1 test' : `${count} tests`
  return failed === 0
    ? `${tests}: ${colour('all passed', 'green', io.stdout)}\n`
    : `${tests}: ${colour(`${failed} failed`, 'red', io.stdout)}\n`
}

function report(results: readonly Result[], failed: number): unknown {
  return {
    ok: failed === 0,
    passed: results.length - failed,
    failed,
    tests: results.map(({ name, ok, place, records, about, differences }) => ({
      ...{ name, ok, file: place.file, line: place.line, column: place.column, records, about },
      differences: differences.map(({ place: { line, column, path, message }, expected, got, record }) => ({
        ...{ line, column, path, message },
        expected,
        got,
        record,
      })),
    })),
  }
}
