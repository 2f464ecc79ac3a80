// The keys `encoding` and `multiline`: what they take, and what is said of the rest, at the place where it stands.
import { expect, test } from 'vitest'
import { framingOf } from '../../cli/framings.ts'
import { formatProblem } from '../../config/load.ts'
import { load } from './samples.ts'

function input(keys: string) {
  const loaded = load(`version: 1\nagent:\n  inputs:\n    app: { type: file, paths: [a.log], ${keys} }\n`)
  if ('problems' in loaded) return { problems: loaded.problems.map(formatProblem) }
  const app = loaded.config.agent?.inputs.app
  if (app?.type !== 'file') throw new Error('no file input')
  return { app }
}

test('without either key nothing is framed', async () => {
  const { app } = input('topic: t')
  expect(app?.encoding).toBe('utf-8')
  expect(app && (await framingOf(app))).toBeUndefined()
})

test.each([
  ['utf8', 'utf-8'],
  ['UTF-16', 'utf-16'],
  ['latin1', 'windows-1252'],
  ['ISO-8859-1', 'windows-1252'],
  ['sjis', 'shift_jis'],
  ['euc-kr', 'euc-kr'],
])('encoding: %s is %s', (given, taken) => {
  expect(input(`encoding: ${given}`).app?.encoding).toBe(taken)
})

test.each([
  ['multiline: java', ['java']],
  ['multiline: [java, python]', ['java', 'python']],
  ['multiline: { preset: go, max_lines: 5 }', ['go']],
])('%s', async (keys, preset) => {
  const { app } = input(keys)
  expect(app?.multiline?.preset).toEqual(preset)
  expect(app && (await framingOf(app))?.grouper?.limits.waitMs).toBe(1000)
})

test('patterns and bounds reach the agent', async () => {
  const { app } = input(
    "multiline: { start: '^S', halt_with: ';$', max_lines: 7, max_bytes: 1KiB, wait: 2s }",
  )
  const framing = app && (await framingOf(app))
  expect(framing?.grouper?.limits).toEqual({
    linesMax: 7,
    bytesMax: 1024,
    waitMs: 2000,
    by: expect.anything(),
  })
})

test.each([
  ['encoding: utf-61', 'encoding: unknown encoding: expected utf-8'],
  [
    'multiline: jav',
    'multiline: expected java, python, go, ruby, node, a list of them, or a map with patterns; did you mean "java"?',
  ],
  ['multiline: { max_lines: 3 }', 'multiline: expected a preset, or one of start,'],
  ["multiline: { preset: java, start: '^x' }", 'multiline: preset and patterns exclude one another'],
  ["multiline: { start: '(' }", 'multiline.start: not a regular expression'],
  ["multiline: { continue_through: '(?=x)' }", 'multiline.continue_through: the pattern could take for ever'],
  ["multiline: { halt_with: '(a+)+\\1' }", 'multiline.halt_with: the pattern could take for ever'],
  ['multiline: { begin: x }', 'multiline'],
  ['encoding: latin1, parse: docker', 'encoding: docker lines are UTF-8: leave encoding out'],
])('%s is refused', (keys, message) => {
  const { problems } = input(keys)
  expect(problems?.join('\n')).toContain(`agent.inputs.app.${message}`)
})
