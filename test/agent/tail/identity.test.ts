// Which file is this? Inode, birth time and content decide.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  compareLocators,
  emptyPrint,
  guardHeadLength,
  guardText,
  headLength,
  judge,
  printOf,
  sourceOf,
} from '../../../agent/tail/identity.ts'

const here = { dev: 1n, ino: 7n, birthtimeNs: 100n }

test('locators tell the same file from a moved, a replaced and a different one', () => {
  expect(compareLocators(here, here)).toBe('same')
  expect(compareLocators(here, { ...here, dev: 2n })).toBe('moved')
  expect(compareLocators(here, { ...here, birthtimeNs: 101n })).toBe('replaced')
  expect(compareLocators(here, { ...here, ino: 8n })).toBe('different')
  expect(compareLocators({ ...here, birthtimeNs: 0n }, here)).toBe('same')
  expect(compareLocators({ ...here, birthtimeNs: 0n }, { ...here, dev: 2n, birthtimeNs: 0n })).toBe(
    'different',
  )
})

test('content that grew is the same; content that shrank, or differs anywhere in a print, is not', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(bytes, bytes, fc.nat(), (content, more, at) => {
      const position = content.length
      const known = { position, ...printsOf(content, position) }
      const grown = Buffer.concat([content, more])
      expect(judge(known, { size: grown.length, ...printsOf(grown, position) })).toBe('same')
      expect(judge(known, { size: position - 1, head: known.head, guard: known.guard })).toBe('truncated')
      const other = Buffer.from(grown)
      const place = at % Math.min(64, position)
      other[place] = (other[place] as number) ^ 1
      expect(judge(known, { size: other.length, ...printsOf(other, position) })).toBe('truncated')
    }),
  )
})

function printsOf(content: Uint8Array, position: number) {
  const head = content.subarray(0, Math.min(64, position))
  return { head: printOf(head), guard: printOf(content.subarray(Math.max(0, position - 64), position)) }
}

test('nothing known fits anything', () => {
  const known = { head: emptyPrint, guard: emptyPrint, position: 0 }
  expect(judge(known, { size: 0, head: printOf(new Uint8Array(0)), guard: emptyPrint })).toBe('same')
})

test('the head print grows in few steps and ends at 1024 bytes', () => {
  const lengths = [0, 1, 63, 64, 127, 128, 700, 1023, 1024, 5e9].map(headLength)
  expect(lengths).toEqual([0, 1, 63, 64, 64, 128, 512, 512, 1024, 1024])
})

test('a source id is a UUID that only agent and locator decide', () => {
  const id = sourceOf('agent', here)
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(sourceOf('agent', { ...here })).toBe(id)
  const others = [sourceOf('other', here), sourceOf('agent', { ...here, birthtimeNs: 1n })]
  expect(new Set([id, ...others]).size).toBe(3)
})

test('a guard text fits a header, says how long its head is, and differs when a byte does', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 1024 })
  fc.assert(
    fc.property(bytes, bytes, fc.nat(), (head, guard, at) => {
      const text = guardText(printOf(head), printOf(guard))
      expect(text).toMatch(/^[\x21-\x7e]{1,64}$/)
      expect(guardHeadLength(text)).toBe(head.length)
      const other = Buffer.from(head)
      other[at % head.length] = (other[at % head.length] as number) ^ 1
      expect(guardText(printOf(other), printOf(guard))).not.toBe(text)
      expect(guardText(printOf(guard.subarray(1)), printOf(guard))).not.toBe(
        guardText(printOf(guard), printOf(guard)),
      )
    }),
  )
})

test('what is no guard text of an agent says nothing', () => {
  const hash = 'a'.repeat(32)
  expect(guardHeadLength(`0:${hash}`)).toBe(0)
  const wrong = [
    '',
    ':',
    `1025:${hash}`,
    `99999:${hash}`,
    `-1:${hash}`,
    `64:${hash}0`,
    `64:${'A'.repeat(32)}`,
    'x',
  ]
  for (const text of wrong) expect(guardHeadLength(text), text).toBeNull()
})
