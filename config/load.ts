// YAML text -> Config, or every problem in it at once as file:line:col.

import { crossCheck } from './cross-check.ts'
import { asFiles } from './inputs/as-files.ts'
import type { Surroundings } from './interpolate.ts'
import { check, type Finding, formatPath, type Path, wrong } from './problems.ts'
import {
  type Config,
  configSchema,
  type FileInputConfig,
  type LineInputConfig,
  type ParseConfig,
  type SinkSchemas,
} from './schema.ts'
import { pathKey, readTree, type Tree } from './tree.ts'

const fileBytesMax = 1024 * 1024
const problemsMax = 100

/** Something wrong in a file; lines and columns count from 1. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Such as `sinks.warehouse.batch.rows`; empty for the file itself. */
  readonly path: string
  readonly message: string
}

/** A configuration and what is doubtful in it, or what is wrong with it. */
export type Loaded =
  | {
      readonly config: Config
      readonly warnings: readonly Problem[]
      /** A message about a part of the configuration that was found wrong later on. */
      problemAt(path: Path, message: string): Problem
    }
  | { readonly problems: readonly Problem[] }

export interface LoadOptions extends Surroundings, InputChecks {
  /** The file's name, for messages. */
  readonly file: string
  readonly sinkSchemas: SinkSchemas
}

/** What the agent has to say about inputs, each asked for; null when all is well. */
export interface InputChecks {
  /** What is wrong with the parser of an input, null when it can be made: parsers are the agent's. */
  parserProblem(parse: ParseConfig): ParserProblem | null
  /** What is wrong with how the lines of an input are to be joined; `path` from the input on. */
  framingProblem(input: FileInputConfig): ParserProblem | null
  /** What is wrong with the transforms of an input. */
  transformProblem(input: LineInputConfig): ParserProblem | null
}

/** `path` is the key at fault, from `parse` on. */
export interface ParserProblem {
  readonly path: Path
  readonly message: string
}

/** Reads a configuration. Never throws for any text; environment and files come as `options`. */
export function loadConfig(text: string, options: LoadOptions): Loaded {
  if (Buffer.byteLength(text) > fileBytesMax) return tooMuch(options.file, 'the file is over 1 MiB')
  const read = readTree(text, options)
  if ('refusal' in read) return tooMuch(options.file, read.refusal)
  const { tree, isBroken, locate } = read
  const faults: Problem[] = tree.faults.map((fault) => {
    const { line, col } = locate(fault.offset)
    return { file: options.file, line, column: col, path: formatPath(fault.path), message: fault.message }
  })
  const place = (finding: Finding): Problem => {
    const { line, col } = locate(offsetOf(tree, finding))
    return { file: options.file, line, column: col, path: formatPath(finding.path), message: finding.message }
  }
  // Checking a guess only makes noise.
  if (isBroken) return { problems: sorted(faults) }
  const checked = checkTree(tree, options)
  const errors = checked.findings.filter((finding) => finding.severity === 'error').map(place)
  if (checked.config === undefined || faults.length + errors.length > 0)
    return { problems: sorted([...faults, ...errors]) }
  const warnings = checked.findings.filter((finding) => finding.severity === 'warning').map(place)
  return {
    config: checked.config,
    warnings: sorted([...tree.warnings.map(place), ...warnings]),
    problemAt: (path, message) => place(wrong(path, message)),
  }
}

/** `logdrive.yaml:6:5 sinks.warehouse.tabel: unknown key`. */
export function formatProblem(problem: Problem): string {
  const path = problem.path === '' ? '' : `${problem.path}: `
  return `${problem.file}:${problem.line}:${problem.column} ${path}${problem.message}`
}

function checkTree(tree: Tree, options: LoadOptions): { config?: Config; findings: readonly Finding[] } {
  const { sinkSchemas } = options
  const checked = check(configSchema(sinkSchemas), tree.value ?? Object.create(null))
  if ('findings' in checked) {
    const findings = checked.findings.filter((finding) => !tree.unset.has(pathKey(finding.path)))
    return { findings }
  }
  // An agent runs no collector: what only that reads it may not even be allowed to.
  const readFile = sinkSchemas === 'unchecked' ? null : (path: string) => options.readFile(path)
  const findings = [
    ...crossCheck(checked.value, readFile),
    ...checkParsers(checked.value, options),
    ...checkFramings(checked.value, options),
    ...checkTransforms(checked.value, options),
  ]
  return { config: checked.value, findings }
}

function checkParsers(config: Config, options: LoadOptions): readonly Finding[] {
  return Object.entries(config.agent?.inputs ?? {}).flatMap(([name, input]) => {
    const parse = 'parse' in input ? input.parse : undefined
    const problem = parse === undefined ? null : options.parserProblem(parse)
    if (problem === null) return []
    return [wrong(['agent', 'inputs', name, 'parse', ...problem.path], problem.message)]
  })
}

function checkFramings(config: Config, options: LoadOptions): readonly Finding[] {
  return Object.entries(config.agent?.inputs ?? {}).flatMap(([name, input]) => {
    const files = asFiles(input)
    const problem = files === null ? null : options.framingProblem(files)
    return problem === null ? [] : [wrong(['agent', 'inputs', name, ...problem.path], problem.message)]
  })
}

function checkTransforms(config: Config, options: LoadOptions): readonly Finding[] {
  return Object.entries(config.agent?.inputs ?? {}).flatMap(([name, input]) => {
    const problem = 'transforms' in input ? options.transformProblem(input) : null
    return problem === null
      ? []
      : [wrong(['agent', 'inputs', name, 'transforms', ...problem.path], problem.message)]
  })
}

/** Where a finding is: its key or value, or the nearest thing around it that is in the file. */
function offsetOf(tree: Tree, finding: Finding): number {
  for (let length = finding.path.length; length > 0; length--) {
    const place = tree.places.get(pathKey(finding.path.slice(0, length)))
    if (place === undefined) continue
    return finding.at === 'key' || length < finding.path.length ? place.key : place.value
  }
  return tree.start
}

function sorted(problems: readonly Problem[]): readonly Problem[] {
  const ordered = [...problems].sort((left, right) => left.line - right.line || left.column - right.column)
  return ordered.slice(0, problemsMax)
}

function tooMuch(file: string, message: string): Loaded {
  return { problems: [{ file, line: 1, column: 1, path: '', message }] }
}
