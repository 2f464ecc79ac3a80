// Big input files: as many lines as asked, the same bytes for the same seed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { makeNginxLog } from '../../bench/data.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'logdrive-data-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('makes the same nginx log for the same seed, replacing what was there', () => {
  const one = path.join(folder, 'one.log')
  const two = path.join(folder, 'two.log')
  expect(makeNginxLog(two, 20_000, 2).lines).toBe(20_000)
  const made = makeNginxLog(one, 10_000, 1)
  makeNginxLog(two, 10_000, 1)
  const bytes = readFileSync(one)
  expect(bytes.length).toBe(made.bytes)
  expect(bytes.equals(readFileSync(two))).toBe(true)
  expect(bytes.toString().split('\n')).toHaveLength(10_001)
  // More than one chunk was written.
  expect(made.bytes).toBeGreaterThan(2 * 1024 * 1024)
})
