// Records as JSON lines.
import { expect, test } from 'vitest'
import type { DecodedBatch } from '../../core/records.ts'
import { jsonRow, lineFacts } from '../../sinks/json-rows.ts'
import { batchOf, lineHeaders, type TestRecord } from './batches.ts'

const never = new AbortController().signal

test('a JSON object keeps its own text behind the place it comes from', async () => {
  expect(await rows([{ value: '{"b":1.50,"a":"ü"}' }, { value: ' { } ' }])).toEqual([
    '{"_topic":"things","_partition":0,"_offset":0,"b":1.50,"a":"ü"}',
    '{"_topic":"things","_partition":0,"_offset":1}',
  ])
})

test('an object over several lines becomes one line', async () => {
  const [row] = await rows([{ value: '{\n  "a": "x\\ny",\r\n  "b": 2\n}' }])
  expect(row).not.toContain('\n')
  expect(JSON.parse(row ?? '')).toMatchObject({ a: 'x\ny', b: 2 })
})

test('what is no JSON object goes into body, with time and key', async () => {
  const stored = await rows([{ value: 'hello "you"', key: 'k' }, { value: '{"a":' }, { value: '[1]' }])
  expect(stored.map((row) => JSON.parse(row).body)).toEqual(['hello "you"', '{"a":', '[1]'])
  expect(JSON.parse(stored[0] ?? '')).toMatchObject({ key: 'k', ts: '2025-11-21T04:40:00.000Z' })
})

test('raw lines carry host and path, and stay text even when they look like JSON', async () => {
  const stored = await rows([
    { value: '{"a":1}', headers: lineHeaders('web-1', '/var/log/a.log') },
    { value: 'second' },
  ])
  expect(stored.map((row) => JSON.parse(row))).toMatchObject([
    { host: 'web-1', source: '/var/log/a.log', body: '{"a":1}' },
    { host: 'web-1', source: '/var/log/a.log', body: 'second' },
  ])
})

test('parsed lines are objects with host, path and the time they were read', async () => {
  const headers = [...lineHeaders('web-1', '/var/log/a.log'), { key: 'ld-parsed', value: Buffer.from('1') }]
  const stored = await rows([
    { value: '{"ts":"2025-11-21T00:00:00.000Z","body":"x"}', headers },
    { value: 'y' },
  ])
  expect(stored.map((row) => JSON.parse(row))).toMatchObject([
    { ts: '2025-11-21T00:00:00.000Z', observed_ts: '2025-11-21T04:40:00.000Z', host: 'web-1', body: 'x' },
    { ts: '2025-11-21T04:40:00.000Z', source: '/var/log/a.log', body: 'y' },
  ])
})

test('a line that is not UTF-8 carries its exact bytes', async () => {
  const bytes = Uint8Array.of(0x61, 0xff, 0xfe, 0x62)
  const [row] = await rows([{ value: bytes, headers: lineHeaders('h', '/p') }])
  const { body_base64 } = JSON.parse(row ?? '')
  expect(Buffer.from(body_base64, 'base64')).toEqual(Buffer.from(bytes))
})

async function rows(records: readonly TestRecord[]): Promise<string[]> {
  const found: string[] = []
  const batch = batchOf([records])
  for await (const part of batch.read(never)) {
    const decoded = part as DecodedBatch
    const facts = lineFacts(decoded)
    for (let index = 0; index < decoded.count; index += 1) found.push(jsonRow(batch, decoded, index, facts))
  }
  return found
}
