// docs/transforms.md: each example gives what stands beneath it, and no function, kind or reason is left out.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lineMaking } from '../../agent/parsing.ts'
import { functions } from '../../agent/transform/functions.ts'
import { redactKinds } from '../../agent/transform/options.ts'
import { parseOptions } from '../../cli/parsers.ts'
import { load } from '../config/samples.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/transforms.md'), 'utf8')
const examples = [
  ...page.matchAll(/```yaml transformed\n([\s\S]*?)```\n```text\n([\s\S]*?)\n```\n```json\n([\s\S]*?)```/g),
].map(([, yaml = '', line = '', record = '']) => ({ yaml: yaml.trimEnd(), line, record }))

test.each(examples.map((example) => [example.yaml, example] as const))(
  '%s',
  async (_, { yaml, line, record }) => {
    const indented = yaml.replace(/^/gm, '      ')
    const loaded = load(
      `version: 1\nagent:\n  inputs:\n    logs:\n      type: file\n      paths: [a.log]\n${indented}\n`,
    )
    if (!('config' in loaded)) throw new Error(JSON.stringify(loaded.problems))
    const input = loaded.config.agent?.inputs.logs
    if (input?.type !== 'file') throw new Error('the example has no input')
    const { parse, transforms } = input
    const making = await lineMaking({
      parse: parse === undefined ? undefined : parseOptions(parse),
      transforms,
    })
    const bytes = Buffer.from(line)
    const made = making?.make(
      { bytes, starts: Int32Array.of(0), ends: Int32Array.of(bytes.length), count: 1 },
      0,
    )
    const text = Buffer.from(made?.bytes.subarray(made.starts[0], made.ends[0]) ?? []).toString()
    const { ts: _ts, ...value } = making?.hasFields === true ? JSON.parse(text) : { text }
    expect(making?.hasFields === true ? value : text).toEqual(JSON.parse(record))
  },
)

test('there are examples', () => {
  expect(examples.length).toBe(2)
})

test('every function, kind and reason is on the page', () => {
  expect([...functions.values()].filter(({ usage }) => !page.includes(`\`${usage}\``))).toEqual([])
  expect(redactKinds.filter((kind) => !page.includes(`\`${kind}\``))).toEqual([])
  const folder = join(root, 'agent/transform')
  const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const reasons = sources.flatMap((text) =>
    [...text.matchAll(/new EvaluationError\('(\w+)'\)/g)].map(([, reason]) => reason ?? ''),
  )
  expect(reasons.length).toBeGreaterThan(8)
  expect(
    reasons.filter((reason) => reason !== 'unknown_function' && !page.includes(`\`${reason}\``)),
  ).toEqual([])
})
