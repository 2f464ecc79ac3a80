// What a schema cannot say of `collector.kafka`: whether clients say who they are, and whether its TLS files fit.

import { checkListenTls, type ReadFile } from './listen-tls.ts'
import { isLoopback } from './loopback.ts'
import { doubtful, type Finding, wrong } from './problems.ts'
import type { Config, KafkaConfig } from './schema.ts'

const place = ['collector', 'kafka'] as const

/** `readFile` null: the TLS files are those of another process. */
export function checkKafka(config: Config, readFile: ReadFile | null): readonly Finding[] {
  const { kafka } = config.collector
  if (kafka === undefined || kafka === 'off') return []
  return [
    ...checkWhoConnects(kafka),
    ...checkLogins(kafka),
    ...checkListenTls(kafka.tls, [...place, 'tls'], readFile),
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
