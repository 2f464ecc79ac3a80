// The matrix as it stands in docs/kafka.md, between markers: the date, the versions, the table, and why cells do not apply.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Broker } from './broker.ts'
import type { Case, Client } from './case.ts'
import type { Cell } from './matrix.ts'

const page = join(import.meta.dirname, '../../docs/kafka.md')
const begin = '<!-- matrix: written by npm run test:interop -- --full --write -->'
const end = '<!-- end of matrix -->'

/** A column of the matrix. */
export type Column = Pick<Client, 'name' | 'version'>

/** The result of a run. */
export interface Kept {
  readonly clients: readonly Column[]
  readonly cells: readonly Cell[]
}

export interface Matrix extends Kept {
  readonly broker: Pick<Broker, 'name' | 'version'>
  readonly cases: readonly Case[]
}

/** Puts the matrix in its place on the page. */
export function writePage(matrix: Matrix): void {
  const text = readFileSync(page, 'utf8')
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${page} has no place for the matrix`)
  writeFileSync(page, `${before}${begin}\n\n${matrixPage(matrix)}\n\n${end}${after}`)
}

/** Date, versions, table, reasons. */
export function matrixPage({ broker, clients, cases, cells }: Matrix): string {
  const date = new Date().toISOString().slice(0, 10)
  const versions = clients.map(({ name, version }) => `| ${name} | ${version} |`)
  const reasons = [...new Set(cells.filter(({ reason }) => reason !== '').map(({ reason }) => reason))]
  return [
    `${date}, ${broker.name} ${broker.version}.`,
    '',
    '| client | version |\n| --- | --- |',
    ...versions,
    '',
    matrixText(clients, cases, cells, reasons),
    '',
    ...reasons.map((reason, index) => `${index + 1}. ${reason.split('\n')[0]}`),
  ].join('\n')
}

/** The table in Markdown: a line for each case, a column for each client; a number names the reason. */
export function matrixText(
  clients: readonly Column[],
  cases: readonly Case[],
  cells: readonly Cell[],
  reasons: readonly string[],
): string {
  const shown = ({ outcome, reason }: Cell) =>
    outcome === 'ok' ? 'ok' : `${outcome} <sup>${reasons.indexOf(reason) + 1}</sup>`
  const at = (client: Column, one: Case) =>
    cells.filter((cell) => cell.client === client.name && cell.case === one.name).map(shown)[0] ?? ''
  const ran = cases.filter(({ name }) => cells.some((cell) => cell.case === name))
  const line = (words: readonly string[]) => `| ${words.join(' | ')} |`
  return [
    line(['case', ...clients.map(({ name }) => name)]),
    line(['---', ...clients.map(() => '---')]),
    ...ran.map((one) => line([`${one.name}: ${one.about}`, ...clients.map((client) => at(client, one))])),
  ].join('\n')
}
