// Syslog, old and new: real-world lines and what becomes of them; hostile ones are kept whole.
import { describe, expect, test } from 'vitest'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { fieldsOf, reasons } from './parsing.ts'

describe('syslog', () => {
  const syslog: ParseOptions = { type: 'syslog' }

  test('RFC 3164, RFC 5424, and what is found in files', () => {
    const lines = [
      '<34>Oct 11 22:14:15 mymachine su: su root failed for lonvick on /dev/pts/8',
      'Nov  1 06:25:01 web-1 CRON[12345]: (root) CMD (test -x /usr/sbin/anacron)',
      'Nov 21 06:00:00 web-1 postfix/smtpd[42]: connect from unknown[203.0.113.9]',
      'Nov 21 06:00:00 web-1 kernel: [12.345678] usb 1-1: new device',
      '2026-11-21T06:00:00.123456+01:00 web-1 systemd[1]: Started nginx.service.',
      '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="App\\]x" eventID="1011"][ex@1 a="b"] \ufeffAn application event log entry',
      '<13>1 - - - - - - bare',
    ]
    expect(lines.map((line) => fieldsOf(syslog, line))).toMatchInlineSnapshot(`
      [
        {
          "attrs_string": {
            "facility": "auth",
            "hostname": "mymachine",
          },
          "body": "su root failed for lonvick on /dev/pts/8",
          "service_name": "su",
          "severity_number": 18,
          "severity_text": "crit",
          "ts": "2026-10-11T22:14:15.000Z",
        },
        {
          "attrs_string": {
            "hostname": "web-1",
            "proc_id": "12345",
          },
          "body": "(root) CMD (test -x /usr/sbin/anacron)",
          "service_name": "CRON",
          "ts": "2026-11-01T06:25:01.000Z",
        },
        {
          "attrs_string": {
            "hostname": "web-1",
            "proc_id": "42",
          },
          "body": "connect from unknown[203.0.113.9]",
          "service_name": "postfix/smtpd",
          "ts": "2026-11-21T06:00:00.000Z",
        },
        {
          "attrs_string": {
            "hostname": "web-1",
          },
          "body": "[12.345678] usb 1-1: new device",
          "service_name": "kernel",
          "ts": "2026-11-21T06:00:00.000Z",
        },
        {
          "attrs_string": {
            "hostname": "web-1",
            "proc_id": "1",
          },
          "body": "Started nginx.service.",
          "service_name": "systemd",
          "ts": "2026-11-21T05:00:00.123456000Z",
        },
        {
          "attrs_string": {
            "ex@1.a": "b",
            "exampleSDID@32473.eventID": "1011",
            "exampleSDID@32473.eventSource": "App]x",
            "exampleSDID@32473.iut": "3",
            "facility": "local4",
            "hostname": "mymachine.example.com",
            "msg_id": "ID47",
          },
          "body": "An application event log entry",
          "service_name": "evntslog",
          "severity_number": 10,
          "severity_text": "notice",
          "ts": "2003-10-11T22:14:15.003Z",
        },
        {
          "attrs_string": {
            "facility": "user",
          },
          "body": "bare",
          "severity_number": 10,
          "severity_text": "notice",
          "ts": "2026-11-21T07:00:00.000Z",
        },
      ]
    `)
  })
  test('the year is the one that puts the line behind now', () => {
    const line = (day: string) => `${day} 23:59:59 h a: m`
    const year = (day: string, now: string) => fieldsOf(syslog, line(day), Date.parse(now)).ts
    expect(year('Dec 31', '2027-01-01T00:00:05Z')).toBe('2026-12-31T23:59:59.000Z')
    expect(year('Jan  1', '2026-12-31T23:59:50Z')).toBe('2026-01-01T23:59:59.000Z')
    // A clock that is a little ahead.
    expect(year('Nov 21', '2026-11-21T23:50:00Z')).toBe('2026-11-21T23:59:59.000Z')
    expect(year('Feb 29', '2026-11-21T00:00:00Z')).toBe('2024-02-29T23:59:59.000Z')
  })
  test('what is none', () => {
    expect(
      reasons(syslog, [
        '',
        'x',
        '<999>Nov 21 06:00:00 h a: m',
        '<1',
        'Nox 21 06:00:00 h a: m',
        '<13>1 x',
        '<13>1 - - - - - [a b="c] m',
      ]),
    ).toMatchInlineSnapshot(`
      [
        "not_syslog",
        "not_syslog",
        "bad_priority",
        "bad_priority",
        "bad_time",
        "not_syslog_5424",
        "bad_structured_data",
      ]
    `)
  })
})
