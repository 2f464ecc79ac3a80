// How every command finds its collector, and what it says when that is not there or refuses.
import { describe, expect, test } from 'vitest'
import { answerJson, freePort, logdrive, peer } from './process.ts'

describe('a collector', () => {
  test('is found by --url, by LOGDRIVE_URL, and gets the key by --key or LOGDRIVE_KEY', async () => {
    await using collector = await peer((_, response) => answerJson(response, 200, { topics: [] }))
    await logdrive(['topics', '--url', `${collector.url}/`, '--key', 'one'])
    await logdrive(['topics'], { env: { LOGDRIVE_URL: collector.url, LOGDRIVE_KEY: 'two' } })
    expect(collector.seen.map((seen) => [seen.url, seen.headers.authorization])).toEqual([
      ['/v1/topics', 'Bearer one'],
      ['/v1/topics', 'Bearer two'],
    ])
  })

  test('that is not there is an exit code 1 with what to do, for every command', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const lines = [['topics'], ['produce', 'a'], ['tail', 'a'], ['status'], ['sql', 'SELECT 1']]
    for (const words of lines) {
      const { code, stdout, stderr } = await logdrive([...words, '--url', url], { input: '{}\n' })
      expect({ words, code, stdout }).toEqual({ words, code: 1, stdout: '' })
      expect(stderr).toContain(`no collector answers at ${url} (ECONNREFUSED)`)
      expect(stderr).toContain('logdrive up')
    }
  })

  test('that refuses is quoted with its hint, and a missing key says how to give one', async () => {
    await using collector = await peer((seen, response) => {
      const key = seen.headers.authorization
      if (key === undefined)
        answerJson(response, 401, { error: { code: 'KEY_MISSING', message: 'a key is needed', hint: '' } })
      else
        answerJson(response, 404, {
          error: { code: 'TOPIC_UNKNOWN', message: 'no topic\u001b[2J', hint: 'create it' },
        })
    })
    const locked = await logdrive(['status', '--url', collector.url])
    expect(locked.code).toBe(1)
    expect(locked.stderr).toBe(
      'logdrive: a key is needed\n  give a key that allows this: --key KEY, or LOGDRIVE_KEY\n',
    )
    const unknown = await logdrive(['topics', 'describe', 'x', '--url', collector.url, '--key', 'k'])
    expect(unknown.stderr).toBe('logdrive: no topic\\u001b[2J\n  create it\n')
  })

  test('that is none is named', async () => {
    await using other = await peer((_, response) => response.end('<html>'))
    const { code, stderr } = await logdrive(['status', '--url', other.url])
    expect(code).toBe(1)
    expect(stderr).toContain('did not answer with JSON')
  })

  test('is not looked for at a URL that is none', async () => {
    expect((await logdrive(['status', '--url', 'localhost:8750'])).code).toBe(2)
    expect((await logdrive(['status', '--url', 'http://me:secret@host'])).stderr).not.toContain('secret')
  })
})
