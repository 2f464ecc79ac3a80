// The kinds of value a configuration is made of: durations, sizes, counts, addresses, names; each a zod schema.

import { z } from 'zod'
import type { Address } from '../core/runtime.ts'

// Messages never repeat the value: it may hold a secret that came from the environment or a file.

/** Bounds of a number, both included, in the unit the field yields. */
export interface Bounds {
  readonly min?: number
  readonly max?: number
}

const durationUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])
const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
])
const countUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
])

/** `200ms`, `5s`, `5m`, `12h`, `7d` -> milliseconds. The unit is required: a bare number says nothing. */
export function duration(bounds: Bounds = {}) {
  const expected = 'expected a duration such as 200ms, 5s, 5m, 12h or 7d'
  return z
    .union([z.string(), z.number()], { error: expected })
    .transform((value, context) =>
      typeof value === 'number'
        ? refuse(context, `${expected}: say the unit`)
        : quantity(value, durationUnits, expected, formatDuration, bounds, context),
    )
    .meta({ title: 'duration', pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d)|.*\\$\\{.*)$' })
}

/** `64MiB`, `10MB`, `512` -> bytes. */
export function size(bounds: Bounds = {}) {
  const expected = 'expected a size such as 512, 64KiB, 10MB or 20GiB'
  return z
    .union([z.string(), z.number()], { error: expected })
    .transform((value, context) => quantity(value, sizeUnits, expected, formatSize, bounds, context))
    .meta({ title: 'size', pattern: '^([0-9]+(\\.[0-9]+)?([KMGT]i?B|B)?|.*\\$\\{.*)$' })
}

/** `100k`, `1M`, `500` -> a whole number. */
export function count(bounds: Bounds = {}) {
  const expected = 'expected a count such as 500, 100k or 1M'
  return z
    .union([z.string(), z.number()], { error: expected })
    .transform((value, context) => quantity(value, countUnits, expected, String, bounds, context))
    .meta({ title: 'count', pattern: '^([0-9]+(\\.[0-9]+)?[kMG]?|.*\\$\\{.*)$' })
}

/** A whole number; digits in a string are taken too, because `${env:PORT}` yields a string. */
export function integer(bounds: Bounds = {}) {
  const expected = 'expected a whole number'
  return z
    .union([z.string(), z.number()], { error: expected })
    .transform((value, context) => quantity(value, new Map([['', 1]]), expected, String, bounds, context))
    .meta({ title: 'number', pattern: '^([0-9]+|.*\\$\\{.*)$' })
}

/** A TCP port; 0 asks the system for a free one. */
export function port() {
  return integer({ min: 0, max: 65_535 }).meta({ title: 'port' })
}

/** `true` or `false`; the words as strings are taken too, because `${env:X}` yields a string. */
export function flag() {
  return z
    .union([z.boolean(), z.enum(['true', 'false'])], { error: 'expected true or false' })
    .transform((value) => value === true || value === 'true')
    .meta({ title: 'true or false' })
}

/** `127.0.0.1:8750`, `[::1]:8750`, `collector.local:8750` -> host and port; port 0 asks for a free one. */
export function address() {
  const expected =
    'expected host:port (up to 65535), such as 127.0.0.1:8750, 0.0.0.0:8750 (every interface) or [::1]:8750'
  return z
    .string({ error: expected })
    .transform((value, context) => parseAddress(value) ?? refuse(context, expected))
    .meta({ title: 'host:port', examples: ['127.0.0.1:8750'] })
}

/** An http or https URL. User and password in it are refused: they would be printed with it. */
export function url() {
  const expected = 'expected a URL such as http://127.0.0.1:8750'
  return z
    .string({ error: expected })
    .superRefine((value, context) => {
      const parsed = URL.canParse(value) ? new URL(value) : undefined
      if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) refuse(context, expected)
      else if (parsed.username !== '' || parsed.password !== '')
        refuse(context, 'user and password do not belong into a URL; give them as keys of their own')
    })
    .meta({ title: 'URL' })
}

/** What a browser sends as `Origin`: scheme, host and port without a path. */
export function origin() {
  const expected = 'expected an origin such as https://shop.example, without a path'
  return z
    .string({ error: expected })
    .refine((value) => URL.canParse(value) && new URL(value).origin === value, { error: expected })
    .meta({ title: 'origin', examples: ['https://shop.example'] })
}

/** An address or a range of them: `10.0.0.0/8`, `192.168.1.7`, `fd00::/8`. */
export function network() {
  const expected = 'expected an address or a range such as 10.0.0.0/8 or ::1'
  return z
    .string({ error: expected })
    .refine(isNetwork, { error: expected })
    .meta({ title: 'address or range', examples: ['10.0.0.0/8'] })
}

