// A configuration as it may be printed: secrets replaced.

const secretKeys: ReadonlySet<string> = new Set(['key', 'password', 'secret', 'token'])
const mask = '(hidden)'

/** A copy in which every text behind `key`, `password`, `secret` or `token` is replaced. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact)
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, inner] of Object.entries(value))
    copy[key] = secretKeys.has(key) && typeof inner === 'string' ? mask : redact(inner)
  return copy
}
