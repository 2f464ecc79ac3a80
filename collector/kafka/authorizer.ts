// Authorizer: what a client may do, by the ACLs of the YAML and those made through Kafka.
import { type Acl, AclIndex, type AclOperation, type AclResourceType } from '../broker/security/acls.ts'
import type { SecurityStore } from '../broker/security/security-store.ts'

export interface AuthorizerOptions {
  /** Principals that may do everything. */
  readonly superUsers: readonly string[]
  /** ACLs that nobody can change through Kafka. */
  readonly acls: readonly Acl[]
  /** What no ACL is about is allowed. */
  readonly allowEveryoneIfNoAcl: boolean
}

/** Whom it judges. */
export interface Asker {
  /** Such as `User:alice`. */
  readonly principal: string
  /** Address of the other end. */
  readonly host: string
}

/** Says yes or no; asked for every topic of every request. */
export class Authorizer {
  readonly #options: AuthorizerOptions
  readonly #superUsers: ReadonlySet<string>
  readonly #store: SecurityStore
  #seen: unknown = null
  #index = new AclIndex([])

  constructor(options: AuthorizerOptions, store: SecurityStore) {
    this.#options = options
    this.#superUsers = new Set(options.superUsers)
    this.#store = store
  }

  /** ACLs of the YAML. */
  get fixed(): readonly Acl[] {
    return this.#options.acls
  }

  allows(who: Asker, operation: AclOperation, resourceType: AclResourceType, name: string): boolean {
    if (this.#superUsers.has(who.principal)) return true
    const verdict = this.#current().judge({ ...who, operation, resourceType }, name)
    return verdict === 'allow' || (verdict === 'unknown' && this.#options.allowEveryoneIfNoAcl)
  }

  /** True when some resource of the type is allowed, whatever its name. */
  allowsAny(who: Asker, operation: AclOperation, resourceType: AclResourceType): boolean {
    if (this.#superUsers.has(who.principal) || this.#options.allowEveryoneIfNoAcl) return true
    return this.#current().judgeAny({ ...who, operation, resourceType })
  }

  #current(): AclIndex {
    const { acls } = this.#store.state
    if (acls !== this.#seen) {
      this.#seen = acls
      this.#index = new AclIndex([...this.#options.acls, ...acls])
    }
    return this.#index
  }
}
