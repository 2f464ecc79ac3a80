// docs/errors.md and the list of codes say the same, and no code is only a word.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const codes = [...readFileSync(join(root, 'core/errors.ts'), 'utf8').matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(
  (match) => match[1] ?? '',
)

test('every error code has its line, sorted, and no line is left over', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1])
  expect(documented).toEqual([...codes].sort())
})

test('every error code is used somewhere', () => {
  const floors = ['agent', 'cli', 'collector', 'config', 'core/scope.ts', 'protocol', 'runtime', 'sinks']
  const unused = codes.filter((code) => !isUsed(code, floors))
  expect(unused).toEqual([])
})

function isUsed(code: string, floors: readonly string[]): boolean {
  const files = execFileSync('git', ['grep', '-l', '--untracked', `'${code}'`, '--', ...floors], {
    cwd: root,
  })
  return files.length > 0
}
