// Real-world lines of every format, and what becomes of them; hostile ones are kept whole.
import { describe, expect, test } from 'vitest'
import type { ParseOptions } from '../../../agent/parse/options.ts'
import { fieldsOf, parseLines } from './parsing.ts'

/** Why each of these lines does not parse; all of it stays in the body. */
function reasons(options: ParseOptions, lines: readonly string[]): readonly (string | undefined)[] {
  const { records } = parseLines(options, lines)
  expect(records.map(({ body }) => body)).toEqual(lines)
  return records.map(({ attrs_string }) => attrs_string?.parse_error)
}

describe('json', () => {
  const json: ParseOptions = { type: 'json' }

  test('pino', () => {
    const line =
      '{"level":30,"time":1732166400123,"pid":7,"hostname":"web-1","req":{"id":1,"method":"GET","headers":{"host":"a"}},"msg":"request completed"}'
    expect(fieldsOf(json, line)).toMatchInlineSnapshot(`
      {
        "attrs_number": {
          "pid": 7,
          "req.id": 1,
        },
        "attrs_string": {
          "hostname": "web-1",
          "msg": "request completed",
          "req.headers.host": "a",
          "req.method": "GET",
        },
        "severity_number": 9,
        "severity_text": "INFO",
        "ts": "2024-11-21T05:20:00.123Z",
      }
    `)
  })
  test('zap, logstash, and numbers that no double holds', () => {
    const line =
      '{"@timestamp":"2026-11-21T06:00:00.5+01:00","level":"WARN","message":"slow","id":12345678901234567890,"ratio":1e-7,"tags":["a","b"],"ok":true,"none":null,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","service.name":"shop"}'
    expect(fieldsOf(json, line)).toMatchInlineSnapshot(`
      {
        "attrs_bool": {
          "ok": true,
        },
        "attrs_number": {
          "ratio": 1e-7,
        },
        "attrs_string": {
          "id": "12345678901234567890",
          "message": "slow",
          "tags": "["a","b"]",
        },
        "service_name": "shop",
        "severity_number": 13,
        "severity_text": "WARN",
        "span_id": "00f067aa0ba902b7",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "ts": "2026-11-21T05:00:00.500Z",
      }
    `)
  })
  test('escapes, emoji, half surrogates, __proto__ as data, a name twice', () => {
    const line =
      '{"a":"tab\\t\\u00e9 \\ud83e\\udd8a","b":"\\ud800","__proto__":{"admin":true},"constructor":1,"x":1,"x":2,"ключ":"значение"}'
    expect(fieldsOf(json, line)).toMatchInlineSnapshot(`
      {
        "attrs_bool": {
          "__proto__.admin": true,
        },
        "attrs_number": {
          "constructor": 1,
          "x": 2,
        },
        "attrs_string": {
          "a": "tab	é 🦊",
          "b": "�",
          "ключ": "значение",
        },
        "ts": "2026-11-21T07:00:00.000Z",
      }
    `)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
  test('the message alone', () => {
    expect(fieldsOf({ type: 'json', keepRaw: false }, '{"msg":"a \\"b\\"","n":1}')).toMatchInlineSnapshot(`
      {
        "attrs_number": {
          "n": 1,
        },
        "body": "a "b"",
        "ts": "2026-11-21T07:00:00.000Z",
      }
    `)
  })
  test('what is deep stays JSON text', () => {
    const deep = `${'{"a":'.repeat(10)}1${'}'.repeat(10)}`
    expect(fieldsOf(json, deep).attrs_string).toEqual({ 'a.a.a.a.a.a.a.a': '{"a":{"a":1}}' })
  })
  test('what is none', () => {
    expect(
      reasons(json, [
        '',
        'x',
        '[1]',
        '"s"',
        '{',
        '{"a"}',
        '{"a":1,}',
        '{"a":01}',
        '{"a":1} x',
        '{"a":"\\x"}',
      ]),
    ).toMatchInlineSnapshot(`
      [
        "not_a_json_object",
        "not_a_json_object",
        "not_a_json_object",
        "not_a_json_object",
        "not_json",
        "not_json",
        "not_json",
        "not_json",
        "not_json",
        "not_json",
      ]
    `)
    expect(reasons(json, [`{"a":${'['.repeat(100)}${']'.repeat(100)}}`])).toEqual(['not_json'])
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, n]))
    expect(reasons(json, [JSON.stringify(many)])).toEqual(['too_many_fields'])
    expect(reasons(json, [JSON.stringify({ a: 'x'.repeat(70_000) })])).toEqual(['line_too_long'])
  })
  test('a short line cannot become a long record', () => {
    const wide = JSON.stringify({
      [`k${'x'.repeat(180)}`]: Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`${n}`, n])),
    })
    expect(reasons(json, [wide])).toEqual(['too_large'])
  })
})

