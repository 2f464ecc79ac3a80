// IP addresses: parsed to 16 bytes, matched against networks, found behind trusted proxies, cut for privacy.
import { LogdriveError } from '../../core/errors.ts'
import type { Headers } from '../../core/runtime.ts'

/** An address range such as 10.0.0.0/8, as 16 bytes (IPv4 mapped into IPv6) and leading bits. */
export interface Network {
  readonly bytes: Uint8Array
  readonly bits: number
}

/** The longest X-Forwarded-For chain that is followed. */
const hopsMax = 32

/** Parses an IPv4 or IPv6 address (brackets and zone allowed) to 16 bytes; null for anything else. */
export function parseAddress(text: string): Uint8Array | null {
  let bare = text.trim()
  if (bare.length > 64) return null
  if (bare.startsWith('[') && bare.endsWith(']')) bare = bare.slice(1, -1)
  const zone = bare.indexOf('%')
  if (zone !== -1) bare = bare.slice(0, zone)
  return bare.includes(':') ? parseV6(bare) : mapped(parseV4(bare))
}

/** Parses `10.0.0.0/8`, `::1` and the like; throws CONFIG_INVALID. */
export function parseNetwork(text: string): Network {
  const slash = text.indexOf('/')
  const bytes = parseAddress(slash === -1 ? text : text.slice(0, slash))
  const widest = text.includes(':') ? 128 : 32
  const asked = slash === -1 ? widest : Number(text.slice(slash + 1))
  if (bytes === null || !Number.isInteger(asked) || asked < 0 || asked > widest) {
    throw new LogdriveError('CONFIG_INVALID', `not an address or network: ${text}`)
  }
  return { bytes, bits: asked + 128 - widest }
}

/** Whether the address lies in one of the networks. */
export function isWithin(address: Uint8Array, networks: readonly Network[]): boolean {
  return networks.some((network) => matches(address, network))
}

const loopback = [parseNetwork('127.0.0.0/8'), parseNetwork('::1')]

/** Whether the text is a loopback address. */
export function isLoopback(text: string): boolean {
  // Asked at every request of a collector without keys, and nearly always about these.
  if (text === '127.0.0.1' || text === '::1') return true
  const address = parseAddress(text)
  return address !== null && isWithin(address, loopback)
}

/**
 * The client's address: the peer, or, behind trusted proxies, the rightmost hop of X-Forwarded-For that is not one
 * of them. A hop that is no address ends the walk: what stands left of it is worth nothing.
 */
export function clientAddress(peer: string, headers: Headers, trusted: readonly Network[]): string {
  const chain = headers['x-forwarded-for']
  if (trusted.length === 0 || chain === undefined) return peer
  let client = peer
  const hops = chain.split(',', hopsMax * 2).slice(-hopsMax)
  for (const hop of hops.reverse()) {
    const known = parseAddress(client)
    if (known === null || !isWithin(known, trusted)) return client
    const next = withoutPort(hop.trim())
    if (parseAddress(next) === null) return client
    client = next
  }
  return client
}

/** The address cut to its /24 (IPv4) or /48 (IPv6): where somebody is, roughly, not who. Empty when unreadable. */
export function addressPrefix(text: string): string {
  const bytes = parseAddress(text)
  if (bytes === null) return ''
  if (isMapped(bytes)) return `${bytes[12]}.${bytes[13]}.${bytes[14]}.0/24`
  const group = (at: number) => (((bytes[at] as number) << 8) | (bytes[at + 1] as number)).toString(16)
  return `${group(0)}:${group(2)}:${group(4)}::/48`
}

function matches(address: Uint8Array, network: Network): boolean {
  for (let bit = 0; bit < network.bits; bit += 8) {
    const rest = Math.min(8, network.bits - bit)
    const mask = (0xff << (8 - rest)) & 0xff
    const at = bit >> 3
    if (((address[at] as number) & mask) !== ((network.bytes[at] as number) & mask)) return false
  }
  return true
}

function withoutPort(hop: string): string {
  if (hop.startsWith('[')) {
    const end = hop.indexOf(']')
    return end === -1 ? hop : hop.slice(1, end)
  }
  const colon = hop.indexOf(':')
  return colon !== -1 && colon === hop.lastIndexOf(':') ? hop.slice(0, colon) : hop
}

function parseV4(text: string): readonly number[] | null {
  const parts = text.split('.', 5)
  if (parts.length !== 4) return null
  const numbers = parts.map((part) => (/^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256))
  return numbers.every((number) => number <= 255) ? numbers : null
}

function mapped(v4: readonly number[] | null): Uint8Array | null {
  return v4 === null ? null : Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4])
}

function isMapped(bytes: Uint8Array): boolean {
  for (let at = 0; at < 10; at += 1) if (bytes[at] !== 0) return false
  return bytes[10] === 0xff && bytes[11] === 0xff
}

function parseV6(text: string): Uint8Array | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const left = groupsOf(halves[0] ?? '')
  const right = halves.length === 2 ? groupsOf(halves[1] ?? '') : []
  if (left === null || right === null) return null
  const missing = 8 - left.length - right.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null
  const groups = [...left, ...new Array<number>(Math.max(0, missing)).fill(0), ...right]
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

function groupsOf(text: string): number[] | null {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes('.')) {
      const v4 = parseV4(part)
      if (v4 === null) return null
      const [a, b, c, d] = v4 as [number, number, number, number]
      groups.push((a << 8) | b, (c << 8) | d)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else return null
  }
  return groups
}
