// The generated documents: complete, fresh, and of the same mind as the loader.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { configDocument, configJsonSchema } from '../../config/document.ts'
import { generatedDocuments } from '../../docs/generate.ts'
import { sampleSinks } from './samples.ts'

const root = join(import.meta.dirname, '../..')

test.each([...generatedDocuments()])('%s is fresh (npm run docs writes it)', (path, text) => {
  expect(readFileSync(join(root, path), 'utf8')).toBe(text)
})

describe('docs/config.md', () => {
  const document = configDocument(sampleSinks)
  test('has a table for each map and a row for each key, with its default', () => {
    for (const heading of [
      'The file',
      'collector.http',
      'agent.inputs.NAME (type: file)',
      'topics.NAME.retention',
    ])
      expect(document).toContain(`## ${heading}\n`)
    expect(document).toContain('| `listen` | host:port | `127.0.0.1:8750` |')
    expect(document).toContain('| `age` | duration | `7d` |')
    expect(document).toContain('| `version` | `1` | **required** |')
  })
  test('has a section for each sink that was handed in, type and topics first', () => {
    const section = document.slice(document.indexOf('## sinks.NAME (type: file)'))
    const rows = section.split('\n').filter((line) => line.startsWith('| `'))
    expect(rows.slice(0, 3).map((row) => row.split('`')[1])).toEqual(['type', 'topics', 'path'])
  })
  test('describes every key', () => {
    const rows = document.split('\n').filter((line) => line.startsWith('| `'))
    const silent = rows.filter((row) => / \|\s*\|$/.test(row))
    // The sample sinks are terse; everything of ours says what it is.
    expect(silent.filter((row) => !/`(url|user|password|database)`/.test(row))).toEqual([])
  })
})

describe('logdrive.schema.json', () => {
  const schema = configJsonSchema(sampleSinks)
  test('is draft-07, strict at the top, and knows the sinks', () => {
    expect(schema).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      additionalProperties: false,
    })
    expect(JSON.stringify(schema)).toContain('"const":"clickhouse"')
  })
  test('every pattern in it is a regular expression that takes its own default', () => {
    const pieces: unknown[] = [schema]
    let patterns = 0
    for (const piece of pieces) {
      if (typeof piece !== 'object' || piece === null) continue
      pieces.push(...Object.values(piece))
      if (!('pattern' in piece) || typeof piece.pattern !== 'string') continue
      patterns += 1
      const pattern = new RegExp(piece.pattern, 'u')
      if ('default' in piece && typeof piece.default === 'string') expect(piece.default).toMatch(pattern)
    }
    expect(patterns).toBeGreaterThan(10)
  })
})