describe('logfmt', () => {
  const logfmt: ParseOptions = { type: 'logfmt' }

  test('Go, Heroku', () => {
    expect(
      fieldsOf(
        logfmt,
        'ts=2026-11-21T06:00:00.123456789Z caller=main.go:12 level=info msg="listening \\"now\\"\\n" addr=:8080 took=12.5 retry ok=false empty= q=""',
      ),
    ).toMatchInlineSnapshot(`
      {
        "attrs_bool": {
          "ok": false,
          "retry": true,
        },
        "attrs_number": {
          "took": 12.5,
        },
        "attrs_string": {
          "addr": ":8080",
          "caller": "main.go:12",
          "empty": "",
          "msg": "listening "now"
      ",
          "q": "",
        },
        "severity_number": 9,
        "severity_text": "info",
        "ts": "2026-11-21T06:00:00.123456789Z",
      }
    `)
    expect(
      fieldsOf(logfmt, 'at=info method=GET path="/a b" host=x.example status=200 bytes=0123 dyno=web.1'),
    ).toMatchInlineSnapshot(`
      {
        "attrs_number": {
          "status": 200,
        },
        "attrs_string": {
          "at": "info",
          "bytes": "0123",
          "dyno": "web.1",
          "host": "x.example",
          "method": "GET",
          "path": "/a b",
        },
        "ts": "2026-11-21T07:00:00.000Z",
      }
    `)
  })
  test('what is none', () => {
    expect(reasons(logfmt, ['', 'just words', 'a="open', '=1', 'a="x"y', '"q"=1'])).toMatchInlineSnapshot(`
      [
        "not_logfmt",
        "not_logfmt",
        "unclosed_quote",
        "not_logfmt",
        "not_logfmt",
        "not_logfmt",
      ]
    `)
  })
})

