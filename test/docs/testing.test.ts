// docs/testing.md: its example gives what stands beneath it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { logdrive, temporaryFolder } from '../cli/process.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/testing.md'), 'utf8')

test('the example prints what the page says', async () => {
  const [, yaml = '', output = ''] =
    /```yaml tested\n([\s\S]*?)```\n```text tested\n([\s\S]*?)```/.exec(page) ?? []
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'logdrive.yaml'), yaml)
  const { code, stdout } = await logdrive(['test'], { cwd: folder.path })
  // A line without a time is of when it was read.
  expect(stdout.replace(/"ts":"[^"]*"/, '"ts":"2026-11-21T06:00:00.000Z"')).toBe(output)
  expect(code).toBe(1)
})
