// IP addresses: dotted IPv4, and IPv6 as RFC 4291 writes it, a zone or an IPv4 tail included.
import type { Found } from './found.ts'

const octet = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const ipv4 = new RegExp(`(?<![0-9.])${octet}(?:\\.${octet}){3}(?![0-9]|\\.[0-9])`, 'g')
/** A run of what an address is made of; what is one in it is decided by counting. */
const ipv6Run = /(?<![0-9A-Fa-f:.])[0-9A-Fa-f:]{2,41}(?:\.[0-9.]{5,11})?(?![0-9A-Za-z:])/g

/** IPv4 addresses of a text. */
export function findIpv4(text: string): readonly Found[] {
  return [...text.matchAll(ipv4)].map(({ 0: value, index: from }) => ({
    from,
    to: from + value.length,
    value,
  }))
}

/** IPv6 addresses of a text; a time such as 06:00:00 is none. */
export function findIpv6(text: string): readonly Found[] {
  return [...text.matchAll(ipv6Run)].flatMap(({ 0: run, index }) => {
    // A colon of the sentence around it: "peer:2001:db8::7: no route".
    const from = /^:[^:]/.test(run) ? 1 : 0
    const value = run.slice(from, /[^:]:$/.test(run) ? -1 : undefined)
    const start = index + from
    return isIpv6(value) ? [{ from: start, to: start + value.length, value: value.toLowerCase() }] : []
  })
}

function isIpv6(text: string): boolean {
  const tail = /:([0-9]{1,3}(?:\.[0-9]{1,3}){3})$/.exec(text)
  if (text.includes('.') && tail === null) return false
  const groups = tail === null ? text : `${text.slice(0, tail.index)}:0:0`
  const halves = groups.split('::')
  const parts = halves.map((half) => (half === '' ? [] : half.split(':')))
  const count = parts.flat().length
  const isWhole = parts.flat().every((part) => /^[0-9A-Fa-f]{1,4}$/.test(part))
  if (!isWhole || halves.length > 2) return false
  // "::" alone, or words with it such as a::b in C++, are no addresses that anybody has.
  if (halves.length === 2) return count >= 2 && count <= 7 && /[0-9]/.test(groups)
  return count === 8
}