describe('nginx', () => {
  test('combined', () => {
    expect(
      fieldsOf(
        { type: 'nginx' },
        '203.0.113.7 - ada [21/Nov/2026:06:00:00 +0100] "GET /a%20b?q=\\x22x\\x22 HTTP/2.0" 200 1234 "https://shop.example/" "Mozilla/5.0 (X11; \\x5C)"',
      ),
    ).toMatchInlineSnapshot(`
      {
        "attrs_number": {
          "body_bytes_sent": 1234,
          "status": 200,
        },
        "attrs_string": {
          "http_referer": "https://shop.example/",
          "http_user_agent": "Mozilla/5.0 (X11; \\x5C)",
          "method": "GET",
          "path": "/a%20b",
          "protocol": "HTTP/2.0",
          "query": "q=\\x22x\\x22",
          "remote_addr": "203.0.113.7",
          "remote_user": "ada",
        },
        "ts": "2026-11-21T05:00:00.000Z",
      }
    `)
  })
  test('requests that are none', () => {
    const line = (request: string) => `::1 - - [21/Nov/2026:06:00:00 +0000] "${request}" 400 0 "-" "-"`
    expect(fieldsOf({ type: 'nginx' }, line('\\x16\\x03\\x01')).attrs_string).toEqual({
      remote_addr: '::1',
      request: '\\x16\\x03\\x01',
    })
    expect(fieldsOf({ type: 'nginx' }, line('')).attrs_string).toEqual({ remote_addr: '::1' })
    expect(fieldsOf({ type: 'nginx' }, line('GET /old')).attrs_string).toEqual({
      remote_addr: '::1',
      method: 'GET',
      path: '/old',
    })
  })
  test('a log_format of its own', () => {
    const address = '$\u007bremote_addr}'
    const format = `$host ${address}|$msec|"$request" $status $request_time $upstream_response_time "$http_x_id"`
    expect(
      fieldsOf(
        { type: 'nginx', format },
        'a.example ::1|1732166400.123|"GET / HTTP/1.1" 200 0.012 0.004, 0.008 "-"',
      ),
    ).toMatchInlineSnapshot(`
      {
        "attrs_number": {
          "request_time": 0.012,
          "status": 200,
        },
        "attrs_string": {
          "host": "a.example",
          "method": "GET",
          "path": "/",
          "protocol": "HTTP/1.1",
          "remote_addr": "::1",
          "upstream_response_time": "0.004, 0.008",
        },
        "ts": "2024-11-21T05:20:00.123Z",
      }
    `)
  })
  test('what is none', () => {
    expect(
      reasons({ type: 'nginx' }, [
        '',
        'hello',
        '::1 - - [21/Nov/2026:06:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" more',
        '::1 - - [31/Feb/2026:06:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"',
      ]),
    ).toMatchInlineSnapshot(`
      [
        "not_the_format",
        "not_the_format",
        "not_the_format",
        "bad_time",
      ]
    `)
  })
})

