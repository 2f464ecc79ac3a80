// From `collector.kafka` of the YAML to what the listener's security takes.
import type { KafkaConfig } from '../../config/schema.ts'
import { type Acl, type AclOperation, type AclResourceType, everybody } from '../broker/security/acls.ts'
import type { AuthorizerOptions } from './authorizer.ts'
import { supportedOperations } from './operations.ts'
import { clusterResource, type SecurityOptions } from './security.ts'

type YamlAcl = NonNullable<KafkaConfig['acls']>[number]

const mechanisms = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const

/** What the YAML says of who may connect and do what. */
export function securityOptions(kafka: KafkaConfig): SecurityOptions {
  const { insecure, tls, sasl, users } = kafka
  const passwords = Object.entries(users).map(([name, user]) => [name, user.password] as const)
  return {
    insecure,
    clientAuth: tls?.client_auth ?? 'none',
    certificatePrincipal: tls?.principal ?? 'subject',
    sasl:
      sasl === undefined
        ? null
        : {
            mechanisms: sasl.mechanisms.map((name) => mechanisms[name]),
            sessionMs: sasl.session_max ?? null,
          },
    passwords: Object.fromEntries(passwords),
    authorizer: authorizerOptions(kafka),
  }
}

/** Null when neither ACLs nor super users are named: then everybody may do everything. */
function authorizerOptions(kafka: KafkaConfig): AuthorizerOptions | null {
  const { acls, super_users: superUsers, allow_everyone_if_no_acl: allowEveryoneIfNoAcl } = kafka
  if (acls === undefined && superUsers.length === 0) return null
  return {
    superUsers: superUsers.map(principalOf),
    acls: (acls ?? []).flatMap(aclsOf),
    allowEveryoneIfNoAcl,
  }
}

/** One entry of the YAML as rules: users x hosts x resources x operations that make sense there. */
function aclsOf(entry: YamlAcl): readonly Acl[] {
  const permission = entry.allow === undefined ? 'DENY' : 'ALLOW'
  const principals = (entry.allow ?? entry.deny ?? []).map(principalOf)
  return resourcesOf(entry).flatMap((resource) =>
    operationsOf(entry, resource.resourceType).flatMap((operation) =>
      principals.flatMap((principal) =>
        (entry.from ?? ['*']).map((host): Acl => ({ ...resource, principal, host, operation, permission })),
      ),
    ),
  )
}

function resourcesOf(entry: YamlAcl): readonly Pick<Acl, 'resourceType' | 'resourceName' | 'patternType'>[] {
  const named = [
    ['TOPIC', entry.topics ?? []],
    ['GROUP', entry.groups ?? []],
    ['TRANSACTIONAL_ID', entry.transactional_ids ?? []],
    ['CLUSTER', entry.cluster ? [clusterResource] : []],
  ] as const
  return named.flatMap(([resourceType, patterns]) =>
    patterns.map((pattern) => {
      const isPrefix = pattern.endsWith('*') && pattern !== '*'
      return {
        resourceType,
        resourceName: isPrefix ? pattern.slice(0, -1) : pattern,
        patternType: isPrefix ? ('PREFIXED' as const) : ('LITERAL' as const),
      }
    }),
  )
}

function operationsOf(entry: YamlAcl, resourceType: AclResourceType): readonly AclOperation[] {
  const supported: readonly AclOperation[] = ['ALL', ...supportedOperations[resourceType]]
  return supported.filter((operation) => entry.to.some((word) => word.toUpperCase() === operation))
}

/** `alice` -> `User:alice`; `*` is everybody; what has the prefix already stays. */
export function principalOf(user: string): string {
  if (user === '*') return everybody
  return user.startsWith('User:') ? user : `User:${user}`
}
