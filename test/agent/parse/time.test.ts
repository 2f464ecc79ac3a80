// Times: every named format, zones and their changes, precision to the nanosecond, and what is no time.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Moment, timeParser } from '../../../agent/parse/time.ts'
import { utc, type Zone, zoneOf } from '../../../agent/parse/zone.ts'

const now = Date.parse('2026-11-21T07:00:00Z')

function read(format: string, text: string, zone: Zone = utc): string | null {
  const moment: Moment = { timeMs: 0, timeNanos: 0 }
  const bytes = Buffer.from(text)
  if (!timeParser(format, zone)(bytes, 0, bytes.length, moment, now)) return null
  const iso = new Date(moment.timeMs).toISOString()
  return moment.timeNanos === 0 ? iso : `${iso.slice(0, -1)}${String(moment.timeNanos).padStart(6, '0')}Z`
}

test.each([
  ['rfc3339', '2026-11-21T06:00:00Z', '2026-11-21T06:00:00.000Z'],
  ['rfc3339', '2026-11-21t06:00:00.123456789+01:00', '2026-11-21T05:00:00.123456789Z'],
  ['iso8601', '2026-11-21 06:00:00,5 -0330', '2026-11-21T09:30:00.500Z'],
  ['iso8601', '2026-11-21T06:00', '2026-11-21T06:00:00.000Z'],
  ['auto', '2026-11-21 06:00:00 UTC', '2026-11-21T06:00:00.000Z'],
  ['auto', '1732166400', '2024-11-21T05:20:00.000Z'],
  ['auto', '1732166400.25', '2024-11-21T05:20:00.250Z'],
  ['auto', '1732166400123', '2024-11-21T05:20:00.123Z'],
  ['auto', '1732166400123456', '2024-11-21T05:20:00.123456000Z'],
  ['auto', '1732166400123456789', '2024-11-21T05:20:00.123456789Z'],
  ['epoch_s', '12', '1970-01-01T00:00:12.000Z'],
  ['epoch_ms', '12', '1970-01-01T00:00:00.012Z'],
  ['clf', '10/Oct/2000:13:55:36 -0700', '2000-10-10T20:55:36.000Z'],
  ['nginx_error', '2026/11/21 06:00:00', '2026-11-21T06:00:00.000Z'],
  ['syslog', 'Nov  1 06:00:00', '2026-11-01T06:00:00.000Z'],
  ['klog', '1121 06:00:00.000001', '2026-11-21T06:00:00.000001000Z'],
  ['rfc1123', 'Sat, 21 Nov 2026 06:00:00 GMT', '2026-11-21T06:00:00.000Z'],
  ['ansic', 'Sat Nov 21 06:00:00 2026', '2026-11-21T06:00:00.000Z'],
  ['%d.%m.%y %I:%M %p', '21.11.26 12:05 AM', '2026-11-21T00:05:00.000Z'],
  ['%d. %B %Y um %R', '1. september 1999 um 23:59', '1999-09-01T23:59:00.000Z'],
  ['%F %T.%f%z', '2024-02-29 23:59:60.999999999+0000', '2024-03-01T00:00:00.999999999Z'],
  ['%s', '1732166400', '2024-11-21T05:20:00.000Z'],
])('%s: %s', (format, text, expected) => {
  expect(read(format, text)).toBe(expected)
})

test('a text that was read before is read again, and nothing behind it', () => {
  const parse = timeParser('rfc3339', utc)
  const read = (text: string, to: number) => {
    const moment: Moment = { timeMs: 0, timeNanos: 0 }
    return parse(Buffer.from(text), 0, to, moment, now) ? moment.timeMs - Date.UTC(2026, 10, 21, 6) : null
  }
  const text = '2026-11-21T06:00:01.250+01:00'
  expect([19, 23, 29, 16, 19, 17, 18, 20].map((to) => read(text, to))).toEqual([
    1000,
    1250,
    1250 - 3_600_000,
    0,
    1000,
    null,
    null,
    null,
  ])
  expect(read('2026-11-21T06:00:61', 19)).toBeNull()
  expect(read(text, 19)).toBe(1000)
})

test.each([
  ['rfc3339', ''],
  ['rfc3339', '2026-11-21'],
  ['rfc3339', '2026-02-29T00:00:00Z'],
  ['rfc3339', '2026-11-21T24:00:00Z'],
  ['rfc3339', '2026-11-21T06:00:00.Z'],
  ['rfc3339', '2026-11-21T06:00:00+25:00'],
  ['rfc3339', '2026-11-21T06:00:00Zz'],
  ['rfc3339', '9999-11-21T06:00:00Z'],
  ['auto', '1732166400.'],
  ['auto', '99999999999999999999'],
  ['auto', '-5'],
  ['clf', '10/Okt/2000:13:55:36 -0700'],
  ['clf', '10/Oct/2000:13:55:36'],
  ['syslog', 'Nov 32 06:00:00'],
])('%s: "%s" is none', (format, text) => {
  expect(read(format, text)).toBeNull()
})

describe('zones', () => {
  const berlin = zoneOf('Europe/Berlin') as Zone

  test('a place has summer and winter', () => {
    expect(read('iso8601', '2026-07-01 12:00:00', berlin)).toBe('2026-07-01T10:00:00.000Z')
    expect(read('iso8601', '2026-12-01 12:00:00', berlin)).toBe('2026-12-01T11:00:00.000Z')
    expect(read('iso8601', '2026-03-29 01:59:59', berlin)).toBe('2026-03-29T00:59:59.000Z')
    expect(read('iso8601', '2026-03-29 03:00:00', berlin)).toBe('2026-03-29T01:00:00.000Z')
  })
  test('what a time says itself counts', () => {
    expect(read('iso8601', '2026-07-01 12:00:00Z', berlin)).toBe('2026-07-01T12:00:00.000Z')
  })
  test('an offset, and what is no zone', () => {
    expect(read('iso8601', '2026-07-01 12:00:00', zoneOf('-03:30') ?? utc)).toBe('2026-07-01T15:30:00.000Z')
    expect(['Mars/Olympus', '', '2', '+1'].map(zoneOf)).toEqual([null, null, null, null])
  })
  test('every hour of years of a place comes back', () => {
    const format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: 'America/New_York',
      dateStyle: 'short',
      timeStyle: 'medium',
    })
    const zone = zoneOf('America/New_York') as Zone
    fc.assert(
      fc.property(fc.integer({ min: 24, max: 60 * 365 * 24 }), (hours) => {
        const ms = hours * 3_600_000
        const found = Date.parse(read('iso8601', format.format(ms), zone) ?? '')
        // Of an hour that is there twice either is right.
        expect([0, 3_600_000]).toContain(Math.abs(found - ms))
      }),
    )
  })
})

test('any moment that was written is read again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_214_646_399_999 }), fc.nat(999_999), (ms, nanos) => {
      const iso = new Date(ms).toISOString()
      const text = `${iso.slice(0, -1)}${String(nanos).padStart(6, '0')}Z`
      expect(read('rfc3339', text)).toBe(nanos === 0 ? iso : text)
    }),
  )
})

test('formats that are none are refused with a sentence', () => {
  expect(() => timeParser('rfc3330', utc)).toThrow('unknown format of a time')
  expect(() => timeParser('%Y %Q', utc)).toThrow('"%Q" is not known')
  expect(() => timeParser('%H:%M', utc)).toThrow('needs a month and a day')
})
