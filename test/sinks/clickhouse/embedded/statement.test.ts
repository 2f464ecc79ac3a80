// Telling statements apart: what is a read, where the data of an insert begin, and that no text breaks the lexer.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  identifiersOf,
  quoteIdentifier,
  quoteString,
  readColumnList,
  readStatement,
} from '../../../../sinks/clickhouse/embedded/statement.ts'
import { stepsOf } from '../../../steps.ts'

describe('readStatement', () => {
  test('knows reads, and the FORMAT at their end', () => {
    expect(readStatement('select 1')).toEqual({ kind: 'read', format: null })
    expect(readStatement('/* a */ -- b\n WITH 1 AS x SELECT x FORMAT JSON;')).toEqual({
      kind: 'read',
      format: 'JSON',
    })
    expect(readStatement('(SELECT 1) FORMAT CSV SETTINGS a = 1')).toEqual({ kind: 'read', format: 'CSV' })
    expect(readStatement("SELECT 'FORMAT JSON', format AS x FROM t")).toEqual({ kind: 'read', format: null })
  })

  test('knows changes, and refuses a second statement', () => {
    expect(readStatement('CREATE TABLE t (a Int8)')).toEqual({ kind: 'change' })
    expect(readStatement("SELECT ';' -- ; \n ;")).toMatchObject({ kind: 'read' })
    expect(readStatement('SELECT 1; DROP TABLE t')).toMatchObject({ kind: 'invalid', code: 62 })
    expect(readStatement(' \n/* ; */ ')).toMatchObject({ kind: 'invalid', code: 62 })
  })

  test('finds where the data of an insert begin', () => {
    const sql = 'INSERT INTO `a b`.t (a, `b)`) SETTINGS x = 1, y = (2) FORMAT TSV \r\n1\t;--\n'
    expect(readStatement(sql)).toEqual({
      kind: 'data',
      target: '`a b`.t',
      columns: 'a, `b)`',
      settings: 'x = 1, y = (2)',
      format: 'TSV',
      dataFrom: sql.indexOf('1\t'),
    })
    const bare = 'insert t format JSONEachRow'
    expect(readStatement(bare)).toMatchObject({
      kind: 'data',
      target: 't',
      columns: null,
      dataFrom: bare.length,
    })
    expect(readStatement(`${bare} {"a":1}`)).toMatchObject({ dataFrom: bare.length + 1 })
    // Binary rows may begin with anything but one line end.
    expect(readStatement('INSERT INTO t FORMAT RowBinary\n\n')).toMatchObject({ dataFrom: 31 })
  })

  test('leaves other inserts to the engine, but for input()', () => {
    expect(readStatement("INSERT INTO t VALUES (';')")).toEqual({ kind: 'insert' })
    expect(readStatement('INSERT INTO t SELECT 1')).toEqual({ kind: 'insert' })
    expect(readStatement('INSERT INTO t FORMAT Values (1)')).toEqual({ kind: 'insert' })
    expect(readStatement("INSERT INTO FUNCTION file('x') SELECT 1")).toEqual({ kind: 'insert' })
    expect(readStatement('INSERT INTO t SELECT 1; DROP TABLE t')).toMatchObject({ kind: 'invalid', code: 62 })
    expect(readStatement("INSERT INTO t SELECT a FROM input('a Int8') FORMAT TSV")).toMatchObject({
      code: 48,
    })
  })

  test('ends on any text, in time that grows with its length', () => {
    const pieces = fc.constantFrom(
      "'",
      '"',
      '`',
      '\\',
      '/*',
      '*/',
      '--',
      '$a$',
      ';',
      '(',
      ')',
      'INSERT',
      'FORMAT',
      'T',
      ' ',
      '\n',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 60 }), (parts) => {
        const text = parts.join('')
        const statement = readStatement(text)
        if (statement.kind === 'data') expect(statement.dataFrom).toBeLessThanOrEqual(text.length)
      }),
    )
  })

  test('reads a text that is four times as long in four times the steps', () => {
    for (const hostile of ['(', "'", '`', '$a', '/*', 'a(']) {
      const steps = (count: number) => stepsOf(() => readStatement(`INSERT INTO t ${hostile.repeat(count)}`))
      steps(1)
      expect(steps(100_000) / steps(25_000), hostile).toBeLessThan(4.1)
    }
  })
})

test('quoting and reading names are each other’s inverse', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, unit: 'binary' }), { minLength: 1, maxLength: 5 }),
      (names) => {
        expect(readColumnList(names.map(quoteIdentifier).join(', '))).toEqual({ names, except: false })
      },
    ),
  )
  expect(readColumnList('* EXCEPT(a, `b`)')).toEqual({ names: ['a', 'b'], except: true })
  expect(readColumnList('n.a, b')).toEqual({ names: ['n.a', 'b'], except: false })
  for (const other of ['', 'a,', 'a b', "COLUMNS('x')", '*']) expect(readColumnList(other)).toBeNull()
})

test('a string literal cannot be left', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      expect(readStatement(`SELECT ${quoteString(value)}; SELECT`)).toMatchObject({ kind: 'invalid' })
      expect(readStatement(`SELECT ${quoteString(value)}`)).toMatchObject({ kind: 'read' })
    }),
  )
})

test('an expression names its columns', () => {
  expect([...identifiersOf("concat(a, 'b', `c d`, 1)")]).toEqual(['concat', 'a', 'c d', '1'])
})
