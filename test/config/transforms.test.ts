// The transforms of an input in the YAML: what is wrong is said with its place, its key and its column.
import { expect, test } from 'vitest'
import { load } from './samples.ts'

function problems(...steps: readonly string[]): readonly string[] {
  const lines = steps.map((step) => `        - ${step}\n`).join('')
  const loaded = load(
    `version: 1\nagent:\n  inputs:\n    x:\n      type: file\n      paths: [a.log]\n      parse: json\n      transforms:\n${lines}`,
  )
  if ('config' in loaded) return []
  return loaded.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
}

test('a right one is taken, short or long', () => {
  expect(
    problems(
      "{ filter: '.status >= 400', when: 'exists(.status)' }",
      'sample: 0.1',
      'sample: { rate: 0.5, key: trace_id }',
      'redact: [email, card]',
      "redact: { patterns: { order: 'ORD-[0-9]+' }, hash_key: secret }",
      'add: { env: prod, n: 1, section: { expression: \'split(.path, "/")[1]\' } }',
      'remove: [http]',
      'rename: { a: b }',
    ),
  ).toEqual([])
})

test.each([
  [
    ["filter: '.a and lenght(.x) > 1'"],
    '9:19 agent.inputs.x.transforms[0].filter: column 8: unknown function "lenght"; did you mean "length"?',
  ],
  [
    ['sample: 0.1', "add: { b: { expression: '.a +' } }"],
    '10:35 agent.inputs.x.transforms[1].add.b.expression: column 5: the expression ends here: expected a value, such as .field, 12, "text" or a function',
  ],
  [
    ["redact: { patterns: { x: '(a)\\1' } }"],
    '9:36 agent.inputs.x.transforms[0].redact.patterns.x: the pattern could take for ever on some line: use no look-ahead, no back-references and no counts above 1000',
  ],
  [['sample: 1.5'], '9:19 agent.inputs.x.transforms[0].sample: expected a number from 0 to 1'],
  [
    ["{ filter: '.a', sample: 1 }"],
    '9:11 agent.inputs.x.transforms[0]: expected one of add, remove, rename, filter, sample, redact in each step',
  ],
  [['redact: [emial]'], '9:20 agent.inputs.x.transforms[0].redact[0]'],
  [['filtre: x'], '9:11 agent.inputs.x.transforms[0].filtre: unknown key "filtre"; did you mean "filter"?'],
])('%s', (steps, problem) => {
  expect(problems(...steps)[0]).toContain(problem)
})

test('a field without a parser is never there', () => {
  const loaded = load(
    'version: 1\nagent:\n  inputs:\n    x: { type: file, paths: [a.log], transforms: [{ filter: ".status == 1" }] }\n',
  )
  expect('problems' in loaded ? loaded.problems[0]?.message : '').toBe(
    'the field "status" is never there: without parse a line has only .body',
  )
})
