// E-mail addresses (RFC 5321 without quoted names), as people write them and percent-encoded as URLs hold them.
import type { Found } from './found.ts'

const nameCharactersMax = 64
/**
 * Those that mail services give out, and other scripts (RFC 6531); of bytes that were read one for one, all above ASCII.
 * The rest of what RFC 5321 allows stands around addresses in logs: quotes, brackets, `=`, `&` and `/`.
 */
const nameCharacter = /[A-Za-z0-9._+~%\u0080-\uffff-]/
const domain =
  /(?:[A-Za-z0-9\u0080-\uffff](?:[A-Za-z0-9\u0080-\uffff-]{0,62}\.)){1,10}[A-Za-z\u0080-\uffff][A-Za-z0-9\u0080-\uffff-]{1,62}/y
const at = /@|%40/g

/** Addresses of a text. */
export function findEmails(text: string): readonly Found[] {
  const found: Found[] = []
  let done = 0
  at.lastIndex = 0
  for (let sign = at.exec(text); sign !== null; sign = at.exec(text)) {
    const from = nameStart(text, sign.index, done)
    domain.lastIndex = sign.index + sign[0].length
    const host = from === sign.index ? null : domain.exec(text)
    if (host === null) continue
    const to = host.index + host[0].length
    found.push({ from, to, value: text.slice(from, to).replace('%40', '@').toLowerCase() })
    done = to
    at.lastIndex = to
  }
  return found
}

function nameStart(text: string, end: number, done: number): number {
  const first = Math.max(done, end - nameCharactersMax)
  let from = end
  while (from > first && nameCharacter.test(text[from - 1] as string)) from -= 1
  return from
}
