// YAML text to plain values, with the place of each. The only file that imports yaml.

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
import { interpolate, type Surroundings } from './interpolate.ts'
import { doubtful, type Finding, type Path, quoted } from './problems.ts'

const depthMax = 32
const nodesMax = 50_000
const aliasesMax = 200

/** Where a key and its value begin: offsets in the text. */
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
export interface Tree {
  value: unknown
  start: number
  /** By `pathKey`. */
  readonly places: Map<string, Place>
  /** Paths whose text could not be filled in: what the schema says of them is noise. */
  readonly unset: Set<string>
  readonly faults: Fault[]
  readonly warnings: Finding[]
}

/** What was read of a text. */
export interface ReadTree {
  readonly tree: Tree
  /** After a syntax error the tree is a guess. */
  readonly isBroken: boolean
  /** The place of an offset, counted from 1. */
  locate(offset: number): { readonly line: number; readonly col: number }
}

/** Reads a text of a bounded size, values from outside filled in; why it cannot be read at all otherwise. Never throws. */
export function readTree(text: string, surroundings: Surroundings): ReadTree | { readonly refusal: string } {
  if (deepest(text) > depthMax * 8) return { refusal: 'the file is nested too deep' }
  const lines = new LineCounter()
  const locate = (offset: number) => lines.linePos(Math.max(0, Math.min(offset, text.length)))
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
    const tree = buildTree(document.contents, surroundings)
    for (const error of withoutEchoes(syntax, (offset) => locate(offset).line))
      tree.faults.push({ offset: error.pos[0], path: [], message: yamlMessage(error) })
    return { tree, isBroken: syntax.length > 0, locate }
  } catch (error) {
    // The library's own bounds (and the stack's) end here; nothing of ours throws.
    return { refusal: error instanceof RangeError ? 'the file is nested too deep' : 'the file is not YAML' }
  }
}

/** The key of a path in `places` and `unset`. */
export function pathKey(path: Path): string {
  return JSON.stringify(path)
}

interface Walk {
  readonly tree: Tree
  readonly surroundings: Surroundings
  readonly anchors: Map<string, Node>
  readonly open: Set<Node>
  nodes: number
  aliases: number
}

function buildTree(contents: ParsedNode | null, surroundings: Surroundings): Tree {
  const tree: Tree = {
    value: undefined,
    start: contents?.range[0] ?? 0,
    places: new Map(),
    unset: new Set(),
    faults: [],
    warnings: [],
  }
  const walk: Walk = { tree, surroundings, anchors: new Map(), open: new Set(), nodes: 0, aliases: 0 }
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
  const filled = interpolate(value, walk.surroundings)
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
