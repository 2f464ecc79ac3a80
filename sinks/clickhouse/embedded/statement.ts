// What a SQL text is: just enough lexing to tell reads, changes and inserts with data apart, and to find the data.

/** A piece of SQL: `quoted` is an identifier in backticks or double quotes, `string` a literal. */
interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'mark'
  readonly text: string
  readonly from: number
  readonly to: number
}

/** An INSERT whose rows follow in the text (or in the request body behind it). */
export interface DataInsert {
  readonly kind: 'data'
  /** The table as written, such as `db`.t. */
  readonly target: string
  /** What stood between the parentheses, or null. */
  readonly columns: string | null
  /** The text of the SETTINGS clause without its keyword, or null. */
  readonly settings: string | null
  readonly format: string
  /** Where the rows begin in the text. */
  readonly dataFrom: number
}

/**
 * `read` gives rows and changes nothing; `insert` is an INSERT that the engine takes as it is (VALUES, SELECT);
 * `change` is everything else (DDL, SET, KILL ...); `invalid` must not reach the engine.
 */
export type Statement =
  | { readonly kind: 'read'; readonly format: string | null }
  | DataInsert
  | { readonly kind: 'insert' }
  | { readonly kind: 'change' }
  | { readonly kind: 'invalid'; readonly code: number; readonly message: string }

const readWords = new Set([
  'SELECT',
  'WITH',
  'SHOW',
  'DESCRIBE',
  'DESC',
  'EXPLAIN',
  'EXISTS',
  'CHECK',
  'FROM',
])

/** Classifies one statement; the text may be latin1-decoded bytes, positions then are byte positions. */
export function readStatement(text: string): Statement {
  const first = nextToken(text, 0)
  if (first === null) return invalid(62, 'Syntax error: the query is empty. (SYNTAX_ERROR)')
  const word = first.text.toUpperCase()
  if (first.kind === 'word' && word === 'INSERT') return readInsert(text, first.to)
  const tail = scanRest(text, first.from)
  if (tail.several) return severalStatements()
  if (first.text === '(' || readWords.has(word)) return { kind: 'read', format: tail.format }
  return { kind: 'change' }
}

function invalid(code: number, message: string): Statement {
  return { kind: 'invalid', code, message }
}

function severalStatements(): Statement {
  return invalid(62, 'Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)')
}

/** Walks `[INTO] [TABLE] name [(columns)] [SETTINGS ...] FORMAT name`; anything else is for the engine. */
function readInsert(text: string, from: number): Statement {
  let token = nextToken(text, from)
  for (const skipped of ['INTO', 'TABLE']) {
    if (token !== null && isWord(token, skipped)) token = nextToken(text, token.to)
  }
  if (token === null || token.kind === 'mark' || isWord(token, 'FUNCTION')) return readOtherInsert(text, from)
  const target = readTarget(text, token)
  let at = target.to
  let columns: string | null = null
  token = nextToken(text, at)
  if (token?.text === '(') {
    const close = closingParenthesis(text, token.to)
    if (close < 0) return readOtherInsert(text, from)
    columns = text.slice(token.to, close)
    at = close + 1
    token = nextToken(text, at)
  }
  let settings: string | null = null
  if (token !== null && isWord(token, 'SETTINGS')) {
    const end = clauseEnd(text, token.to)
    settings = text.slice(token.to, end).trim()
    token = nextToken(text, end)
  }
  if (token === null || !isWord(token, 'FORMAT')) return readOtherInsert(text, from)
  const format = nextToken(text, token.to)
  if (format?.kind !== 'word') return invalid(62, 'Syntax error: FORMAT needs a name. (SYNTAX_ERROR)')
  if (format.text.toUpperCase() === 'VALUES') return { kind: 'insert' }
  return {
    kind: 'data',
    target: target.text,
    columns,
    settings,
    format: format.text,
    dataFrom: dataStart(text, format.to),
  }
}

/** VALUES, SELECT, FROM INFILE. input() is refused: the embedded engine takes it and inserts nothing, silently. */
function readOtherInsert(text: string, from: number): Statement {
  for (let token = nextToken(text, from); token !== null; token = nextToken(text, token.to)) {
    if (isWord(token, 'VALUES')) return { kind: 'insert' }
    if (isWord(token, 'INPUT') && nextToken(text, token.to)?.text === '(') {
      return invalid(48, 'input() is not available in the embedded engine. (NOT_IMPLEMENTED)')
    }
    if (token.text === ';' && nextToken(text, token.to) !== null) return severalStatements()
  }
  return { kind: 'insert' }
}

function readTarget(text: string, first: Token): { text: string; to: number } {
  const dot = nextToken(text, first.to)
  const second = dot?.text === '.' ? nextToken(text, dot.to) : null
  const to = second === null ? first.to : second.to
  return { text: text.slice(first.from, to), to }
}

/** The data starts after blanks and one line end behind the format's name, as ClickHouse has it. */
function dataStart(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\f') at += 1
  if (text[at] === ';') at += 1
  if (text[at] === '\r' && text[at + 1] === '\n') return at + 2
  return text[at] === '\n' ? at + 1 : at
}

