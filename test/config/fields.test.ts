// Durations, sizes, counts, addresses and names: what they yield and what they refuse.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import * as fields from '../../config/fields.ts'

function parse<T>(schema: z.ZodType<T>, value: unknown): T | string {
  const result = schema.safeParse(value)
  return result.success ? result.data : (result.error.issues[0]?.message ?? '')
}

describe('a duration', () => {
  test.each([
    ['200ms', 200],
    ['5s', 5000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parse(fields.duration(), text)).toBe(ms)
  })
  test('needs its unit', () => {
    expect(parse(fields.duration(), 5)).toContain('say the unit')
    expect(parse(fields.duration(), '5')).toContain('expected a duration')
  })
  test.each(['', 's', '-5s', '5S', '5 weeks', '1e3s', '0.0001ms', '99999999999999d', null, [], true])(
    'is not %j',
    (value) => {
      expect(parse(fields.duration(), value)).toContain('expected a duration')
    },
  )
  test('keeps its bounds', () => {
    const bounded = fields.duration({ min: 1000, max: 60_000 })
    expect(parse(bounded, '10ms')).toBe('too small: at least 1s')
    expect(parse(bounded, '2m')).toBe('too big: at most 1m')
  })
  test('keeps its default through the transform', () => {
    expect(parse(fields.duration().prefault('5s'), undefined)).toBe(5000)
  })
})

test('sizes are bytes', () => {
  expect(['512', 512, '64MiB', '10MB', '0.5GiB', '1 KiB'].map((text) => parse(fields.size(), text))).toEqual([
    512, 512, 67_108_864, 10_000_000, 536_870_912, 1024,
  ])
  expect(parse(fields.size(), '10mb')).toContain('expected a size')
  expect(parse(fields.size(), 1.5)).toContain('expected a size')
})

test('counts are whole numbers', () => {
  expect(['500', 500, '100k', '1M', '0.5k'].map((text) => parse(fields.count(), text))).toEqual([
    500, 500, 100_000, 1_000_000, 500,
  ])
  expect(parse(fields.count(), '1.0001k')).toContain('expected a count')
})

test('formatting and reading back gives the same value', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (value) => {
      const rounded = value % 1e15
      expect(parse(fields.size(), fields.formatSize(rounded))).toBe(rounded)
      expect(parse(fields.duration(), fields.formatDuration(rounded))).toBe(rounded)
    }),
  )
})

test('numbers, ports and flags are taken from texts too, for what comes from the environment', () => {
  expect(parse(fields.port(), '8123')).toBe(8123)
  expect(parse(fields.port(), 70_000)).toBe('too big: at most 65535')
  expect(parse(fields.integer(), '4k')).toBe('expected a whole number')
  expect(parse(fields.flag(), 'false')).toBe(false)
  expect(parse(fields.flag(), 'yes')).toBe('expected true or false')
})

test('addresses have a host and a port', () => {
  expect(parse(fields.address(), '127.0.0.1:8750')).toEqual({ host: '127.0.0.1', port: 8750 })
  expect(parse(fields.address(), '[::1]:0')).toEqual({ host: '::1', port: 0 })
  for (const wrong of ['8750', ':8750', 'a:b', '::1:8750', 'host:99999', 'http://a:1', 8750])
    expect(parse(fields.address(), wrong)).toContain('expected host:port')
})

test('a URL with a password in it is refused, and the password is not repeated', () => {
  expect(parse(fields.url(), 'https://ch.example:8443')).toBe('https://ch.example:8443')
  expect(parse(fields.url(), 'ftp://a')).toContain('expected a URL')
  const message = parse(fields.url(), 'http://me:hunter2@host')
  expect(message).toContain('do not belong into a URL')
  expect(message).not.toContain('hunter2')
})

test('topics are named as in Kafka, and "__" is ours', () => {
  expect(parse(fields.topicName(), 'web-logs.v2_A')).toBe('web-logs.v2_A')
  for (const wrong of ['', '.', '..', 'a b', 'a/b', 'ü', 'x'.repeat(250)])
    expect(parse(fields.topicName(), wrong)).toContain('a topic is named')
  expect(parse(fields.topicName(), '__offsets')).toContain('belong to Logdrive')
})

test('origins are what a browser sends', () => {
  expect(parse(fields.origin(), 'https://shop.example')).toBe('https://shop.example')
  expect(parse(fields.origin(), '*')).toContain('expected an origin')
  expect(parse(fields.origin(), 'https://shop.example/')).toContain('expected an origin')
})

test('networks are addresses with or without a length', () => {
  for (const right of ['10.0.0.0/8', '192.168.1.7', '::1', 'fd00::/8', '::ffff:10.0.0.1'])
    expect(parse(fields.network(), right)).toBe(right)
  for (const wrong of ['10.0.0.0/33', '300.1.1.1', 'proxy', '10.0.0.0/', '::1/129', '1.2.3.4/8/8', ':::'])
    expect(parse(fields.network(), wrong)).toContain('expected an address')
})
