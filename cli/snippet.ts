// logdrive snippet: the HTML tag that tracks a web site.

import { baseUrl } from './client.ts'
import { type Command, exitCodes, usage } from './command.ts'

/** LOGDRIVE_KEY is not looked at: a key in a page is public, and that one likely may do more than track. */
export const snippet: Command = {
  name: 'snippet',
  summary: 'Prints the HTML tag that tracks a web site',
  usage: '[options]',
  examples: [
    'logdrive snippet --url https://logs.shop.example --key "$WEB_KEY"',
    'logdrive snippet --site shop',
  ],
  options: {
    url: {
      value: 'URL',
      about: 'the collector as browsers reach it (default http://127.0.0.1:8750, or LOGDRIVE_URL)',
    },
    key: { value: 'KEY', about: 'a key that allows only `track`: every visitor can read it' },
    site: { value: 'NAME', about: "a name for the site (default: the page's host name)" },
    json: { about: 'print JSON' },
  },
  async run(args, io) {
    if (args.positionals.length > 0) throw usage('there is nothing to name')
    const url = baseUrl(args.text('url') ?? io.variable('LOGDRIVE_URL') ?? 'http://127.0.0.1:8750', '--url')
    const attributes = [
      ['src', `${url}/t.js`],
      ['data-key', args.text('key')],
      ['data-site', args.text('site')],
    ]
    const written = attributes.flatMap(([name, value]) =>
      value === undefined ? [] : [` ${name}="${escapeAttribute(value)}"`],
    )
    const html = `<script defer${written.join('')}></script>`
    await io.stdout.write(args.has('json') ? `${JSON.stringify({ html })}\n` : `${html}\n`)
    return exitCodes.good
  },
}

function escapeAttribute(text: string): string {
  const entities: ReadonlyMap<string, string> = new Map([
    ['&', '&amp;'],
    ['"', '&quot;'],
    ['<', '&lt;'],
    ['>', '&gt;'],
  ])
  return text.replace(/[&"<>]/g, (character) => entities.get(character) ?? character)
}
