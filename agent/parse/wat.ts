// wat: assembles the text format of WebAssembly, as much of it as our kernels are written in, without a build step or a tool.
//
// Format: webassembly.github.io/spec/core, "Text Format" (folded instructions, names for everything) to "Binary Format".
// What is wrong with a text is found here (an unknown word) or by the engine, which checks each module before it runs it.

/** A module with functions over one memory, which it imports as `"kernel" "memory"`. Throws an Error for words that are not known. */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const [root] = parse(text)
  const functions = listsOf(root, 'module').map(functionOf)
  const indexes = new Map(functions.map(({ name }, index) => [name, index]))
  const types = functions.map(({ parameters, results }) => [
    0x60,
    ...vector(parameters.map(([, type]) => [type])),
    ...vector(results.map((type) => [type])),
  ])
  const exported = functions.map(({ name }, index) => [...text8(name.slice(1)), 0x00, ...unsigned(index)])
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, types),
    ...section(2, [[...text8('kernel'), ...text8('memory'), 0x02, 0x00, 0x01]]),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(7, exported),
    ...section(
      10,
      functions.map((one) => bodyOf(one, indexes)),
    ),
  )
}

type Expression = string | readonly Expression[]

interface WasmFunction {
  readonly name: string
  readonly parameters: readonly (readonly [name: string, type: number])[]
  readonly results: readonly number[]
  readonly locals: readonly (readonly [name: string, type: number])[]
  readonly body: readonly Expression[]
}

const types: Readonly<Record<string, number>> = { i32: 0x7f, v128: 0x7b }

/** Instructions that take nothing but the values before them. */
const plain: Readonly<Record<string, readonly number[]>> = {
  unreachable: [0x00],
  return: [0x0f],
  'i32.eqz': [0x45],
  'i32.eq': [0x46],
  'i32.ne': [0x47],
  'i32.lt_s': [0x48],
  'i32.lt_u': [0x49],
  'i32.gt_s': [0x4a],
  'i32.gt_u': [0x4b],
  'i32.le_s': [0x4c],
  'i32.le_u': [0x4d],
  'i32.ge_s': [0x4e],
  'i32.ctz': [0x68],
  'i32.add': [0x6a],
  'i32.sub': [0x6b],
  'i32.mul': [0x6c],
  'i32.and': [0x71],
  'i32.or': [0x72],
  'i32.xor': [0x73],
  'i32.shl': [0x74],
  'i8x16.splat': [0xfd, 0x0f],
  'i8x16.eq': [0xfd, 0x23],
  'i8x16.lt_u': [0xfd, 0x26],
  'v128.or': [0xfd, 0x50],
  'i8x16.bitmask': [0xfd, 0x64],
}

/** Loads and stores, which may say `offset=N`. */
const memory: Readonly<Record<string, readonly number[]>> = {
  'i32.load': [0x28],
  'i32.load8_u': [0x2d],
  'i32.store': [0x36],
  'v128.load': [0xfd, 0x00],
  'v128.store': [0xfd, 0x0b],
}

/** The text as nested lists of words. */
function parse(text: string): readonly Expression[] {
  const open: Expression[][] = [[]]
  for (const [word] of text.matchAll(/;;.*|[()]|[^\s();]+/g)) {
    if (word.startsWith(';;')) continue
    if (word === '(') open.push([])
    else if (word !== ')') open.at(-1)?.push(word)
    else {
      const list = open.pop() ?? []
      open.at(-1)?.push(list)
    }
  }
  return open[0] ?? []
}

/** The lists inside a list that begins with this word. */
function listsOf(list: Expression | undefined, word: string): readonly (readonly Expression[])[] {
  if (typeof list === 'string' || list?.[0] !== word) throw new Error(`a (${word} ...) is missing`)
  return list.filter((one) => typeof one !== 'string')
}

function functionOf(list: readonly Expression[]): WasmFunction {
  const lists = listsOf(list, 'func')
  const typed = (word: string) =>
    lists
      .filter((one) => one[0] === word)
      .map((one) => [wordOf(one[1]), found(types, wordOf(one.at(-1)))] as const)
  return {
    name: wordOf(list[1]),
    parameters: typed('param'),
    results: typed('result').map(([, type]) => type),
    locals: typed('local'),
    body: lists.filter((one) => !['param', 'result', 'local'].includes(wordOf(one[0]))),
  }
}

