// Globs: what they mean, which directories they lead into, and that both agree.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileExclude, compileGlob } from '../../../agent/tail/globs.ts'

const cases: [glob: string, matches: string[], not: string[]][] = [
  ['/var/log/*.log', ['/var/log/a.log', '/var/log/.hidden.log'], ['/var/log/a/b.log', '/var/log/a.log.1']],
  ['/var/log/**/*.log', ['/var/log/a.log', '/var/log/x/y/.z/a.log'], ['/var/a.log']],
  ['/var/{log,spool}/a', ['/var/log/a', '/var/spool/a'], ['/var/lib/a']],
  ['/var/{log/a,b}/*.log', ['/var/log/a/1.log', '/var/b/1.log'], ['/var/log/1.log']],
  ['/a/plain(1)+!.log', ['/a/plain(1)+!.log'], ['/a/plain1.log']],
  ['./logs/?[0-9]', ['logs/a1'], ['logs/aa']],
  ['*.log', ['a.log'], ['x/a.log']],
]

test('globs mean what they say, hidden files included', () => {
  for (const [glob, good, bad] of cases) {
    const root = compileGlob(glob)
    for (const file of good) expect([glob, file, root.matches(file)]).toEqual([glob, file, true])
    for (const file of bad) expect([glob, file, root.matches(file)]).toEqual([glob, file, false])
  }
})

test('every directory on the way to a match is walked', () => {
  for (const [glob, good] of cases) {
    const root = compileGlob(glob)
    for (const file of good) {
      const names = file.split('/')
      for (let depth = 1; depth < names.length; depth += 1) {
        const directory = names.slice(0, depth).join('/')
        const isBelow = root.directory === '.' ? true : directory.startsWith(`${root.directory}/`)
        if (isBelow && directory !== '')
          expect([file, directory, root.leadsOn(directory)]).toEqual([file, directory, true])
      }
    }
  }
})

test('directories that lead nowhere are not walked', () => {
  expect(compileGlob('/var/log/*.log').leadsOn('/var/log/sub')).toBe(false)
  expect(compileGlob('/var/*/x/*.log').leadsOn('/var/a/y')).toBe(false)
  expect(compileGlob('/var/log/a.log').leadsOn('/var/log/sub')).toBe(false)
})

test('exclusions without a slash are names, with one they are paths', () => {
  const isExcluded = compileExclude(['*.gz', '/var/log/private/**'])
  const excluded = ['/x/y/a.gz', '/var/log/private/a.log', '/var/log/a.log'].map(isExcluded)
  expect(excluded).toEqual([true, true, false])
})

test('a slash at the end changes nothing', () => {
  expect(compileGlob('/r/?/').matches('/r/a')).toBe(true)
})

test('no pattern makes the matcher hang or throw', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.string({ maxLength: 30 }), (glob, file) => {
      const root = compileGlob(`/r/${glob}`)
      root.matches(`/r/${file}`)
      root.leadsOn(`/r/${file}`)
    }),
  )
})
