// Templates of paths: filled in, and never left by what data says.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isPathTemplate, parsePath, renderPath } from '../../../sinks/file/path.ts'

const at = Date.UTC(2026, 10, 21, 5)

test('fills in topic, partition and time', () => {
  const template = parsePath('./archive/{topic}/p{partition}/dt={ts:%Y-%m-%d}/hour={ts:%H}/')
  expect(renderPath(template, 'web_logs', 3, at)).toBe('./archive/web_logs/p3/dt=2026-11-21/hour=05')
})

test('names the field that is unknown, and what there is', () => {
  expect(() => parsePath('/a/{host}/')).toThrow('unknown field {host} in "/a/{host}/"')
})

test.each(['./{nope}', '{ts:%Y-%M}', '{ts:100%}', '{}', '{ts}'])('%s is no template', (template) => {
  expect(isPathTemplate(template)).toBe(false)
  expect(() => parsePath(template)).toThrow('unknown field')
})

test.each(['./plain', '{topic}/{partition}', '{ts:%Y/%m}', '{ts:}', '{open'])(
  '%s is a template',
  (template) => {
    expect(isPathTemplate(template)).toBe(true)
    expect(() => parsePath(template)).not.toThrow()
  },
)

test('no topic leaves the folder in front of its field', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('..', '.', '../..', 'a/../b', '\0')),
      (topic) => {
        const folder = renderPath(parsePath('/data/{topic}'), topic, 0, at)
        const rest = folder.slice('/data/'.length)
        return (
          topic === '' || (folder.startsWith('/data/') && !/[/\\\0]/.test(rest) && !/^\.{1,2}$/.test(rest))
        )
      },
    ),
  )
})

test.each([Number.NaN, -1, Number.MAX_SAFE_INTEGER])('a timestamp of %s still has a folder', (timestamp) => {
  expect(renderPath(parsePath('/d/{ts:%Y}'), 't', 0, timestamp)).toMatch(/^\/d\/\d{4}$/)
})
