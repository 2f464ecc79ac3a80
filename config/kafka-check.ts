// What a schema cannot say of `collector.kafka`: whether clients say who they are, and whether its TLS files fit.

import { isLoopback } from './loopback.ts'
import { doubtful, type Finding, type Path, wrong } from './problems.ts'
import type { Config, KafkaConfig } from './schema.ts'

/** The text of a file; throws when it cannot be read. */
export type ReadFile = (path: string) => string

const place = ['collector', 'kafka'] as const

/** `readFile` null: the TLS files are those of another process. */
export function checkKafka(config: Config, readFile: ReadFile | null): readonly Finding[] {
  const { kafka } = config.collector
  if (kafka === undefined || kafka === 'off') return []
  return [
    ...checkWhoConnects(kafka),
    ...checkLogins(kafka),
    ...checkClientCertificates(kafka),
    ...(readFile === null ? [] : checkFiles(kafka, readFile)),
  ]
}

function checkWhoConnects(kafka: KafkaConfig): readonly Finding[] {
  const path = [...place, 'listen']
  if (isLoopback(kafka.listen.host)) return []
  const isAsked = kafka.sasl !== undefined || kafka.tls?.client_auth === 'require'
  if (!isAsked && !kafka.insecure)
    return [
      wrong(
        path,
        'reachable from other machines, and nobody is asked who they are: add sasl, or tls with client_auth: require, or say insecure: true',
      ),
    ]
  if (kafka.tls === undefined && kafka.sasl?.mechanisms.includes('plain'))
    return [
      doubtful(
        [...place, 'sasl', 'mechanisms'],
        'with plain and without tls passwords cross the network in the clear',
      ),
    ]
  return []
}

function checkLogins(kafka: KafkaConfig): readonly Finding[] {
  const { sasl, users, acls, super_users: superUsers, tls } = kafka
  const hasUsers = Object.keys(users).length > 0
  if (sasl === undefined && hasUsers)
    return [doubtful([...place, 'users'], 'without sasl nobody is asked to log in')]
  if (sasl !== undefined && !hasUsers)
    return [doubtful([...place, 'sasl'], 'no users: only those that kafka-configs has made can log in')]
  const key = acls === undefined ? 'super_users' : 'acls'
  const hasRules = acls !== undefined || superUsers.length > 0
  if (hasRules && sasl === undefined && (tls?.client_auth ?? 'none') === 'none')
    return [doubtful([...place, key], 'without sasl or client certificates everybody is User:ANONYMOUS')]
  return []
}

function checkClientCertificates({ tls }: KafkaConfig): readonly Finding[] {
  if (tls === undefined) return []
  if (tls.client_auth !== 'none' && tls.client_ca === undefined)
    return [
      wrong(
        [...place, 'tls', 'client_auth'],
        'client_ca is missing: who may sign the certificates of clients?',
      ),
    ]
  if (tls.client_auth === 'none' && tls.client_ca !== undefined)
    return [doubtful([...place, 'tls', 'client_ca'], 'not used: client_auth is none')]
  return []
}

function checkFiles({ tls }: KafkaConfig, readFile: ReadFile): readonly Finding[] {
  if (tls === undefined) return []
  const findings: Finding[] = []
  const parse = <Value>(key: 'cert' | 'key' | 'client_ca', file: string, make: (text: string) => Value) => {
    const path: Path = [...place, 'tls', key]
    const text = readable(file, readFile)
    if (text === null) findings.push(wrong(path, 'this file cannot be read'))
    else {
      try {
        return make(text)
      } catch {
        findings.push(wrong(path, wants[key]))
      }
    }
    return null
  }
  // Loading it takes as long as checking a whole file, and few files need it.
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule('node:crypto')
  const cert = parse('cert', tls.cert, (text) => new X509Certificate(text))
  const key = parse('key', tls.key, (text) => createPrivateKey(text))
  if (tls.client_ca !== undefined) parse('client_ca', tls.client_ca, (text) => new X509Certificate(text))
  if (cert !== null && key !== null && !cert.checkPrivateKey(key))
    findings.push(wrong([...place, 'tls', 'key'], 'this key is not that of the certificate'))
  return findings
}

const wants = {
  cert: 'this file holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----',
  key: 'this file holds no private key without a passphrase: expected PEM, -----BEGIN PRIVATE KEY-----',
  client_ca: 'this file holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----',
} as const

function readable(file: string, readFile: ReadFile): string | null {
  try {
    return readFile(file)
  } catch {
    return null
  }
}
