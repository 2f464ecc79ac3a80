// Keys: who asks and what they may do; without keys only this machine may do anything.
import { createHash, timingSafeEqual } from 'node:crypto'
import { LogdriveError } from '../../core/errors.ts'
import type { Headers } from '../../core/runtime.ts'
import { isLoopback, parseAddress } from './addresses.ts'
import type { Access } from './router.ts'

/** A key as the configuration has it. */
export interface KeyConfig {
  readonly name: string
  readonly key: string
  /** `admin` may do everything. */
  readonly allow: readonly ('track' | 'ship' | 'admin')[]
  /** Web origins whose browsers may use it; none: any. */
  readonly origins: readonly string[]
}

/** What the check looks at. */
export interface Visit {
  readonly access: Exclude<Access, 'public'>
  /** The key as it was presented, or null. */
  readonly presented: string | null
  readonly headers: Headers
  /** The client's address behind trusted proxies. */
  readonly client: string
  /** The address came from a forwarding header of a trusted proxy, or there was no such header. */
  readonly clientIsSure: boolean
}

export interface Keyring {
  /** No key is configured: only loopback clients may do anything. */
  readonly isEmpty: boolean
  /** Throws KEY_MISSING (401) or FORBIDDEN (403) unless the visit is allowed. */
  authorize(visit: Visit): void
  /** Whether a browser page of this origin may read answers of the track routes. */
  allowsOrigin(origin: string, presented: string | null, headers: Headers): boolean
}

interface Entry {
  readonly name: string
  readonly digest: Buffer
  readonly allow: ReadonlySet<string>
  readonly origins: ReadonlySet<string>
}

/** A key longer than this is nobody's: it is not even hashed. */
const keyLengthMax = 512

/** Builds the keyring. Keys are kept as SHA-256 only and compared in constant time. */
export function createKeyring(keys: readonly KeyConfig[]): Keyring {
  const entries = keys.map((key): Entry => {
    const origins = key.origins.map((origin) => origin.toLowerCase().replace(/\/$/, ''))
    return {
      name: key.name,
      digest: digestOf(key.key),
      allow: new Set(key.allow),
      origins: new Set(origins),
    }
  })
  return {
    isEmpty: entries.length === 0,
    authorize(visit) {
      if (entries.length === 0) authorizeLocal(visit)
      else authorizeKey(entries, visit)
    },
    allowsOrigin(origin, presented, headers) {
      if (entries.length === 0 || isSameOrigin(origin, headers)) return true
      const tracking = entries.filter((entry) => entry.allow.has('track') || entry.allow.has('admin'))
      const entry = presented === null ? null : find(tracking, presented)
      // A preflight carries no Authorization: without a key in the URL any tracking key's list may say yes.
      const asked = entry === null ? tracking : [entry]
      return asked.some((one) => originFits(one, origin))
    },
  }
}

/** The key of a request: Bearer, Basic (as user name: the Segment way), then `?k=` of the query; null when none. */
export function presentedKey(headers: Headers, queryKey: string | null): string | null {
  const authorization = headers.authorization
  if (authorization === undefined) return queryKey
  const space = authorization.indexOf(' ')
  const scheme = authorization.slice(0, space).toLowerCase()
  const rest = authorization.slice(space + 1).trim()
  if (scheme === 'bearer') return rest
  if (scheme !== 'basic') return queryKey
  const [user, password] = Buffer.from(rest, 'base64').toString('utf8').split(':', 2)
  return user || password || null
}

function authorizeLocal(visit: Visit): void {
  if (!visit.clientIsSure || !isLoopback(visit.client)) {
    throw new LogdriveError('KEY_MISSING', 'no keys are configured, so only this machine may use the API', {
      hint: 'Add a key under collector.keys of logdrive.yaml and send it as Authorization: Bearer.',
    })
  }
  if (visit.access === 'track') return
  // A page of another site in a browser on this machine reaches loopback too: by its own origin, or by a DNS name
  // that it re-bound to 127.0.0.1.
  const { origin, host } = visit.headers
  if (origin !== undefined && !isSameOrigin(origin, visit.headers)) {
    throw new LogdriveError('FORBIDDEN', 'pages of other origins may not use this route')
  }
  if (host !== undefined && !isLocalName(host)) {
    throw new LogdriveError('FORBIDDEN', 'without keys the host must be localhost or an IP address', {
      hint: 'Use http://127.0.0.1 or http://localhost, or configure keys.',
    })
  }
}

function authorizeKey(entries: readonly Entry[], visit: Visit): void {
  const { presented, access, headers } = visit
  const hint = 'Send it as Authorization: Bearer KEY; the tracker sends it as ?k=KEY.'
  if (presented === null || presented === '') {
    throw new LogdriveError('KEY_MISSING', 'a key is needed here', { hint })
  }
  const entry = find(entries, presented)
  if (entry === null) throw new LogdriveError('KEY_MISSING', 'the key is unknown', { hint })
  if (!entry.allow.has(access) && !entry.allow.has('admin')) {
    throw new LogdriveError('FORBIDDEN', `the key ${entry.name} may not do this`, {
      hint: `Give it allow: [${access}] under collector.keys, or use another key.`,
    })
  }
  const { origin } = headers
  if (origin !== undefined && !isSameOrigin(origin, headers) && !originFits(entry, origin)) {
    throw new LogdriveError('FORBIDDEN', `the key ${entry.name} is not for this origin`, {
      hint: 'Add the origin of the page to the origins of the key under collector.keys.',
    })
  }
}

/** Looks at every entry, so that the time says nothing about which one it was. */
function find(entries: readonly Entry[], presented: string): Entry | null {
  if (presented.length > keyLengthMax) return null
  const digest = digestOf(presented)
  let found: Entry | null = null
  for (const entry of entries) if (timingSafeEqual(entry.digest, digest)) found = entry
  return found
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

function originFits(entry: Entry, origin: string): boolean {
  return entry.origins.size === 0 || entry.origins.has(origin.toLowerCase())
}

/** The page came from this very server, such as the demo and the console. */
function isSameOrigin(origin: string, headers: Headers): boolean {
  const { host } = headers
  if (host === undefined) return false
  const own = host.toLowerCase()
  const asked = origin.toLowerCase()
  return asked === `http://${own}` || asked === `https://${own}`
}

function isLocalName(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  if (name === 'localhost' || name === '127.0.0.1') return true
  return name.endsWith('.localhost') || parseAddress(name) !== null
}