function clauseEnd(text: string, from: number): number {
  let depth = 0
  for (let token = nextToken(text, from); token !== null; token = nextToken(text, token.to)) {
    if ('([{'.includes(token.text)) depth += 1
    else if (')]}'.includes(token.text)) depth -= 1
    else if (depth === 0 && clauseWords.has(token.text.toUpperCase())) return token.from
  }
  return text.length
}

const clauseWords = new Set(['FORMAT', 'VALUES', 'SELECT', 'WITH'])

function closingParenthesis(text: string, from: number): number {
  let depth = 1
  for (let token = nextToken(text, from); token !== null; token = nextToken(text, token.to)) {
    if (token.text === '(') depth += 1
    if (token.text === ')') depth -= 1
    if (depth === 0) return token.from
  }
  return -1
}

/** The FORMAT of a read, and whether a second statement follows. */
function scanRest(text: string, from: number): { format: string | null; several: boolean } {
  let format: string | null = null
  let depth = 0
  for (let token = nextToken(text, from); token !== null; token = nextToken(text, token.to)) {
    if (token.text === ';') return { format, several: nextToken(text, token.to) !== null }
    if (token.text === '(') depth += 1
    if (token.text === ')') depth -= 1
    if (depth === 0 && isWord(token, 'FORMAT')) {
      const name = nextToken(text, token.to)
      const after = name === null ? null : nextToken(text, name.to)
      const last = after === null || after.text === ';' || isWord(after, 'SETTINGS')
      if (name?.kind === 'word' && last) format = name.text
    }
  }
  return { format, several: false }
}

/**
 * The names in a column list, `null` for a list that is not plain names. `except` is true for `* EXCEPT (a, b)`.
 */
export function readColumnList(text: string): { names: readonly string[]; except: boolean } | null {
  let rest = text.trim()
  const starred = /^\*\s*EXCEPT\s*/i.exec(rest)
  if (starred !== null) {
    rest = rest.slice(starred[0].length)
    if (rest.startsWith('(') && rest.endsWith(')')) rest = rest.slice(1, -1)
  }
  const names: string[] = []
  let name = ''
  let joined = true
  for (let token = nextToken(rest, 0); token !== null; token = nextToken(rest, token.to)) {
    if (token.text === ',' && !joined) {
      names.push(name)
      name = ''
      joined = true
    } else if (token.text === '.' && !joined) {
      name += '.'
      joined = true
    } else if (joined && (token.kind === 'word' || token.kind === 'quoted')) {
      name += unquote(token)
      joined = false
    } else return null
  }
  if (joined) return null
  names.push(name)
  return { names, except: starred !== null }
}

/** All identifiers that an expression mentions, functions included. */
export function identifiersOf(expression: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (let token = nextToken(expression, 0); token !== null; token = nextToken(expression, token.to)) {
    if (token.kind === 'word' || token.kind === 'quoted') names.add(unquote(token))
  }
  return names
}

/** An identifier in backticks, safe whatever is in it. */
export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

/** A string literal, safe whatever is in it. */
export function quoteString(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function unquote(token: Token): string {
  if (token.kind !== 'quoted') return token.text
  const quote = token.text[0] ?? ''
  return token.text
    .slice(1, -1)
    .replaceAll(quote + quote, quote)
    .replace(/\\(.)/gs, '$1')
}

function isWord(token: Token, word: string): boolean {
  return token.kind === 'word' && token.text.toUpperCase() === word
}

const blanks = /[\s\0]+/y
const wordStart = /[A-Za-z0-9_$\u0080-\uffff]+/y

/** The token at or behind a position, blanks and comments skipped; null at the end. */
function nextToken(text: string, from: number): Token | null {
  let at = from
  for (;;) {
    blanks.lastIndex = at
    at += blanks.exec(text)?.[0].length ?? 0
    const comment = commentEnd(text, at)
    if (comment === at) break
    at = comment
  }
  const start = text[at]
  if (start === undefined) return null
  if (start === "'") return { kind: 'string', ...slice(text, at, quotedEnd(text, at)) }
  if (start === '`' || start === '"') return { kind: 'quoted', ...slice(text, at, quotedEnd(text, at)) }
  const heredoc = start === '$' ? /\$\w*\$/y : null
  if (heredoc !== null) {
    heredoc.lastIndex = at
    const tag = heredoc.exec(text)?.[0]
    const end = tag === undefined ? -1 : text.indexOf(tag, at + tag.length)
    if (tag !== undefined && end > 0) return { kind: 'string', ...slice(text, at, end + tag.length) }
  }
  wordStart.lastIndex = at
  const word = wordStart.exec(text)?.[0]
  if (word !== undefined) return { kind: 'word', ...slice(text, at, at + word.length) }
  return { kind: 'mark', ...slice(text, at, at + 1) }
}

function slice(text: string, from: number, to: number): { text: string; from: number; to: number } {
  return { text: text.slice(from, to), from, to }
}

function commentEnd(text: string, at: number): number {
  if (text.startsWith('/*', at)) {
    const end = text.indexOf('*/', at + 2)
    return end < 0 ? text.length : end + 2
  }
  if (text.startsWith('--', at) || text.startsWith('#!', at) || text.startsWith('# ', at)) {
    const end = text.indexOf('\n', at)
    return end < 0 ? text.length : end + 1
  }
  return at
}

function quotedEnd(text: string, from: number): number {
  const quote = text[from]
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1
      at += 1
    }
  }
  return text.length
}
