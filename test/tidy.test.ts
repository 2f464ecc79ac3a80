// The house rules that a program can check: floors, doors, bans, first lines, sizes, dead files.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
const files = tracked
  .split('\n')
  .filter((path) => path !== '' && !path.endsWith('.d.ts'))
  .flatMap((path) => read(path))
const house = files.filter(
  (file) => !/^(test|bench|examples|docs|packaging)\//.test(file.path) && !/config\.ts$/.test(file.path),
)

/** Who may import whom: a folder and the folders it may look into. Anything else is a floor that looks up. */
const floors: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocol: ['core'],
  config: ['core'],
  agent: ['core', 'protocol', 'config'],
  collector: ['core', 'protocol', 'config'],
  sinks: ['core', 'protocol', 'config'],
  runtime: ['core'],
  tracker: [],
  cli: ['core', 'protocol', 'config', 'agent', 'collector', 'sinks', 'runtime', 'tracker'],
}

/** Inside the collector: http, kafka -> broker -> log; collector.ts joins them. */
const collectorFloors: Readonly<Record<string, readonly string[]>> = {
  http: ['broker'],
  kafka: ['broker'],
  broker: ['log'],
  log: [],
}

/** Modules that touch the outside, and the folders that may: everybody else takes a Runtime. */
const outside =
  /^node:(fs|net|http|https|http2|tls|dgram|dns|child_process|worker_threads|os|timers|perf_hooks|cluster|sqlite|readline|tty|process)(\/|$)/
const mayTouchOutside = /^(runtime|cli|tracker\/build|sinks\/clickhouse\/embedded)\b/

/** Globals that ask the world for time, chance or network. */
const bans: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\(\)|\bnew Date\(\)/, 'ask runtime.clock.now()'],
  [/\bperformance\.now\(/, 'ask runtime.clock.monotonic()'],
  [/\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/, 'ask runtime.random'],
  [/(?<![.\w])(setTimeout|setInterval|setImmediate)\(/, 'use runtime.clock.sleep'],
  [/\bAbortSignal\.timeout\(/, 'use runtime.clock.sleep'],
  [/(?<![.\w])fetch\(/, 'use runtime.http.request'],
  [/\bprocess\.(env|argv|exit|stdout|stderr|on)\b/, 'only cli talks to the process'],
  [/\bgetBuiltinModule\('node:(?!crypto')/, 'ask the Runtime'],
]

test('every file begins with a sentence that says what it is', () => {
  const wrong = files.filter((file) => !/^(#!.*\n)?\/\/ \S.{10,}/.test(file.text)).map((file) => file.path)
  expect(wrong).toEqual([])
})

test('floors only look down', () => {
  const wrong = house.flatMap((file) =>
    file.imports
      .filter((target) => target.startsWith('.'))
      .map((target) => relative(root, join(root, dirname(file.path), target)))
      .filter((target) => !mayImport(file.path, target))
      .map((target) => `${file.path} -> ${target}`),
  )
  expect(wrong).toEqual([])
})

test('every npm package has one door', () => {
  const doors = new Map<string, Set<string>>()
  for (const file of house) {
    for (const target of file.imports) {
      if (target.startsWith('.') || target.startsWith('node:')) continue
      const name = target
        .split('/')
        .slice(0, target.startsWith('@') ? 2 : 1)
        .join('/')
      doors.set(name, (doors.get(name) ?? new Set()).add(file.path))
    }
  }
  // zod: every sink brings its schema.
  doors.delete('zod')
  const wrong = [...doors]
    .filter(([, paths]) => paths.size > 1)
    .map(([name, paths]) => `${name}: ${[...paths]}`)
  expect(wrong).toEqual([])
})

test('core and protocol import nothing from outside, but for the doors of CRC and compression', () => {
  const doors = new Set([
    'protocol/crc32c.ts',
    'protocol/compression.ts',
    'protocol/unpacking.ts',
    'protocol/zstd-packer.ts',
  ])
  const wrong = house
    .filter((file) => /^(core|protocol)\//.test(file.path) && !doors.has(file.path))
    .flatMap((file) =>
      file.imports.filter((target) => !target.startsWith('.')).map((t) => `${file.path} -> ${t}`),
    )
  expect(wrong).toEqual([])
})

test('time, chance, disk and network come as an argument', () => {
  const wrong: string[] = []
  for (const file of house) {
    if (mayTouchOutside.test(file.path) || file.path.startsWith('tracker/')) continue
    for (const target of file.imports) if (outside.test(target)) wrong.push(`${file.path} imports ${target}`)
    const code = withoutComments(file.text)
    for (const [pattern, instead] of bans) if (pattern.test(code)) wrong.push(`${file.path}: ${instead}`)
  }
  expect(wrong).toEqual([])
})

test('scripts of tests and benches read their options by parseScript, which knows --help', () => {
  const scripts = files.filter((file) => /^(test|bench|packaging)\//.test(file.path))
  const wrong = scripts.filter((file) => /\bparseArgs\(/.test(file.text)).map((file) => file.path)
  expect(wrong).toEqual(['test/script.ts'])
})

test('no file is dead: each is imported, run, or a test', () => {
  const imported = new Set(
    files.flatMap((file) =>
      file.imports
        .filter((t) => t.startsWith('.'))
        .map((t) => relative(root, join(root, dirname(file.path), t))),
    ),
  )
  const named = ['package.json', 'vitest.config.ts', '.ci/run', 'biome.json']
    .map((path) => readMaybe(path))
    .join('\n')
  const texts = files.map((file) => file.text).join('\n')
  const dead = files
    .map((file) => file.path)
    .filter((path) => !/\.test\.ts$|config\.ts$/.test(path) && !imported.has(path) && !named.includes(path))
    // Started by name from another file: a child process, a bench, a browser bundle's entry.
    .filter(
      (path) => !texts.includes(path.split('/').slice(-1)[0] ?? path) && !/^(bench|examples)\//.test(path),
    )
  expect(dead).toEqual([])
})

test('no test is left out, no checker is silenced', () => {
  const pattern =
    /\b(?:it|test|describe|suite)\.(?:skip|todo|only|fails)(?:\b|\.)|@ts-(?:ignore|nocheck|expect-error)|\bas any\b|\bas unknown as\b|biome-ignore/
  const wrong = files.filter((file) => file.path !== 'test/tidy.test.ts' && pattern.test(file.text))
  expect(wrong.map((file) => file.path)).toEqual([])
})

test('work left open has an issue number', () => {
  const wrong = files.filter((file) => /\b(TODO|FIXME|XXX|HACK)\b(?!.*#\d)/.test(file.text))
  expect(wrong.map((file) => file.path).filter((path) => path !== 'test/tidy.test.ts')).toEqual([])
})

interface SourceFile {
  readonly path: string
  readonly text: string
  readonly imports: readonly string[]
}

function read(path: string): SourceFile[] {
  const text = readMaybe(path)
  if (text === '') return []
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g
  const imports = [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
  return [{ path, text, imports }]
}

function readMaybe(path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return ''
  }
}

function mayImport(from: string, to: string): boolean {
  const [fromFloor = '', fromRoom = ''] = from.split('/')
  const [toFloor = '', toRoom = ''] = to.split('/')
  if (fromFloor !== toFloor) return (floors[fromFloor] ?? []).includes(toFloor)
  if (fromFloor !== 'collector' || fromRoom === toRoom || fromRoom.endsWith('.ts')) return true
  return (collectorFloors[fromRoom] ?? []).includes(toRoom)
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}
