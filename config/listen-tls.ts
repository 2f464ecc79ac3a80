// The TLS of a server: its shape, and whether its files are what they should be.
import { z } from 'zod'
import * as fields from './fields.ts'
import { doubtful, type Finding, type Path, wrong } from './problems.ts'

/** `tls` of a listener. */
export const listenTls = z.strictObject({
  cert: fields.path().meta({
    description: 'File with the certificate of this server and those between it and the root, PEM.',
    examples: ['/etc/logdrive/server.pem'],
  }),
  key: fields.path().meta({
    description: 'File with its private key, PEM, without a passphrase.',
    examples: ['/etc/logdrive/server.key'],
  }),
  client_ca: fields.path().optional().meta({
    description: 'File with the certificates that may sign those of clients, PEM.',
  }),
  client_auth: z.enum(['none', 'request', 'require']).prefault('none').meta({
    description: 'Whether clients show a certificate: `none`, `request` (may), `require` (must).',
  }),
})

export type ListenTlsConfig = z.output<typeof listenTls>

/** The text of a file; throws when it cannot be read. */
export type ReadFile = (path: string) => string

/** Findings of a `tls` that stands at `place`; `readFile` null: its files are those of another process. */
export function checkListenTls(
  tls: Readonly<ListenTlsConfig> | undefined,
  place: Path,
  readFile: ReadFile | null,
): readonly Finding[] {
  if (tls === undefined) return []
  const { cert, key, client_ca: ca } = tls
  return [...checkClients(tls, place), ...checkTlsFiles({ cert, key, client_ca: ca }, place, readFile)]
}

/** Findings of PEM files that stand at `place` under their names. */
export function checkTlsFiles(
  files: Readonly<Partial<Record<keyof typeof wants, string | undefined>>>,
  place: Path,
  readFile: ReadFile | null,
): readonly Finding[] {
  if (readFile === null || Object.values(files).every((file) => file === undefined)) return []
  const findings: Finding[] = []
  const parse = <Value>(name: keyof typeof wants, make: (text: string) => Value): Value | null => {
    const file = files[name]
    if (file === undefined) return null
    const text = readable(file, readFile)
    if (text === null) findings.push(wrong([...place, name], 'this file cannot be read'))
    else {
      try {
        return make(text)
      } catch {
        findings.push(wrong([...place, name], wants[name]))
      }
    }
    return null
  }
  // Loading it takes as long as checking a whole file, and few files need it.
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule('node:crypto')
  const cert = parse('cert', (text) => new X509Certificate(text))
  const key = parse('key', (text) => createPrivateKey(text))
  parse('client_ca', (text) => new X509Certificate(text))
  parse('ca', (text) => new X509Certificate(text))
  if (cert !== null && key !== null && !cert.checkPrivateKey(key))
    findings.push(wrong([...place, 'key'], 'this key is not that of the certificate'))
  return findings
}

function checkClients(tls: Readonly<ListenTlsConfig>, place: Path): readonly Finding[] {
  if (tls.client_auth !== 'none' && tls.client_ca === undefined)
    return [
      wrong([...place, 'client_auth'], 'client_ca is missing: who may sign the certificates of clients?'),
    ]
  if (tls.client_auth === 'none' && tls.client_ca !== undefined)
    return [doubtful([...place, 'client_ca'], 'not used: client_auth is none')]
  return []
}

const noCertificate = 'this file holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----'
const wants = {
  cert: noCertificate,
  key: 'this file holds no private key without a passphrase: expected PEM, -----BEGIN PRIVATE KEY-----',
  client_ca: noCertificate,
  ca: noCertificate,
} as const

function readable(file: string, readFile: ReadFile): string | null {
  try {
    return readFile(file)
  } catch {
    return null
  }
}
