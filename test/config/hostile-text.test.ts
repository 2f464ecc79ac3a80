// Texts that want to break the reading of a configuration: nothing throws, nothing grows out of hand. Needs nothing.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runs } from '../runs.ts'
import { stepsOf } from '../steps.ts'
import { load, problems } from './samples.ts'

describe('hostile text', () => {
  test('alias bombs are cut off', () => {
    const bomb = (depth: number) =>
      Array.from({ length: depth }, (_, level) => {
        const inner = level === 0 ? 'x' : `*l${level - 1}`
        return `l${level}: &l${level} [${Array.from({ length: 9 }, () => inner).join(', ')}]`
      }).join('\n')
    expect(problems(bomb(12))).toContain('too many aliases')
    expect(stepsOf(() => load(bomb(24))) / stepsOf(() => load(bomb(12)))).toBeLessThan(3)
  })
  test('an alias inside its own anchor is refused', () => {
    expect(problems('version: 1\ntopics: &t { a: *t }')).toContain('may not stand inside its own anchor')
  })
  test('a file over 1 MiB is not parsed', () => {
    expect(problems(`#${'x'.repeat(1024 * 1024)}`)).toBe('logdrive.yaml:1:1 the file is over 1 MiB')
  })
  test.each([
    ['brackets', '['.repeat(1_000_000)],
    ['block lists', '- '.repeat(20_000)],
    ['block maps', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['flow maps', '{a: '.repeat(200)],
  ])('%s without end are refused, not recursed into', (_, text) => {
    expect(problems(text)).toMatch(/nested too deep|not YAML/)
  })
  test('four times the keys take about four times the steps, not sixteen', () => {
    const stepsFor = (keys: number) => {
      const text = Array.from({ length: keys }, (_, index) => `k${index}: 1`).join('\n')
      return stepsOf(() => expect(problems(text)).toContain('unknown key "k0"'))
    }
    stepsFor(100)
    expect(stepsFor(2000) / stepsFor(500)).toBeLessThan(7)
  })

  test('any text gives a configuration or problems, and never throws', () => {
    const words = [
      'version: 1',
      'sinks:',
      'topics:',
      'a:',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ': ',
      '\n',
      '  ',
      '\t',
      '&a',
      '*a',
    ]
    const more = [
      '!x ',
      `\${env:A}`,
      `\${file:b}`,
      '"',
      "'",
      '|',
      '>',
      '#',
      '---',
      '? ',
      '<<',
      '__proto__',
      'type: file',
    ]
    const yamlish = fc
      .array(fc.constantFrom(...words, ...more), { maxLength: 40 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(yamlish, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
        const loaded = load(text, { A: 'x' })
        if ('problems' in loaded) {
          expect(loaded.problems.length).toBeGreaterThan(0)
          for (const problem of loaded.problems) {
            expect(problem.line).toBeGreaterThanOrEqual(1)
            expect(problem.column).toBeGreaterThanOrEqual(1)
            expect(problem.message).not.toBe('')
          }
        } else expect(loaded.config.version).toBe(1)
        expect(({} as Record<string, unknown>).admin).toBeUndefined()
      }),
      { numRuns: runs(1500, 300) },
    )
  })

  test('any JSON value in any place gives a configuration or problems', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('data', 'collector', 'topics', 'agent', 'sinks'),
        fc.jsonValue(),
        (key, value) => {
          const loaded = load(JSON.stringify({ version: 1, [key]: value }))
          expect('config' in loaded || loaded.problems.length > 0).toBe(true)
        },
      ),
      { numRuns: runs(500, 150) },
    )
  })
})