test('apache', () => {
  expect(
    fieldsOf(
      { type: 'apache', format: 'common' },
      '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326',
    ),
  ).toMatchInlineSnapshot(`
    {
      "attrs_number": {
        "body_bytes_sent": 2326,
        "status": 200,
      },
      "attrs_string": {
        "method": "GET",
        "path": "/apache_pb.gif",
        "protocol": "HTTP/1.0",
        "remote_addr": "127.0.0.1",
        "remote_user": "frank",
      },
      "ts": "2000-10-10T20:55:36.000Z",
    }
  `)
  expect(
    fieldsOf(
      { type: 'apache', format: '%h %t \\"%r\\" %>s %O %D \\"%{X-Request-Id}i\\" %{PHPSESSID}C' },
      '::1 [21/Nov/2026:06:00:00 +0000] "GET /q?a=\\"b\\" HTTP/1.1" 200 512 1042 "r-1" s1',
    ),
  ).toMatchInlineSnapshot(`
    {
      "attrs_number": {
        "bytes_sent": 512,
        "duration_us": 1042,
        "status": 200,
      },
      "attrs_string": {
        "cookie_phpsessid": "s1",
        "http_x_request_id": "r-1",
        "method": "GET",
        "path": "/q",
        "protocol": "HTTP/1.1",
        "query": "a=\\"b\\"",
        "remote_addr": "::1",
      },
      "ts": "2026-11-21T06:00:00.000Z",
    }
  `)
})

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
            "message": "su root failed for lonvick on /dev/pts/8",
          },
          "service_name": "su",
          "severity_number": 18,
          "severity_text": "crit",
          "ts": "2026-10-11T22:14:15.000Z",
        },
        {
          "attrs_string": {
            "hostname": "web-1",
            "message": "(root) CMD (test -x /usr/sbin/anacron)",
            "proc_id": "12345",
          },
          "service_name": "CRON",
          "ts": "2026-11-01T06:25:01.000Z",
        },
        {
          "attrs_string": {
            "hostname": "web-1",
            "message": "connect from unknown[203.0.113.9]",
            "proc_id": "42",
          },
          "service_name": "postfix/smtpd",
          "ts": "2026-11-21T06:00:00.000Z",
        },
        {
          "attrs_string": {
            "hostname": "web-1",
            "message": "[12.345678] usb 1-1: new device",
          },
          "service_name": "kernel",
          "ts": "2026-11-21T06:00:00.000Z",
        },
        {
          "attrs_string": {
            "hostname": "web-1",
            "message": "Started nginx.service.",
            "proc_id": "1",
          },
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
            "message": "An application event log entry",
            "msg_id": "ID47",
          },
          "service_name": "evntslog",
          "severity_number": 10,
          "severity_text": "notice",
          "ts": "2003-10-11T22:14:15.003Z",
        },
        {
          "attrs_string": {
            "facility": "user",
            "message": "bare",
          },
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

test('cri, with JSON inside and without', () => {
  const line =
    '2026-11-21T06:00:00.123456789+01:00 stderr F {"level":"error","time":1,"message":"no","stream":"x"}'
  expect(fieldsOf({ type: 'cri' }, line)).toMatchInlineSnapshot(`
    {
      "attrs_string": {
        "stream": "stderr",
      },
      "body": "{"level":"error","time":1,"message":"no","stream":"x"}",
      "ts": "2026-11-21T05:00:00.123456789Z",
    }
  `)
  expect(fieldsOf({ type: 'cri', inside: { type: 'json' } }, line)).toMatchInlineSnapshot(`
    {
      "attrs_number": {
        "time": 1,
      },
      "attrs_string": {
        "message": "no",
        "stream": "x",
      },
      "body": "{"level":"error","time":1,"message":"no","stream":"x"}",
      "severity_number": 17,
      "severity_text": "error",
      "ts": "2026-11-21T05:00:00.123456789Z",
    }
  `)
  expect(fieldsOf({ type: 'cri', inside: { type: 'json', keepRaw: false } }, line).body).toBe('no')
  expect(
    fieldsOf({ type: 'cri', inside: { type: 'json' } }, '2026-11-21T06:00:00Z stdout P half of a {'),
  ).toMatchInlineSnapshot(`
    {
      "attrs_bool": {
        "partial": true,
      },
      "attrs_string": {
        "parse_error": "not_a_json_object",
        "stream": "stdout",
      },
      "body": "half of a {",
      "ts": "2026-11-21T06:00:00.000Z",
    }
  `)
  expect(
    reasons({ type: 'cri' }, [
      '',
      'a b c d',
      '2026-11-21T06:00:00Z stdin F x',
      '2026-11-21T06:00:00Z stdout',
    ]),
  ).toMatchInlineSnapshot(`
    [
      "not_cri",
      "not_cri",
      "not_cri",
      "not_cri",
    ]
  `)
})

test('docker', () => {
  const docker: ParseOptions = { type: 'docker' }
  const time = '"time":"2026-11-21T06:00:00.123456789Z"'
  expect(fieldsOf(docker, `{"log":"say \\"hi\\"\\n","stream":"stdout",${time}}`)).toMatchInlineSnapshot(`
    {
      "attrs_string": {
        "stream": "stdout",
      },
      "body": "say "hi"",
      "ts": "2026-11-21T06:00:00.123456789Z",
    }
  `)
  expect(
    fieldsOf(docker, `{"log":"\\u003cb\\u003e\\n","stream":"stdout","attrs":{"tag":"web"},${time}}`),
  ).toMatchInlineSnapshot(`
    {
      "attrs_string": {
        "attrs.tag": "web",
        "stream": "stdout",
      },
      "body": "<b>",
      "ts": "2026-11-21T06:00:00.123456789Z",
    }
  `)
  expect(fieldsOf(docker, `{"log":"cut here \\\\n","stream":"stdout",${time}}`).attrs_bool).toEqual({
    partial: true,
  })
  expect(reasons(docker, ['{}', '{"log":1}', 'x', `{"log":"a","time":"yesterday"}`])).toMatchInlineSnapshot(`
    [
      "not_docker",
      "not_docker",
      "not_a_json_object",
      "bad_time",
    ]
  `)
})

test('klog', () => {
  const klog: ParseOptions = { type: 'klog' }
  expect(
    fieldsOf(klog, 'E1121 06:00:00.123456    1234 reflector.go:147] pkg/x: failed: [a] b'),
  ).toMatchInlineSnapshot(`
    {
      "attrs_number": {
        "line": 147,
      },
      "attrs_string": {
        "file": "reflector.go",
        "message": "pkg/x: failed: [a] b",
        "thread": "1234",
      },
      "severity_number": 17,
      "severity_text": "ERROR",
      "ts": "2026-11-21T06:00:00.123456000Z",
    }
  `)
  expect(
    reasons(klog, [
      '',
      'I1121',
      'X1121 06:00:00.123456 1 a.go:1] x',
      'I1321 06:00:00.123456 1 a.go:1] x',
      'I1121 06:00:00.123456 1 a.go] x',
    ]),
  ).toMatchInlineSnapshot(`
    [
      "not_klog",
      "not_klog",
      "not_klog",
      "bad_time",
      "not_klog",
    ]
  `)
})

describe('regex', () => {
  test('named groups, time with a zone, own severities', () => {
    const options: ParseOptions = {
      type: 'regex',
      pattern: '^(?<when>[\\d-]+ [\\d:,]+) (?<level>\\w+) +\\[(?<thread>[^\\]]*)\\] (?<message>.*)$',
      keepRaw: false,
      time: { field: 'when', format: '%Y-%m-%d %H:%M:%S,%L', zone: 'Europe/Berlin' },
      severity: { map: { SCHWER: 'fatal' } },
    }
    expect(fieldsOf(options, '2026-07-01 12:00:00,250 SCHWER [main] alles aus')).toMatchInlineSnapshot(`
      {
        "attrs_string": {
          "thread": "main",
        },
        "body": "alles aus",
        "severity_number": 21,
        "severity_text": "SCHWER",
        "ts": "2026-07-01T10:00:00.250Z",
      }
    `)
    expect(reasons(options, ['nothing', '2026-13-01 12:00:00,250 INFO [main] x'])).toEqual([
      'no_match',
      'bad_time',
    ])
  })
  test('__proto__ and numbers are data', () => {
    expect(
      fieldsOf({ type: 'regex', pattern: '^(?<__proto__>\\d+) (?<n>\\S+)$' }, '7 0042').attrs_string,
    ).toEqual({ n: '0042' })
  })
  test('one that goes back too often is run in linear time', () => {
    const evil = `${'a'.repeat(50_000)}!`
    expect(reasons({ type: 'regex', pattern: '^(?<x>(a+)+)$' }, [evil])).toEqual(['no_match'])
  })
})

test('csv', () => {
  const csv: ParseOptions = { type: 'csv', columns: ['time', 'user', 'note', 'amount'], delimiter: ';' }
  expect(fieldsOf(csv, '2026-11-21 06:00:00;ada;"a ""b""; c";-1.50')).toMatchInlineSnapshot(`
    {
      "attrs_number": {
        "amount": -1.5,
      },
      "attrs_string": {
        "note": "a "b"; c",
        "user": "ada",
      },
      "ts": "2026-11-21T06:00:00.000Z",
    }
  `)
  expect(fieldsOf(csv, ';;;')).toMatchInlineSnapshot(`
    {
      "ts": "2026-11-21T07:00:00.000Z",
    }
  `)
  expect(reasons(csv, ['', 'a;b;c', 'a;b;c;d;e', 'a;b;"c;d', 'a;"b"x;c;d'])).toMatchInlineSnapshot(`
    [
      "other_columns",
      "other_columns",
      "other_columns",
      "unclosed_quote",
      "bad_quote",
    ]
  `)
})
