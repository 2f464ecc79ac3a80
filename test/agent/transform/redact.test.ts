// Redaction: nothing of what is looked for is left in any spelling, nothing else changes, and the block scan misses no line.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasLuhnCheck } from '../../../agent/transform/cards.ts'
import { type RedactKind, type RedactOptions, redactKinds } from '../../../agent/transform/options.ts'
import { Redactor } from '../../../agent/transform/redact.ts'
import { suspectsOf } from '../../../agent/transform/suspects.ts'
import { runs } from '../../runs.ts'

function options(kinds: readonly RedactKind[], more: Partial<RedactOptions> = {}): RedactOptions {
  return { kinds, patterns: {}, text: '[{kind}]', ...more }
}

const all = new Redactor(options([...redactKinds]))
const usual = new Redactor(options(['email', 'card', 'jwt', 'keys']))

function redact(text: string, redactor = all): string {
  return redactor.redact(text, () => {})
}

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c'
const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'

// Written in two parts, so that no scanner of repositories takes this file for a leak.
const token = (begin: string, rest: string) => `${begin}${rest}`

test.each([
  ['mail to ada@example.com.', 'mail to [email].'],
  ['<ada.b+c@mail.example.co.uk>', '<[email]>'],
  ['GET /login?mail=ada%40example.com&x=1', 'GET /login?mail=[email]&x=1'],
  ['https://ada:secret@shop.example/x', 'https://ada:[email]/x'],
  ['é@exämple.de', '[email]'],
  ['{"to":"ada\\u0040example.com","n":"\\u00e9"}', '{"to":"[email]","n":"\\u00e9"}'],
  ['root@localhost, a@b, @ada, x@1.2.3', 'root@localhost, a@b, @ada, x@1.2.3'],
  ['pan 4111111111111111 ok', 'pan [card] ok'],
  ['4111-1111-1111-1111, 3782 822463 10005', '[card], [card]'],
  ['378282246310005|6011000990139424', '[card]|[card]'],
  ['order 12345 4111111111111111', 'order 12345 [card]'],
  ['4111111111111112 41111111111111111111', '4111111111111112 41111111111111111111'],
  ['1732166400123 took 0.4111111111111111', '1732166400123 took 0.4111111111111111'],
  [`Bearer ${jwt}`, 'Bearer [jwt]'],
  ['eyJub3QiOjF9 alone', 'eyJub3QiOjF9 alone'],
  [`id ${token('AKIA', 'IOSFODNN7EXAMPLE')} ${secret}`, 'id [keys] [keys]'],
  [`aws_secret_access_key = ${secret}`, 'aws_secret_access_key = [keys]'],
  [`{"SecretAccessKey":"${secret.replaceAll('/', '\\/')}"}`, '{"SecretAccessKey":"[keys]"}'],
  [`commit ${'0a'.repeat(20)}`, `commit ${'0a'.repeat(20)}`],
  [`${token('AI', `zaSy${'a'.repeat(33)}`)}`, '[keys]'],
  [`${token('gh', `p_${'a1'.repeat(18)}`)} ${token('github', `_pat_${'b2'.repeat(20)}`)}`, '[keys] [keys]'],
  [`${token('xo', 'xb-123456789012-abcdefabcdef')}`, '[keys]'],
  [`${token('sk', `_live_${'a'.repeat(24)}`)} ${token('gl', `pat-${'b'.repeat(20)}`)}`, '[keys] [keys]'],
  ['k=-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY----- end', 'k=[keys] end'],
  ['-----BEGIN PRIVATE KEY-----\nMIIE', '[keys]'],
  ['-----BEGIN CERTIFICATE-----', '-----BEGIN CERTIFICATE-----'],
  ['from 203.0.113.9:443 to 10.0.0.1.', 'from [ipv4]:443 to [ipv4].'],
  ['1.2.3.4.5 999.1.1.1', '1.2.3.4.5 999.1.1.1'],
  ['peer:2001:db8::7: no route, [fe80::1%eth0]', 'peer:[ipv6]: no route, [[ipv6]%eth0]'],
  ['::ffff:192.0.2.1 2001:0db8:0000:0000:0000:ff00:0042:8329', '[ipv6] [ipv6]'],
  ['at 06:00:00 std::string aa:bb:cc:dd:ee:ff', 'at 06:00:00 std::string aa:bb:cc:dd:ee:ff'],
])('%s', (text, redacted) => {
  expect(redact(text)).toBe(redacted)
})

test('a keyed hash tells the same value again, in any spelling, and another key another one', () => {
  const hashing = (hashKey: string) => new Redactor(options([...redactKinds], { hashKey }))
  const [one, again] = redact('4111 1111 1111 1111 and 4111111111111111', hashing('k')).split(' and ')
  expect(one).toBe(again)
  expect(one).toMatch(/^\[card:[0-9a-f]{16}\]$/)
  expect(redact('Ada@Example.com', hashing('k'))).toBe(redact('ada@example.com', hashing('k')))
  expect(redact('ada@example.com', hashing('other'))).not.toBe(redact('ada@example.com', hashing('k')))
})

