// The list of all source files, each with the sentence it begins with: the house, read from its folders.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const floors = [
  'core',
  'protocol',
  'config',
  'agent',
  'collector',
  'sinks',
  'runtime',
  'cli',
  'tracker',
  'packaging',
]

/** docs/house.md: a table per folder, in the order of the floors. */
export function houseDocument(root: string): string {
  const listed = execFileSync(
    'git',
    [
      'ls-files',
      '--',
      ...floors.map((floor) => `${floor}/**/*.ts`),
      ...floors.map((floor) => `${floor}/*.ts`),
    ],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
  const files = [...new Set(listed.split('\n'))].filter((path) => path !== '').sort()
  const folders = Map.groupBy(files, (path) => dirname(path))
  const order = (folder: string) => floors.indexOf(folder.split('/')[0] ?? '')
  const sorted = [...folders].sort(([left], [right]) => order(left) - order(right) || (left < right ? -1 : 1))
  const sections = sorted.map(([folder, paths]) => {
    const rows = paths.map(
      (path) => `| \`${path.slice(folder.length + 1)}\` | ${sentenceOf(join(root, path))} |`,
    )
    return `## ${folder}/\n\n| file | is |\n|---|---|\n${rows.join('\n')}\n`
  })
  const head = '# The house\n\nEvery file and the sentence it begins with. Written by `npm run docs`.\n'
  return `${head}\n${sections.join('\n')}`
}

/** The comment at the top, its lines joined. */
function sentenceOf(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n')
  const from = lines[0]?.startsWith('#!') ? 1 : 0
  const end = lines.findIndex((line, index) => index >= from && !/^\/\/ ?\S/.test(line))
  const text = lines.slice(from, end).map((line) => line.replace(/^\/\/ ?/, ''))
  return text.join(' ').replaceAll('|', '\\|')
}
