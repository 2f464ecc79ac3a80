// Access logs of nginx and Apache: real-world lines and what becomes of them; hostile ones are kept whole.
import { describe, expect, test } from 'vitest'
import { fieldsOf, reasons } from './parsing.ts'

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
        "body": "GET /a%20b?q=\\x22x\\x22 HTTP/2.0",
        "ts": "2026-11-21T05:00:00.000Z",
      }
    `)
  })
  test('requests that are none', () => {
    const line = (request: string) => `::1 - - [21/Nov/2026:06:00:00 +0000] "${request}" 400 0 "-" "-"`
    expect(fieldsOf({ type: 'nginx', keepRaw: true }, line('\\x16\\x03\\x01')).attrs_string).toEqual({
      remote_addr: '::1',
      request: '\\x16\\x03\\x01',
    })
    expect(fieldsOf({ type: 'nginx' }, line('\\x16\\x03\\x01'))).toEqual({
      ts: '2026-11-21T06:00:00.000Z',
      body: '\\x16\\x03\\x01',
      attrs_string: { remote_addr: '::1' },
      attrs_number: { status: 400, body_bytes_sent: 0 },
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
        "body": "GET / HTTP/1.1",
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
      "body": "GET /apache_pb.gif HTTP/1.0",
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
      "body": "GET /q?a=\\"b\\" HTTP/1.1",
      "ts": "2026-11-21T06:00:00.000Z",
    }
  `)
})