test('own patterns are counted by name and replaced with the text', () => {
  const counts: string[] = []
  const redactor = new Redactor(
    options([], { patterns: { order: 'ORD-[0-9]{6}', é: 'é+' }, text: '<{kind}>' }),
  )
  expect(redactor.redact('ORD-123456 éé ORD-1', (kind) => counts.push(kind))).toBe('<order> <é> ORD-1')
  expect(counts).toEqual(['order', 'é'])
  expect(() => new Redactor(options([], { patterns: { x: '(a+)+\\1' } }))).toThrow('could take for ever')
  expect(() => new Redactor(options([], { patterns: { x: 'a*' } }))).toThrow('everywhere')
})

const plain = fc.string({
  unit: fc.constantFrom(...'abcxyzABCXYZ ,;:!?(){}<>|*#"\\\'\n\tÄé漢🦊/=&+~_'),
  maxLength: 40,
})
const filler = fc.oneof(
  plain,
  fc.nat().map((n) => ` ${n % 100_000} `),
  fc.constant(' 2026-11-21T06:00:00.123Z '),
)
const email = fc
  .tuple(
    fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9._+-]{0,20}$/),
    fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,6}){1,3}$/),
  )
  .map((parts) => parts.join('@'))
const pan = fc
  .tuple(
    fc.constantFrom('4', '51', '2221', '34', '37', '6011', '62'),
    fc.integer({ min: 13, max: 19 }),
    fc.infiniteStream(fc.nat(9)),
  )
  .map(([begin, length, digits]) => {
    let text = begin
    while (text.length < length - 1) text += String(digits.next().value)
    return Array.from({ length: 10 }, (_, digit) => `${text}${digit}`).find(hasLuhnCheck) as string
  })
const grouped = pan
  .filter(({ length }) => length === 16)
  .chain((digits) => fc.constantFrom(' ', '-').map((between) => (digits.match(/.{4}/g) ?? []).join(between)))

describe('properties', () => {
  test('no address and no card number of a text is left', () => {
    const hidden = fc.oneof(email, pan, grouped)
    const texts = fc.array(fc.tuple(filler, hidden), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(texts, plain, (parts, end) => {
        // A sign between: a longer number is no card.
        const text = parts.map(([before, secretText]) => `${before};${secretText};`).join('') + end
        const redacted = redact(text, usual)
        for (const [, secretText] of parts) expect(redacted).not.toContain(secretText)
        const found = suspectsOf([usual], block([Buffer.from(text.replaceAll('\n', ' '))]))
        expect(found?.[0]).toBe(1)
      }),
      { numRuns: runs(5000, 500) },
    )
  })

  test('a text without any is the very same, and so are bytes that are no text', () => {
    fc.assert(
      fc.property(fc.array(filler), (parts) => {
        const text = parts.join(' ')
        expect(redact(text, usual)).toBe(text)
      }),
      { numRuns: runs(5000, 500) },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1')
        const redacted = redact(text)
        if (redacted === text) expect(Buffer.from(redacted, 'latin1')).toEqual(Buffer.from(bytes))
      }),
      { numRuns: runs(5000, 500) },
    )
  })

  test('a line that the scan of its block does not suspect would not change', () => {
    const odd = fc.constantFrom(
      '@',
      '%40',
      'eyJ',
      jwt,
      secret,
      'ecret',
      '\\u0040',
      '0000',
      '4111',
      ' ',
      '-',
      '-----BEGIN ',
    )
    const line = fc.array(fc.oneof(odd, filler, email, pan, grouped), { maxLength: 6 })
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), fc.nat(3), (lines, shift) => {
        const texts = lines.map((parts) => parts.join('').replaceAll('\n', ' '))
        const suspects = suspectsOf(
          [usual],
          block(
            texts.map((text) => Buffer.from(text)),
            shift,
          ),
        )
        for (const [index, text] of texts.entries()) {
          if (suspects?.[index] !== 1) expect(redact(text, usual)).toBe(text)
        }
      }),
      { numRuns: runs(5000, 500) },
    )
  })
})

// Quadratic ones take longer than a test may.
test('what makes searchers slow on long lines does not here', () => {
  const pieces = [
    ...['eyJ', 'a', '@', 'a@', 'a.', '4', '4111 ', '4-', 'AKIA', 'ghp_', '%40a.', 'secret_key='],
    ...['-----BEGIN ', ':', '1.', '::', '\\u0040', 'xoxb-'],
  ]
  for (const piece of pieces) {
    const long = piece.repeat(Math.ceil(200_000 / piece.length))
    expect(redact(long).length).toBeLessThan(long.length * 2)
  }
})

/** Lines with line feeds between them, a few bytes in front. */
function block(lines: readonly Buffer[], shift = 0) {
  const pieces: Buffer[] = [Buffer.alloc(shift, 0x78)]
  let at = shift
  const starts = lines.map((line) => {
    pieces.push(line, Buffer.from('\n'))
    at += line.length + 1
    return at - line.length - 1
  })
  const ends = lines.map((line, index) => (starts[index] as number) + line.length)
  return {
    bytes: Buffer.concat(pieces),
    starts: Int32Array.from(starts),
    ends: Int32Array.from(ends),
    count: lines.length,
  }
}
