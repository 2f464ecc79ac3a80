// Codes of Kafka's ACL messages: operations, resource types, patterns, permissions; and the bits of what a client may do.
import type { Acl, AclFilter, AclOperation, AclResourceType } from '../broker/security/acls.ts'
import { clusterResource, type SecuritySession } from './security.ts'

/** `AclOperation`. */
export const operationCodes: Readonly<Record<AclOperation | 'ANY', number>> = {
  ANY: 1,
  ALL: 2,
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
  CREATE_TOKENS: 13,
  DESCRIBE_TOKENS: 14,
}

/** `ResourceType`. */
export const resourceTypeCodes: Readonly<Record<AclResourceType | 'ANY', number>> = {
  ANY: 1,
  TOPIC: 2,
  GROUP: 3,
  CLUSTER: 4,
  TRANSACTIONAL_ID: 5,
  DELEGATION_TOKEN: 6,
  USER: 7,
}

/** `PatternType`. */
export const patternTypeCodes: Readonly<Record<AclFilter['patternType'], number>> = {
  ANY: 1,
  MATCH: 2,
  LITERAL: 3,
  PREFIXED: 4,
}

/** `AclPermissionType`. */
export const permissionCodes: Readonly<Record<Acl['permission'] | 'ANY', number>> = {
  ANY: 1,
  DENY: 2,
  ALLOW: 3,
}

/** Operations that make sense on a resource; Kafka's table. */
export const supportedOperations = {
  TOPIC: ['READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  GROUP: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  CLUSTER: [
    'CREATE',
    'ALTER',
    'DESCRIBE',
    'CLUSTER_ACTION',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
    'IDEMPOTENT_WRITE',
  ],
  TRANSACTIONAL_ID: ['WRITE', 'DESCRIBE'],
  DELEGATION_TOKEN: ['DESCRIBE'],
  USER: ['CREATE_TOKENS', 'DESCRIBE_TOKENS'],
} as const satisfies Readonly<Record<AclResourceType, readonly AclOperation[]>>

/** The name of a code, or null for one that Kafka has not given out (or that is new). */
export function nameOfCode<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  code: number,
): Name | null {
  for (const name in codes) if (codes[name] === code) return name
  return null
}

/** What the client may do with a resource, a bit for each operation (KIP-430). */
export function authorizedOperations(
  session: SecuritySession,
  resourceType: 'TOPIC' | 'GROUP' | 'CLUSTER',
  name: string = clusterResource,
): number {
  let bits = 0
  for (const operation of supportedOperations[resourceType]) {
    if (session.authorize(operation, resourceType, name)) bits |= 1 << operationCodes[operation]
  }
  return bits
}
