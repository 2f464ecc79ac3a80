// tail as a process, against a peer that answers as interfaces.md says.
import { describe, expect, test } from 'vitest'
import { logdrive, peer } from './process.ts'

describe('tail', () => {
  const record = (offset: number) =>
    JSON.stringify({
      topic: 'a',
      partition: 0,
      offset,
      timestamp: '2026-11-21T00:00:00.000Z',
      key: null,
      headers: {},
      value: { n: offset },
    })

  test('prints one JSON a line and asks for what was wanted', async () => {
    await using collector = await peer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      // Events torn at odd places, a comment, and both kinds of line ends.
      const text = `: hello\n\ndata: ${record(0)}\n\ndata: ${record(1)}\r\n\r\n`
      for (const piece of text.match(/.{1,7}/gs) ?? []) response.write(piece)
      response.end()
    })
    const where = ['--from', '2026-11-21T08:00:00+02:00', '--partition', '1']
    const words = ['tail', 'a', 'b.c', ...where, '--url', collector.url]
    const { code, stdout } = await logdrive(words)
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${record(0)}\n${record(1)}\n` })
    const query = new URL(collector.seen[0]?.url ?? '', 'http://x').searchParams
    expect(query.getAll('topic')).toEqual(['a', 'b.c'])
    expect(Object.fromEntries(query)).toMatchObject({
      from: '2026-11-21T06:00:00.000Z',
      partition: '1',
      follow: '0',
    })
  })

  test('stops after --max records even when the collector goes on', async () => {
    await using collector = await peer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let offset = 0; offset < 10; offset++) response.write(`data: ${record(offset)}\n\n`)
    })
    const { code, stdout } = await logdrive(['tail', 'a', '--follow', '--max', '3', '--url', collector.url])
    expect(code).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(3)
    expect(collector.seen[0]?.url).toContain('from=end&max=3&follow=1')
  })

  test('follows until Ctrl-C, and that is exit code 0', async () => {
    await using collector = await peer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${record(0)}\n\n`)
    })
    const finished = await logdrive(['tail', 'a', '-f', '--url', collector.url], {
      interruptWhen: (stdout) => stdout.includes('\n'),
    })
    expect(finished).toEqual({ code: 0, stdout: `${record(0)}\n`, stderr: '' })
  })

  test.each([[['tail']], [['tail', 'a', '--from', 'yesterday']], [['tail', 'a', '--max', '0']]])(
    '%j is wrong usage',
    async (words) => {
      expect((await logdrive(words)).code).toBe(2)
    },
  )
})
