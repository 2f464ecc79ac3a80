// docs/parsing.md: each example gives what stands beneath it, and no reason, format or time is left out.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { timeFormatNames } from '../../agent/parse/time.ts'
import { parseOptions } from '../../cli/parsers.ts'
import { fieldsOf } from '../agent/parse/parsing.ts'
import { load } from '../config/samples.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/parsing.md'), 'utf8')
const examples = [
  ...page.matchAll(/```yaml parsed\n([\s\S]*?)```\n```text\n([\s\S]*?)\n```\n```json\n([\s\S]*?)```/g),
].map(([, yaml = '', line = '', record = '']) => ({ yaml: yaml.trimEnd(), line, record }))

test.each(examples.map((example) => [example.yaml, example] as const))('%s', (_, { yaml, line, record }) => {
  const indented = yaml.replace(/^/gm, '      ')
  const loaded = load(
    `version: 1\nagent:\n  inputs:\n    logs:\n      type: file\n      paths: [a.log]\n${indented}\n`,
  )
  if (!('config' in loaded)) throw new Error(JSON.stringify(loaded.problems))
  const input = loaded.config.agent?.inputs.logs
  const parse = input?.type === 'file' ? input.parse : undefined
  if (parse === undefined) throw new Error('the example has no parser')
  expect(fieldsOf(parseOptions(parse), line)).toEqual(JSON.parse(record))
})

test('every format has an example', () => {
  const types = [...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)
  expect(types).toEqual([
    'json',
    'logfmt',
    'nginx',
    'apache',
    'syslog',
    'cri',
    'docker',
    'klog',
    'regex',
    'csv',
  ])
  expect(examples.length).toBeGreaterThanOrEqual(types.length)
})

test('every format of a time and every reason is on the page', () => {
  expect(timeFormatNames.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  const folder = join(root, 'agent/parse')
  const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const reasons = sources.flatMap((text) =>
    [...text.matchAll(/(?:return|\?|\?\?|:) '([a-z0-9]+_[a-z0-9_]*[a-z0-9])'/g)].map(
      ([, reason]) => reason ?? '',
    ),
  )
  expect(reasons.length).toBeGreaterThan(15)
  expect(reasons.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([])
})
