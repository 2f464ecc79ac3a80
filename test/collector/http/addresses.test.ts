// Addresses parse strictly, and nobody gets a false address past the trusted proxies.
import { expect, test } from 'vitest'
import {
  addressPrefix,
  clientAddress,
  isLoopback,
  isWithin,
  parseAddress,
  parseNetwork,
} from '../../../collector/http/addresses.ts'

test('good addresses parse, bad ones do not', () => {
  for (const text of [
    '1.2.3.4',
    '::',
    '::1',
    'fe80::1%eth0',
    '[2001:db8::1]',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:7:8',
  ]) {
    expect(parseAddress(text), text).toHaveLength(16)
  }
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4a',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    'localhost',
    '1:2:3:4:5:6:7:8:9',
    '::1.2.3',
    '0x7f.0.0.1',
    '2130706433',
    'g::',
  ]) {
    expect(parseAddress(text), text).toBeNull()
  }
})

test('loopback is loopback in all spellings and nothing else', () => {
  for (const text of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '[::1]']) {
    expect(isLoopback(text), text).toBe(true)
  }
  for (const text of ['128.0.0.1', '10.0.0.1', '::2', 'localhost', '', '::ffff:10.0.0.1', '0.0.0.0', '::']) {
    expect(isLoopback(text), text).toBe(false)
  }
})

test('networks contain what their bits say', () => {
  const network = parseNetwork('10.1.128.0/17')
  const within = (text: string) => isWithin(parseAddress(text) ?? new Uint8Array(16), [network])
  expect([
    within('10.1.128.0'),
    within('10.1.255.255'),
    within('10.1.127.255'),
    within('11.1.128.0'),
  ]).toEqual([true, true, false, false])
  for (const text of ['10.0.0.0/33', '10.0.0.0/x', 'all', '::/129', '1.2.3.4/-1']) {
    expect(() => parseNetwork(text), text).toThrow('not an address or network')
  }
})

test.each([
  ['no proxies are trusted', [], '9.9.9.9', '1.1.1.1', '9.9.9.9'],
  ['no header', ['10.0.0.0/8'], '10.0.0.1', undefined, '10.0.0.1'],
  ['the peer is no proxy', ['10.0.0.0/8'], '9.9.9.9', '1.1.1.1', '9.9.9.9'],
  ['one hop', ['10.0.0.0/8'], '10.0.0.1', '1.1.1.1', '1.1.1.1'],
  ['a spoofed hop on the left', ['10.0.0.0/8'], '10.0.0.1', '127.0.0.1, 1.1.1.1', '1.1.1.1'],
  ['two proxies', ['10.0.0.0/8'], '10.0.0.1', '6.6.6.6, 1.1.1.1, 10.0.0.2', '1.1.1.1'],
  ['only proxies', ['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['rubbish', ['10.0.0.0/8'], '10.0.0.1', 'unknown', '10.0.0.1'],
  ['rubbish behind a proxy', ['10.0.0.0/8'], '10.0.0.1', '1.1.1.1, x, 10.0.0.2', '10.0.0.2'],
  ['a port', ['10.0.0.0/8'], '10.0.0.1', '1.1.1.1:4711', '1.1.1.1'],
  ['IPv6 with a port', ['10.0.0.0/8'], '10.0.0.1', '[2001:db8::1]:80', '2001:db8::1'],
  ['IPv6 bare', ['::1'], '::1', '2001:db8::1', '2001:db8::1'],
  ['empty', ['10.0.0.0/8'], '10.0.0.1', '', '10.0.0.1'],
  ['empty hops', ['10.0.0.0/8'], '10.0.0.1', '1.1.1.1, ,', '10.0.0.1'],
  ['spaces and tabs', ['10.0.0.0/8'], '10.0.0.1', ' \t1.1.1.1\t ', '1.1.1.1'],
  ['quotes', ['10.0.0.0/8'], '10.0.0.1', '"1.1.1.1"', '10.0.0.1'],
  ['octal', ['10.0.0.0/8'], '10.0.0.1', '0177.0.0.1', '10.0.0.1'],
  ['a mapped peer', ['10.0.0.0/8'], '::ffff:10.0.0.1', '1.1.1.1', '1.1.1.1'],
  ['a thousand hops', ['10.0.0.0/8'], '10.0.0.1', `${'10.0.0.2,'.repeat(1000)}1.1.1.1`, '10.0.0.2'],
  ['a name', ['10.0.0.0/8'], '10.0.0.1', 'localhost', '10.0.0.1'],
] as const)('the client behind proxies: %s', (_, trusted, peer, header, expected) => {
  const headers = header === undefined ? {} : { 'x-forwarded-for': header }
  expect(clientAddress(peer, headers, trusted.map(parseNetwork))).toBe(expected)
})

test('only the prefix of an address is kept', () => {
  expect(addressPrefix('203.0.113.77')).toBe('203.0.113.0/24')
  expect(addressPrefix('::ffff:203.0.113.77')).toBe('203.0.113.0/24')
  expect(addressPrefix('2001:db8:aaaa:bbbb::1')).toBe('2001:db8:aaaa::/48')
  expect(addressPrefix('nonsense')).toBe('')
})
