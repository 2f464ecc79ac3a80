// Principals: the name under which a client acts, from the user it logged in as or from its certificate.

/** Who did not say who they are. */
export const anonymous = 'User:ANONYMOUS'

/**
 * The principal of a verified certificate. `subject` has a `NAME=value` a line, the outermost first, values escaped by
 * RFC 2253; Kafka writes it the other way round: `User:CN=alice,O=Example`. Anonymous where the wanted name is not there
 * exactly once.
 */
export function principalOfCertificate(subject: string, which: 'subject' | 'common_name'): string {
  const lines = subject.split('\n').filter((line) => line !== '')
  if (which === 'subject') return lines.length === 0 ? anonymous : `User:${lines.reverse().join(',')}`
  const names = lines.filter((line) => line.startsWith('CN='))
  const [only] = names
  // An escaped byte, and several names in one part: nothing that a user is called.
  if (only === undefined || names.length > 1 || /\\[0-9A-F]{2}|(?<!\\)\+/.test(only)) return anonymous
  const name = only.slice('CN='.length).replace(/\\(.)/g, '$1')
  return name === '' ? anonymous : `User:${name}`
}
