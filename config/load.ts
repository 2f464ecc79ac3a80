// YAML text -> Config, or every problem in it at once as file:line:col. The only file that imports yaml.

import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { crossCheck } from './cross-check.ts'
import { asFiles } from './inputs/as-files.ts'
import { interpolate, type Surroundings } from './interpolate.ts'
import { check, doubtful, type Finding, formatPath, type Path, quoted, wrong } from './problems.ts'
import {
  type Config,
  configSchema,
  type FileInputConfig,
  type LineInputConfig,
  type ParseConfig,
  type SinkSchemas,
} from './schema.ts'

const fileBytesMax = 1024 * 1024
const depthMax = 32
const nodesMax = 50_000
const aliasesMax = 200
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
  if (deepest(text) > depthMax * 8) return tooMuch(options.file, 'the file is nested too deep')
  const lines = new LineCounter()
  const locate = (offset: number) => lines.linePos(Math.max(0, Math.min(offset, text.length)))
  let tree: Tree
  let broken: boolean
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      version: '1.2',
      schema: 'core',
      // Ours is linear: the library compares every key with every other.
      uniqueKeys: false,
      strict: true,
      prettyErrors: false,
      // 'silent' would drop a second document without a word.
      logLevel: 'error',
    })
    const syntax = [...document.errors, ...document.warnings]
    broken = syntax.length > 0
    tree = buildTree(document.contents, options)
    for (const error of withoutEchoes(syntax, (offset) => locate(offset).line))
      tree.faults.push({ offset: error.pos[0], path: [], message: yamlMessage(error) })
  } catch (error) {
    // The library's own bounds (and the stack's) end here; nothing of ours throws.
    return tooMuch(
      options.file,
      error instanceof RangeError ? 'the file is nested too deep' : 'the file is not YAML',
    )
  }
  const faults: Problem[] = tree.faults.map((fault) => {
    const { line, col } = locate(fault.offset)
    return { file: options.file, line, column: col, path: formatPath(fault.path), message: fault.message }
  })
  const place = (finding: Finding): Problem => {
    const { line, col } = locate(offsetOf(tree, finding))
    return { file: options.file, line, column: col, path: formatPath(finding.path), message: finding.message }
  }
  // After a syntax error the tree is a guess; checking a guess only makes noise.
  if (broken) return { problems: sorted(faults) }
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

interface Place {
  readonly key: number
  readonly value: number
}

interface Fault {
  readonly offset: number
  readonly path: Path
  readonly message: string
}

/** The document as plain values, with the place of each and what was wrong on the way. */
interface Tree {
  value: unknown
  start: number
  readonly places: Map<string, Place>
  /** Paths whose text could not be filled in: what the schema says of them is noise. */
  readonly unset: Set<string>
  readonly faults: Fault[]
  readonly warnings: Finding[]
}

interface Walk {
  readonly tree: Tree
  readonly options: LoadOptions
  readonly anchors: Map<string, Node>
  readonly open: Set<Node>
  nodes: number
  aliases: number
}

function buildTree(contents: ParsedNode | null, options: LoadOptions): Tree {
  const tree: Tree = {
    value: undefined,
    start: contents?.range[0] ?? 0,
    places: new Map(),
    unset: new Set(),
    faults: [],
    warnings: [],
  }
  const walk: Walk = { tree, options, anchors: new Map(), open: new Set(), nodes: 0, aliases: 0 }
  tree.value = visit(contents, [], walk) ?? undefined
  return tree
}

function visit(node: Node | null | undefined, path: Path, walk: Walk): unknown {
  walk.nodes += 1
  const offset = node?.range?.[0] ?? walk.tree.start
  if (walk.nodes === nodesMax + 1) fault(walk, offset, path, 'too much: over 50,000 values (aliases counted)')
  if (path.length === depthMax + 1) fault(walk, offset, path, 'nested too deep')
  if (node === null || node === undefined || walk.nodes > nodesMax || path.length > depthMax) return null
  if (isAlias(node)) return visitAlias(node, path, walk)
  walk.open.add(node)
  if ('anchor' in node && typeof node.anchor === 'string') walk.anchors.set(node.anchor, node)
  const value = isMap(node)
    ? visitMap(node, path, walk)
    : isSeq(node)
      ? visitList(node, path, walk)
      : leaf(node, path, walk)
  walk.open.delete(node)
  return value
}

function visitAlias(alias: Alias, path: Path, walk: Walk): unknown {
  const offset = alias.range?.[0] ?? walk.tree.start
  const target = walk.anchors.get(alias.source)
  walk.aliases += 1
  if (walk.aliases > aliasesMax) {
    if (walk.aliases === aliasesMax + 1) fault(walk, offset, path, 'too many aliases: over 200')
    return null
  }
  if (target === undefined) {
    fault(walk, offset, path, `the alias *${alias.source.slice(0, 60)} has no anchor before it`)
    return null
  }
  if (walk.open.has(target)) {
    fault(walk, offset, path, 'an alias may not stand inside its own anchor')
    return null
  }
  return visit(target, path, walk)
}

