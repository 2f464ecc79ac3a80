// produce as a process, against a peer that answers as interfaces.md says.
import { describe, expect, test } from 'vitest'
import { answerJson, logdrive, peer } from './process.ts'

describe('produce', () => {
  const accept = (body: string) => ({
    accepted: body.split('\n').length - 1,
    rejected: 0,
    offsets: [],
    errors: [],
  })

  test('sends the lines of stdin as NDJSON, empty ones left out, with the field of the key', async () => {
    await using collector = await peer((seen, response) => answerJson(response, 200, accept(seen.body)))
    const input = '{"user":"ada"}\r\n\n{"user":"bob"}'
    const { code, stdout, stderr } = await logdrive(
      ['produce', 'page_views', '--key', 'user', '--url', collector.url],
      {
        input,
        env: { LOGDRIVE_KEY: 'secret' },
      },
    )
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '2 records stored\n' })
    expect(collector.seen).toHaveLength(1)
    expect(collector.seen[0]).toMatchObject({
      method: 'POST',
      url: '/v1/topics/page_views/records?key=user',
      body: '{"user":"ada"}\n{"user":"bob"}\n',
    })
    expect(collector.seen[0]?.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      authorization: 'Bearer secret',
    })
  })

  test('sends partition and headers along', async () => {
    await using collector = await peer((seen, response) => answerJson(response, 200, accept(seen.body)))
    const words = ['--partition', '2', '--header', 'a:b:c', '--header', 'run:ü']
    await logdrive(['produce', 'a', ...words, '--url', collector.url], { input: '1\n' })
    const query = new URL(collector.seen[0]?.url ?? '', 'http://x').searchParams
    expect([query.get('partition'), query.getAll('header')]).toEqual(['2', ['a:b:c', 'run:ü']])
    const wrong = await logdrive(['produce', 'a', '--header', 'x', '--url', collector.url])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('NAME:VALUE')])
  })

  test('sends plain text as JSON strings', async () => {
    await using collector = await peer((seen, response) => answerJson(response, 200, accept(seen.body)))
    await logdrive(['produce', 'logs', '--text', '--url', collector.url], {
      input: 'say "hi"\n\ttab \u00fc\n',
    })
    expect(collector.seen[0]?.body).toBe('"say \\"hi\\""\n"\\ttab ü"\n')
  })

  test('cuts a long input into bounded bodies, in order, every line once', async () => {
    await using collector = await peer((seen, response) => answerJson(response, 200, accept(seen.body)))
    const lines = Array.from({ length: 30_000 }, (_, index) => `{"n":${index},"pad":"${'x'.repeat(200)}"}`)
    const { stdout } = await logdrive(['produce', 'a', '--json', '--url', collector.url], {
      input: `${lines.join('\n')}\n`,
    })
    expect(JSON.parse(stdout)).toEqual({ accepted: 30_000, rejected: 0 })
    expect(collector.seen.length).toBeGreaterThan(5)
    for (const { body } of collector.seen) expect(body.length).toBeLessThanOrEqual(2 * 1024 * 1024)
    expect(collector.seen.map((seen) => seen.body).join('')).toBe(`${lines.join('\n')}\n`)
  })

  test('names the line of stdin that was refused, and exits 1', async () => {
    await using collector = await peer((_, response) =>
      answerJson(response, 200, {
        accepted: 1,
        rejected: 1,
        offsets: [],
        errors: [{ line: 2, code: 'REQUEST_INVALID', message: 'not JSON' }],
      }),
    )
    // The empty line is not sent, so the collector's second line is the third here.
    const { code, stderr } = await logdrive(['produce', 'a', '--url', collector.url], {
      input: '1\n\nnope\n',
    })
    expect(code).toBe(1)
    expect(stderr).toBe(
      'line 3: not JSON\nlines that are not JSON are sent with --text\n1 records stored, 1 refused\n',
    )
  })

  test('goes on after a body of which nothing was taken', async () => {
    await using collector = await peer((_, response) =>
      answerJson(response, 422, {
        error: { code: 'SCHEMA_INVALID', message: 'no record was stored' },
        accepted: 0,
        rejected: 1,
        offsets: [],
        errors: [{ line: 1, code: 'REQUEST_INVALID', message: 'not JSON' }],
      }),
    )
    const { code, stderr } = await logdrive(['produce', 'a', '--url', collector.url], { input: 'nope\n' })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^line 1: not JSON\n.*--text\n0 records stored, 1 refused\n$/),
    })
  })

  test('comes again after a refusal with Retry-After, and not after one without', async () => {
    let refusals = 2
    await using collector = await peer((seen, response) => {
      if (refusals-- > 0) answerJson(response, 503, { error: { message: 'full' } }, { 'retry-after': '0' })
      else answerJson(response, 200, accept(seen.body))
    })
    expect((await logdrive(['produce', 'a', '--url', collector.url], { input: '1\n' })).code).toBe(0)
    expect(collector.seen).toHaveLength(3)
    await using broken = await peer((_, response) =>
      answerJson(response, 500, { error: { message: 'broken' } }),
    )
    const { code, stderr } = await logdrive(['produce', 'a', '--url', broken.url], { input: '1\n' })
    expect(code).toBe(1)
    expect(stderr).toContain('broken; 0 records were stored before')
    expect(broken.seen).toHaveLength(1)
  })

  test('does not send again what may have been stored', async () => {
    await using collector = await peer((_, response) => response.destroy())
    const { code } = await logdrive(['produce', 'a', '--url', collector.url], { input: '1\n' })
    expect(code).toBe(1)
    expect(collector.seen).toHaveLength(1)
  })
})