/** A topic's name by Kafka's rule: 1-249 of `A-Z a-z 0-9 . _ -`; `__` at the start is kept for Logdrive. */
export function topicName() {
  return z
    .string({ error: 'expected the name of a topic' })
    .regex(/^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/, {
      error: 'a topic is named with 1 to 249 letters, digits, ".", "_" or "-"',
    })
    .refine((value) => !value.startsWith('__'), {
      error: 'topics that begin with "__" belong to Logdrive itself',
    })
    .meta({ title: 'topic' })
}

/** A name of ours (input, sink, key): `[a-z][a-z0-9_-]*`, at most 64 characters. */
export function name() {
  return z.string({ error: 'expected a name' }).regex(/^[a-z][a-z0-9_-]{0,63}$/, {
    error: 'a name starts with a-z and goes on with a-z, 0-9, "_" or "-" (64 at most)',
  })
}

/** An address of a machine, without a range. */
export function ipAddress() {
  const expected = 'expected an address such as 10.0.0.7 or ::1'
  return z
    .string({ error: expected })
    .refine((value) => isNetwork(value) && !value.includes('/'), { error: expected })
    .meta({ title: 'address', examples: ['10.0.0.7'] })
}

/** A user of the Kafka listener: anything but control characters, 128 at most. */
export function userName() {
  return z.string({ error: 'expected the name of a user' }).regex(/^[^\p{Cc}]{1,128}$/u, {
    error: 'a user has 1 to 128 characters, none of them a control character',
  })
}

/** A path of a file or folder: not empty, no NUL. */
export function path() {
  return z
    .string({ error: 'expected a path' })
    .min(1, { error: 'expected a path, found nothing' })
    .refine((value) => !value.includes('\0'), { error: 'a path holds no NUL character' })
    .meta({ title: 'path' })
}

/** A password or key. `redact` hides it in everything that is printed. */
export function secret() {
  return z
    .string({ error: 'expected a text; put digits in quotes' })
    .min(1, { error: 'empty: give a value, or leave the key out' })
    .meta({ title: 'secret' })
}

/** A key we know and do not serve yet: any value is refused with the sentence, and editors mark it. */
export function notBuilt(sentence: string) {
  return z.never({ error: sentence }).optional().meta({ title: 'not built yet', description: sentence })
}

/** Milliseconds as a person writes them: `7d`, `1500ms`. */
export function formatDuration(ms: number): string {
  return formatWith(ms, durationUnits, ['d', 'h', 'm', 's', 'ms'])
}

/** Bytes as a person writes them: `64MiB`, `1500`. */
export function formatSize(bytes: number): string {
  return formatWith(bytes, sizeUnits, ['TiB', 'GiB', 'MiB', 'KiB', ''])
}

function formatWith(value: number, units: ReadonlyMap<string, number>, order: readonly string[]): string {
  for (const unit of order) {
    const factor = units.get(unit) ?? 1
    if (value !== 0 && value % factor === 0) return `${value / factor}${unit}`
  }
  return `${value}${order.at(-1) ?? ''}`
}

function quantity(
  value: string | number,
  units: ReadonlyMap<string, number>,
  expected: string,
  format: (value: number) => string,
  bounds: Bounds,
  context: z.core.$RefinementCtx,
): number {
  const match = /^(\d{1,15}(?:\.\d{1,9})?) ?([A-Za-z]{0,3})$/.exec(String(value).trim())
  const factor = units.get(match?.[2] ?? '')
  if (match === null || factor === undefined) return refuse(context, expected)
  const exact = Number(match[1]) * factor
  // Rounded away: 0.1 * 3 in binary is no reason to refuse a value a person wrote.
  const product = Number.isInteger(exact) ? exact : Number(exact.toPrecision(15))
  if (!Number.isSafeInteger(product))
    return refuse(context, `${expected}: this is not a whole number of the unit`)
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds
  if (product < min) return refuse(context, `too small: at least ${format(min)}`)
  if (product > max) return refuse(context, `too big: at most ${format(max)}`)
  return product
}

function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const number = Number(match?.[3])
  return host === undefined || number > 65_535 ? undefined : { host, port: number }
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const four =
    /^\d{1,3}(\.\d{1,3}){3}$/.test(address) && address.split('.').every((part) => Number(part) <= 255)
  const six =
    /^[0-9a-fA-F:.]{2,45}$/.test(address) && address.includes(':') && URL.canParse(`http://[${address}]/`)
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (four ? 32 : 128))
  return (four || six) && fits && rest.length === 0
}

function refuse(context: z.core.$RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message })
  return z.NEVER
}
