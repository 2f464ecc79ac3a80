// Texts of /proc: their size is 0 and they come in pieces; what does not end is refused.
import { expect, test } from 'vitest'
import { fieldsOf, numberIn, readText } from '../../../agent/host/texts.ts'
import type { Files } from '../../../core/runtime.ts'
import { nodeFiles } from '../../../runtime/files.ts'
import { MemoryLogger } from '../../sim/logger.ts'

function fileOf(size: number): Pick<Files, 'open'> {
  return {
    open: async () => ({
      stat: async () => Promise.reject(new Error('its size says nothing')),
      read: async (position, target) => {
        const count = Math.min(target.length, Math.max(0, size - position))
        target.fill(0x61, 0, count)
        return count
      },
      async [Symbol.asyncDispose]() {},
    }),
  }
}

test.each([0, 1, 16_383, 16_384, 16_385, 100_000])('a text of %i bytes is read whole', async (size) => {
  expect(await readText(fileOf(size), '/proc/x')).toBe('a'.repeat(size))
})

test('a text without an end is refused', async () => {
  await expect(readText(fileOf(1e12), '/proc/x')).rejects.toMatchObject({ code: 'SCHEMA_INVALID' })
})

test.runIf(process.platform === 'linux')('real texts are read, although their size is 0', async () => {
  const files = nodeFiles(new MemoryLogger())
  expect((await files.stat('/proc/stat'))?.size).toBe(0)
  expect(await readText(files, '/proc/stat')).toMatch(/^cpu .*\nsoftirq .*\n$/s)
})

test('lines become fields, and only digits become numbers', () => {
  expect(fieldsOf(' a  b\n\n\tc\n')).toEqual([['a', 'b'], ['c']])
  expect(numberIn('12.5', 'x')).toBe(12.5)
  for (const text of [undefined, '', '-1', '1e9', 'Infinity', '0x1', '9'.repeat(21)])
    expect(() => numberIn(text, 'x')).toThrow('a number is missing')
})
