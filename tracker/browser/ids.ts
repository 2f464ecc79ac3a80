// Identifiers: UUIDs made from getRandomValues, because crypto.randomUUID is missing on plain http pages.

/** A version 7 UUID (RFC 9562): 48 bits of time in ms, then 72 random bits around version and variant. */
export function uuid(timeMs: number = Date.now()): string {
  const time = timeMs.toString(16).padStart(12, '0')
  const bytes = crypto.getRandomValues(new Uint8Array(9))
  const random = Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-a${random.slice(3, 6)}-${random.slice(6)}`
}
