// What may reach a terminal.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeForTerminal, humanSize, humanTime, table } from '../../cli/output.ts'

test('escapes, control characters and bidirectional overrides are shown, not sent', () => {
  expect(escapeForTerminal('a\u001b[31mred\u0007\u202eevil\u2066\u009b')).toBe(
    'a\\u001b[31mred\\u0007\\u202eevil\\u2066\\u009b',
  )
  expect(escapeForTerminal('plain, ümlaut, 漢字, 🙂\n')).toBe('plain, ümlaut, 漢字, 🙂\n')
})

test('no text keeps a character that steers a terminal, and escaped JSON means the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = escapeForTerminal(JSON.stringify(text))
      for (const character of escaped) {
        const code = character.codePointAt(0) ?? 0
        expect(code >= 32 && !(code >= 127 && code < 160) && !(code >= 0x202a && code <= 0x202e)).toBe(true)
      }
      expect(JSON.parse(escaped)).toBe(text)
    }),
  )
})

test('a table has columns: numbers to the right, nothing as a dash, newlines kept in', () => {
  expect(
    table(
      ['name', 'lag'],
      [
        ['a', 5],
        ['longer\nname', 1200],
      ],
    ),
  ).toMatchInlineSnapshot(`
    "NAME           LAG
    a                5
    longer\\nname  1200
    "
  `)
  expect(table(['name', 'age'], [['x', null]])).toMatchInlineSnapshot(`
    "NAME  AGE
    x     -
    "
  `)
})

test('sizes and times as people read them', () => {
  expect([0, 512, 1536, 20 * 2 ** 30].map(humanSize)).toEqual(['0 B', '512 B', '1.5 KiB', '20.0 GiB'])
  expect([40, 12_000, 300_000, 10_800_000, 7 * 86_400_000].map(humanTime)).toEqual([
    '40 ms',
    '12 s',
    '5 min',
    '3 h',
    '7 d',
  ])
})
