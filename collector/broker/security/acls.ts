// ACLs as values: who may or may not do what on which resource, by Kafka's rules, and which of them a filter means.

/** What may be allowed or denied; Kafka's `AclOperation` names. */
export type AclOperation =
  | 'ALL'
  | 'READ'
  | 'WRITE'
  | 'CREATE'
  | 'DELETE'
  | 'ALTER'
  | 'DESCRIBE'
  | 'CLUSTER_ACTION'
  | 'DESCRIBE_CONFIGS'
  | 'ALTER_CONFIGS'
  | 'IDEMPOTENT_WRITE'
  | 'CREATE_TOKENS'
  | 'DESCRIBE_TOKENS'

/** What an ACL is about; Kafka's `ResourceType` names. */
export type AclResourceType = 'TOPIC' | 'GROUP' | 'CLUSTER' | 'TRANSACTIONAL_ID' | 'DELEGATION_TOKEN' | 'USER'

/** One rule. */
export interface Acl {
  readonly resourceType: AclResourceType
  /** A name, a beginning of names (PREFIXED), or `*` for all (LITERAL). */
  readonly resourceName: string
  readonly patternType: 'LITERAL' | 'PREFIXED'
  /** Such as `User:alice`, or `User:*` for everybody. */
  readonly principal: string
  /** An address, or `*`. */
  readonly host: string
  readonly operation: AclOperation
  readonly permission: 'ALLOW' | 'DENY'
}

/** Which rules are meant; ANY and null fit all. */
export interface AclFilter {
  readonly resourceType: AclResourceType | 'ANY'
  readonly resourceName: string | null
  /** MATCH: every rule that would count for a resource of that name. */
  readonly patternType: Acl['patternType'] | 'ANY' | 'MATCH'
  readonly principal: string | null
  readonly host: string | null
  readonly operation: AclOperation | 'ANY'
  readonly permission: Acl['permission'] | 'ANY'
}

/** What somebody wants to do. */
export interface AclQuestion {
  readonly principal: string
  readonly host: string
  readonly operation: AclOperation
  readonly resourceType: AclResourceType
}

/** Every name, in a LITERAL rule. */
export const everyName = '*'
/** Every user. */
export const everybody = 'User:*'
/** Every address. */
const everyHost = '*'

/** Operations whose ALLOW is also one for the key. A DENY implies nothing. */
const impliedBy: Readonly<Partial<Record<AclOperation, ReadonlySet<AclOperation>>>> = {
  DESCRIBE: new Set(['READ', 'WRITE', 'DELETE', 'ALTER']),
  DESCRIBE_CONFIGS: new Set(['ALTER_CONFIGS']),
}

/** Rules arranged so that the ones about a resource are found without looking at all. */
export class AclIndex {
  /** By resource type and name. */
  readonly #literal = new Map<string, Acl[]>()
  /** By resource type: prefixes and their rules. */
  readonly #prefixed = new Map<AclResourceType, Map<string, Acl[]>>()

  constructor(acls: Iterable<Acl>) {
    for (const acl of acls) this.#add(acl)
  }

  /** `unknown`: no rule is about this resource, whoever asks. */
  judge(question: AclQuestion, resourceName: string): 'allow' | 'deny' | 'unknown' {
    const acls = this.#about(question.resourceType, resourceName)
    if (acls.length === 0) return 'unknown'
    if (acls.some((acl) => denies(acl, question))) return 'deny'
    return acls.some((acl) => allows(acl, question)) ? 'allow' : 'deny'
  }

  /** True when there is a name, of whatever resource of the type, that is allowed (KIP-679). */
  judgeAny(question: AclQuestion): boolean {
    const { resourceType } = question
    const patterns: Acl[] = []
    for (const [key, acls] of this.#literal) if (key.startsWith(`${resourceType}\0`)) patterns.push(...acls)
    for (const acls of this.#prefixed.get(resourceType)?.values() ?? []) patterns.push(...acls)
    return patterns
      .filter((acl) => allows(acl, question))
      .some((acl) => !this.#covering(acl).some((other) => denies(other, question)))
  }

  /** The rules about all the names that a rule is about. */
  #covering(acl: Acl): readonly Acl[] {
    if (acl.patternType === 'LITERAL') return this.#about(acl.resourceType, acl.resourceName)
    const exact = this.#literal.get(`${acl.resourceType}\0${acl.resourceName}`) ?? []
    return this.#about(acl.resourceType, acl.resourceName).filter((other) => !exact.includes(other))
  }

  #about(type: AclResourceType, name: string): readonly Acl[] {
    const found = [...(this.#literal.get(`${type}\0${name}`) ?? [])]
    if (name !== everyName) found.push(...(this.#literal.get(`${type}\0${everyName}`) ?? []))
    for (const [prefix, acls] of this.#prefixed.get(type) ?? []) {
      if (name.startsWith(prefix)) found.push(...acls)
    }
    return found
  }

  #add(acl: Acl): void {
    const { resourceType, resourceName, patternType } = acl
    if (patternType === 'LITERAL') {
      push(this.#literal, `${resourceType}\0${resourceName}`, acl)
      return
    }
    const prefixes = this.#prefixed.get(resourceType) ?? new Map<string, Acl[]>()
    this.#prefixed.set(resourceType, prefixes)
    push(prefixes, resourceName, acl)
  }
}

/** True when the filter means the rule. */
export function filterFits(filter: AclFilter, acl: Acl): boolean {
  return (
    (filter.resourceType === 'ANY' || filter.resourceType === acl.resourceType) &&
    nameFits(filter, acl) &&
    (filter.principal === null || filter.principal === acl.principal) &&
    (filter.host === null || filter.host === acl.host) &&
    (filter.operation === 'ANY' || filter.operation === acl.operation) &&
    (filter.permission === 'ANY' || filter.permission === acl.permission)
  )
}

/** The same for equal rules, different for different ones. */
export function aclKey(acl: Acl): string {
  const { resourceType, resourceName, patternType, principal, host, operation, permission } = acl
  return JSON.stringify([resourceType, patternType, resourceName, principal, host, operation, permission])
}

function nameFits(filter: AclFilter, acl: Acl): boolean {
  const { patternType, resourceName } = filter
  if (patternType === 'LITERAL' || patternType === 'PREFIXED') {
    return acl.patternType === patternType && (resourceName === null || resourceName === acl.resourceName)
  }
  if (resourceName === null || resourceName === acl.resourceName) return true
  if (patternType === 'ANY') return false
  return acl.patternType === 'PREFIXED'
    ? resourceName.startsWith(acl.resourceName)
    : acl.resourceName === everyName
}

function denies(acl: Acl, question: AclQuestion): boolean {
  const { operation } = acl
  return (
    acl.permission === 'DENY' &&
    (operation === 'ALL' || operation === question.operation) &&
    isFor(acl, question)
  )
}

function allows(acl: Acl, question: AclQuestion): boolean {
  const { operation } = acl
  return (
    acl.permission === 'ALLOW' &&
    (operation === 'ALL' ||
      operation === question.operation ||
      impliedBy[question.operation]?.has(operation) === true) &&
    isFor(acl, question)
  )
}

function isFor(acl: Acl, { principal, host }: AclQuestion): boolean {
  return (
    (acl.principal === principal || acl.principal === everybody) &&
    (acl.host === everyHost || acl.host === host)
  )
}

function push(map: Map<string, Acl[]>, key: string, acl: Acl): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [acl])
  else list.push(acl)
}
