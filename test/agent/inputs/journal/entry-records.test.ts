// Entries of the journal as log records: columns, usual names, numbers, and bytes that are no text.
import { expect, test } from 'vitest'
import { type EntryOptions, EntryRecords } from '../../../../agent/inputs/journal/entry-records.ts'

function recordOf(fields: Readonly<Record<string, string | Buffer>>, more: Partial<EntryOptions> = {}) {
  const entry = {
    fields: new Map(Object.entries(fields).map(([name, value]) => [name, Buffer.from(value as string)])),
    cutBytes: 0,
  }
  const packet = new EntryRecords({ fields: 'usual', parse: null, transforms: [], ...more }).make(
    entry,
    's=1;i=7',
    5000,
  )
  return packet === null ? null : JSON.parse(Buffer.from(packet.bytes).toString())
}

const entry = {
  __CURSOR: 's=1',
  __REALTIME_TIMESTAMP: '1795000000123456',
  _BOOT_ID: 'b',
  _SYSTEMD_UNIT: 'nginx.service',
  _PID: '77',
  _HOSTNAME: 'web1',
  _SELINUX_CONTEXT: 'x',
  PRIORITY: '3',
  SYSLOG_IDENTIFIER: 'nginx',
  ORDER_ID: '12',
  MESSAGE: 'it "failed"',
}

test('an entry has its time, severity, service and fields', () => {
  expect(recordOf(entry)).toEqual({
    ts: '2026-11-18T11:06:40.123456000Z',
    severity_text: 'err',
    severity_number: 17,
    service_name: 'nginx',
    body: 'it "failed"',
    attrs_string: {
      'host.boot_id': 'b',
      'systemd.unit': 'nginx.service',
      'host.name': 'web1',
      ORDER_ID: '12',
    },
    attrs_number: { 'process.pid': 77 },
  })
  expect(recordOf(entry, { fields: 'all' }).attrs_string._SELINUX_CONTEXT).toBe('x')
})

test('without a message, a time or a good priority it is a record all the same', () => {
  expect(recordOf({ PRIORITY: '9', _PID: 'x' })).toEqual({
    ts: '1970-01-01T00:00:05.000Z',
    body: '',
    attrs_string: { 'process.pid': 'x' },
  })
})

test('a message that is no text keeps its bytes, and the other fields stay', () => {
  const bytes = Buffer.from([0x61, 0xff, 0x62])
  expect(recordOf({ MESSAGE: bytes, A: 'b' })).toMatchObject({
    body: 'a\ufffdb',
    attrs_string: { body_base64: bytes.toString('base64'), A: 'b' },
  })
})

test('long messages and many fields are whole', () => {
  const fields = Object.fromEntries(
    Array.from({ length: 199 }, (_, index) => [`F${'X'.repeat(60)}${index}`, '']),
  )
  const record = recordOf({ MESSAGE: '\u0001'.repeat(300_000), ...fields })
  expect(record.body.length).toBe(300_000)
  expect(Object.keys(record.attrs_string).length).toBe(199)
})

test('a message that is parsed has its own severity and fields beside those of the journal', () => {
  const message = '{"level":"error","msg":"no","order":7}'
  expect(recordOf({ ...entry, PRIORITY: '6', MESSAGE: message }, { parse: { type: 'json' } })).toMatchObject({
    severity_number: 17,
    attrs_string: { 'systemd.unit': 'nginx.service' },
    attrs_number: { order: 7, 'process.pid': 77 },
  })
  expect(recordOf(entry, { parse: { type: 'json' } })).toMatchObject({
    severity_number: 17,
    body: 'it "failed"',
    attrs_string: { parse_error: 'not_a_json_object' },
  })
})

test('entries go through transforms', () => {
  const filtered = { transforms: [{ filter: '.systemd.unit != "nginx.service"' }] }
  expect(recordOf(entry, filtered)).toBeNull()
  expect(recordOf({ ...entry, _SYSTEMD_UNIT: 'ssh.service' }, filtered)).not.toBeNull()
})
