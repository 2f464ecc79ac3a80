// docs/lines.md: each example gives what stands beneath it, and every preset and pattern is on the page.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { framingOf } from '../../cli/framings.ts'
import { multiline } from '../../config/multiline.ts'
import { textsIn } from '../agent/lines/reading.ts'
import { load } from '../config/samples.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/lines.md'), 'utf8')
const examples = [
  ...page.matchAll(
    /```yaml lines\n([\s\S]*?)```\n```text( base64)?\n([\s\S]*?)\n```\n```json\n([\s\S]*?)```/g,
  ),
].map(([, yaml = '', encoded, text = '', records = '']) => ({
  yaml: yaml.trimEnd(),
  bytes: encoded === undefined ? Buffer.from(text) : Buffer.from(text, 'base64'),
  records,
}))

test.each(examples.map((example) => [example.yaml, example] as const))(
  '%s',
  async (_, { yaml, bytes, records }) => {
    const indented = yaml.replace(/^/gm, '      ')
    const loaded = load(
      `version: 1\nagent:\n  inputs:\n    logs:\n      type: file\n      paths: [a.log]\n${indented}\n`,
    )
    if (!('config' in loaded)) throw new Error(JSON.stringify(loaded.problems))
    const input = loaded.config.agent?.inputs.logs
    const framing = input?.type === 'file' ? await framingOf(input) : undefined
    if (framing === undefined) throw new Error('the example asks for nothing')
    expect(await textsIn(bytes, { framing })).toEqual(JSON.parse(records))
  },
)

test('every example is tried, every preset and pattern is on the page', () => {
  expect(examples.length).toBe(page.split('```yaml').length - 1)
  const { preset, ...rest } = multiline.def.options[1].shape
  const keys = Object.keys(rest)
  expect(keys.length).toBe(8)
  expect(preset).toBeDefined()
  expect(keys.filter((key) => !page.includes(`\`${key}\``))).toEqual([])
})
