// The committed t.js: it is what the sources build, and small.
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { buildTracker, measureGzip, SCRIPT_GZIP_BYTES_MAX, SCRIPT_PATH } from '../../tracker/build.ts'

describe('tracker/dist/t.js', () => {
  it('is the build of tracker/browser', async () => {
    const { script, hash } = await buildTracker()
    const committed = await readFile(SCRIPT_PATH)
    expect(committed.equals(script), 'run: node tracker/build.ts').toBe(true)
    expect(hash).toMatch(/^[0-9a-f]{16}$/)
  })

  it('weighs at most 5,120 bytes on the wire', async () => {
    expect(measureGzip(await readFile(SCRIPT_PATH))).toBeLessThanOrEqual(SCRIPT_GZIP_BYTES_MAX)
  })

  it('keeps the names of the wire and of the API', async () => {
    const text = (await readFile(SCRIPT_PATH)).toString()
    for (const name of [
      'page_view_id',
      'sent_at',
      'anonymous_id',
      'search_term',
      'identify',
      'flush',
      'consent',
    ]) {
      expect(text).toContain(name)
    }
  })

  it('is ASCII and needs nothing newer than ES2018', async () => {
    const text = (await readFile(SCRIPT_PATH)).toString()
    expect(/^[\n\x20-\x7e]*$/.test(text)).toBe(true)
    expect(text).not.toMatch(/\?\?=?|\?\.[a-z([]|catch\{/)
  })
})