function visitMap(map: YAMLMap, path: Path, walk: Walk): unknown {
  const value: Record<string, unknown> = Object.create(null)
  for (const pair of map.items) {
    const key = isScalar(pair.key) ? pair.key : undefined
    const offset = (pair.key as Node | null)?.range?.[0] ?? map.range?.[0] ?? walk.tree.start
    if (key === undefined || key.value === null) {
      fault(walk, offset, path, 'a key must be a plain text')
      continue
    }
    const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
    const inner = [...path, name]
    if (['__proto__', 'constructor', 'prototype'].includes(name))
      fault(walk, offset, inner, 'this key is not allowed')
    else if (name in value) fault(walk, offset, inner, `duplicate key ${quoted(name)}`)
    else {
      const node = pair.value as Node | null
      walk.tree.places.set(pathKey(inner), { key: offset, value: startOf(node) ?? offset })
      value[name] = visit(node, inner, walk)
    }
  }
  return value
}

function visitList(list: YAMLSeq, path: Path, walk: Walk): unknown {
  return list.items.map((item, index) => {
    const node = item as Node | null
    const offset = startOf(node) ?? list.range?.[0] ?? walk.tree.start
    const inner = [...path, index]
    walk.tree.places.set(pathKey(inner), { key: offset, value: offset })
    return visit(node, inner, walk)
  })
}

function leaf(node: Node, path: Path, walk: Walk): unknown {
  const { value } = node as Scalar
  if (typeof value !== 'string' || !value.includes('${'))
    return typeof value === 'bigint' ? Number(value) : value
  const filled = interpolate(value, walk.options)
  for (const problem of filled.problems) {
    walk.tree.unset.add(pathKey(path))
    // Only in a plain scalar of one line an offset in the value is one in the file.
    const inside = (node as Scalar).type === 'PLAIN' && !value.includes('\n') ? problem.offset : 0
    fault(walk, (node.range?.[0] ?? walk.tree.start) + inside, path, problem.message)
  }
  if (filled.touched && filled.text === '' && filled.problems.length === 0)
    walk.tree.warnings.push(doubtful(path, 'empty once filled in'))
  return filled.text
}

function fault(walk: Walk, offset: number, path: Path, message: string): void {
  walk.tree.faults.push({ offset, path, message })
}

function startOf(node: Node | null): number | undefined {
  return node?.range?.[0]
}

function pathKey(path: Path): string {
  return JSON.stringify(path)
}

function sorted(problems: readonly Problem[]): readonly Problem[] {
  const ordered = [...problems].sort((left, right) => left.line - right.line || left.column - right.column)
  return ordered.slice(0, problemsMax)
}

function tooMuch(file: string, message: string): Loaded {
  return { problems: [{ file, line: 1, column: 1, path: '', message }] }
}

/** How deep flow brackets nest at most, read without parsing: a bound before the library recurses. */
function deepest(text: string): number {
  let depth = 0
  let most = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x5b || code === 0x7b) most = Math.max(most, ++depth)
    else if (code === 0x5d || code === 0x7d) depth = Math.max(0, depth - 1)
  }
  return most
}

/**
 * One mistake makes the parser stumble over all that follows it: of a line only the first problem counts, and none of
 * a line that goes on with the stumbling of the line before.
 */
function withoutEchoes(
  errors: readonly YAMLError[],
  lineAt: (offset: number) => number,
): readonly YAMLError[] {
  let last = Number.NEGATIVE_INFINITY
  return [...errors]
    .sort((left, right) => left.pos[0] - right.pos[0])
    .filter((error) => {
      const line = lineAt(error.pos[0])
      const isEcho = line === last || (line === last + 1 && error.code === 'UNEXPECTED_TOKEN')
      last = line
      return !isEcho
    })
}

/** The library's sentence, unless it would repeat a piece of the file, which may be a secret. */
function yamlMessage(error: YAMLError): string {
  switch (error.code) {
    case 'UNEXPECTED_TOKEN':
      return 'not YAML: something stands here that does not belong; a text with { } [ ] , : or # needs quotes'
    case 'TAB_AS_INDENT':
      return 'a tab in the indentation: use spaces'
    case 'TAG_RESOLVE_FAILED':
      return 'tags (!name) are not known here'
    case 'MULTIPLE_DOCS':
      return 'a second document ("---"): one file holds one configuration'
    case 'BAD_DQ_ESCAPE':
      return 'an escape (\\) that YAML does not know; use single quotes'
    case 'BAD_DIRECTIVE':
      return 'a line that begins with "%": directives are not known here'
    case 'BAD_ALIAS':
      return 'a bad alias or anchor'
    default:
      return `not YAML: ${error.message.split('\n')[0]?.slice(0, 160) ?? error.code}`
  }
}