function bodyOf(
  { parameters, locals, body }: WasmFunction,
  functions: ReadonlyMap<string, number>,
): number[] {
  const names = new Map([...parameters, ...locals].map(([name], index) => [name, index]))
  const code = body.flatMap((one) => new Emitter(names, functions).emit(one, []))
  const declared = vector(locals.map(([, type]) => [0x01, type]))
  return sized([...declared, ...code, 0x0b])
}

/** The instructions of one function. */
class Emitter {
  readonly #locals: ReadonlyMap<string, number>
  readonly #functions: ReadonlyMap<string, number>

  constructor(locals: ReadonlyMap<string, number>, functions: ReadonlyMap<string, number>) {
    this.#locals = locals
    this.#functions = functions
  }

  /** A folded instruction: what it takes comes before it. `labels` of the blocks around it, the innermost last. */
  emit(list: Expression, labels: readonly string[]): number[] {
    const [word, ...rest] = typeof list === 'string' ? [] : list
    const name = wordOf(word)
    const [first] = rest
    const all = (some: readonly Expression[]) => some.flatMap((one) => this.emit(one, labels))
    switch (name) {
      case 'block':
      case 'loop': {
        const inside = [...labels, wordOf(first)]
        const code = rest.slice(1).flatMap((one) => this.emit(one, inside))
        return [name === 'block' ? 0x02 : 0x03, 0x40, ...code, 0x0b]
      }
      case 'if':
        return [...all(rest.slice(0, 1)), 0x04, 0x40, ...this.#branches(rest.slice(1), labels), 0x0b]
      case 'br':
      case 'br_if': {
        const label = indexIn(labels.lastIndexOf(wordOf(first)), first)
        const code = name === 'br' ? 0x0c : 0x0d
        return [...all(rest.slice(1)), code, ...unsigned(labels.length - 1 - label)]
      }
      case 'i32.const':
        return [0x41, ...signed(Number(wordOf(first)))]
      case 'local.get':
        return [0x20, ...this.#local(first)]
      case 'local.set':
        return [...all(rest.slice(1)), 0x21, ...this.#local(first)]
      case 'local.tee':
        return [...all(rest.slice(1)), 0x22, ...this.#local(first)]
      case 'call':
        return [...all(rest.slice(1)), 0x10, ...unsigned(indexIn(this.#functions.get(wordOf(first)), first))]
    }
    const access = memory[name]
    if (access === undefined) return [...all(rest), ...found(plain, name)]
    const offset = typeof first === 'string' ? Number(first.replace('offset=', '')) : 0
    return [...all(typeof first === 'string' ? rest.slice(1) : rest), ...access, 0x00, ...unsigned(offset)]
  }

  /** `(then ...)` and, where it is there, `(else ...)`. An `if` is a block without a name. */
  #branches(lists: readonly Expression[], labels: readonly string[]): number[] {
    const [then = [], otherwise = []] = lists.map((list) =>
      typeof list === 'string' ? [] : list.slice(1).flatMap((one) => this.emit(one, [...labels, ''])),
    )
    return lists.length > 1 ? [...then, 0x05, ...otherwise] : then
  }

  #local(name: Expression | undefined): number[] {
    return unsigned(indexIn(this.#locals.get(wordOf(name)), name))
  }
}

/** What a name stands for; throws when that is nothing. */
function indexIn(index: number | undefined, name: Expression | undefined): number {
  if (index === undefined || index === -1) throw new Error(`unknown name ${name}`)
  return index
}

function wordOf(one: Expression | undefined): string {
  if (typeof one !== 'string') throw new Error('a word is missing')
  return one
}

function found<T>(known: Readonly<Record<string, T>>, word: string): T {
  const one = known[word]
  if (one === undefined) throw new Error(`unknown word ${word}`)
  return one
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  return [id, ...sized(vector(entries))]
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes]
}

function vector(entries: readonly (readonly number[])[]): number[] {
  return [...unsigned(entries.length), ...entries.flat()]
}

function text8(text: string): number[] {
  return sized([...Buffer.from(text)])
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: number): number[] {
  const rest = value >> 7
  const isLast = rest === (value & 0x40 ? -1 : 0)
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(rest)]
}
