// SecurityStore: the users and ACLs that were made through the Kafka API, in one state file of the data folder.
import { isCode, LogdriveError } from '../../../core/errors.ts'
import type { Random, Storage } from '../../../core/runtime.ts'
import { readState, writeState } from '../../log/state-file.ts'
import type { Acl, AclOperation, AclResourceType } from './acls.ts'

/** SCRAM, by the names of SASL. */
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

/** What a server keeps of a password (RFC 5802): it proves a login and cannot be used for one. */
export interface ScramCredential {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** The credential of one user for one mechanism. */
export interface UserCredential extends ScramCredential {
  readonly user: string
  readonly mechanism: ScramMechanism
}

export interface SecurityState {
  /** Secret bytes: salts of users that do not exist are made of them. */
  readonly pepper: Uint8Array
  readonly users: readonly UserCredential[]
  readonly acls: readonly Acl[]
}

const fileName = 'security'
/** More than this is refused: the file is written as a whole. */
const usersMax = 10_000
const aclsMax = 10_000

/** Opens the store of a data folder. Throws STATE_CORRUPT: to go on without its ACLs would be to let everybody in. */
export async function openSecurityStore(
  folder: string,
  parts: { readonly storage: Storage; readonly random: Random },
): Promise<SecurityStore> {
  const { storage, random } = parts
  try {
    const value = await readState(storage, folder, fileName, 'security')
    const state = value === null ? emptyState(random) : decode(value)
    return new SecurityStore(folder, storage, state)
  } catch (error) {
    if (!isCode(error, 'STATE_CORRUPT')) throw error
    const hint =
      'Restore the file "security" of the data folder, or remove it and make its users and ACLs anew.'
    throw new LogdriveError('STATE_CORRUPT', error.message, { hint, cause: error })
  }
}

/** Users and ACLs; changes are made one after the other and count when they are on the disk. */
export class SecurityStore {
  readonly #folder: string
  readonly #storage: Storage
  #state: SecurityState
  #changes: Promise<unknown> = Promise.resolve()

  constructor(folder: string, storage: Storage, state: SecurityState) {
    this.#folder = folder
    this.#storage = storage
    this.#state = state
  }

  /** As the disk has it; another object after each change. */
  get state(): SecurityState {
    return this.#state
  }

  /** Makes a change durably. Throws REQUEST_INVALID past the bounds, DISK_FULL, DISK_FAILED. */
  change(make: (state: SecurityState) => SecurityState): Promise<void> {
    const result = this.#changes.then(async () => {
      const next = make(this.#state)
      if (next === this.#state) return
      if (next.users.length > usersMax) throw tooMany('credentials', usersMax)
      if (next.acls.length > aclsMax) throw tooMany('ACLs', aclsMax)
      await writeState(this.#storage, this.#folder, fileName, 'security', encode(next))
      this.#state = next
    })
    this.#changes = result.catch(() => undefined)
    return result
  }
}

function tooMany(what: string, most: number): LogdriveError {
  return new LogdriveError('REQUEST_INVALID', `at most ${most} ${what} are kept`)
}

function emptyState(random: Random): SecurityState {
  const pepper = new TextEncoder().encode(`${random.uuid()}${random.uuid()}`)
  return { pepper, users: [], acls: [] }
}

function encode(state: SecurityState): unknown {
  const users = state.users.map((user) => ({
    user: user.user,
    mechanism: user.mechanism,
    salt: base64(user.salt),
    iterations: user.iterations,
    storedKey: base64(user.storedKey),
    serverKey: base64(user.serverKey),
  }))
  return { version: 1, pepper: base64(state.pepper), users, acls: state.acls }
}

function decode(value: unknown): SecurityState {
  const { version, pepper, users, acls } = fieldsOf(value)
  if (version !== 1) throw unreadable('its version is not 1')
  if (!Array.isArray(users) || !Array.isArray(acls)) throw unreadable('a list is missing')
  return { pepper: bytesOf(pepper), users: users.map(decodeUser), acls: acls.map(decodeAcl) }
}

function decodeUser(value: unknown): UserCredential {
  const { user, mechanism, salt, iterations, storedKey, serverKey } = fieldsOf(value)
  if (typeof user !== 'string' || !isMechanism(mechanism) || !Number.isSafeInteger(iterations)) {
    throw unreadable('a user is not whole')
  }
  return {
    user,
    mechanism,
    salt: bytesOf(salt),
    iterations: iterations as number,
    storedKey: bytesOf(storedKey),
    serverKey: bytesOf(serverKey),
  }
}

/** The checksum says that these are our bytes; what is looked at is what a newer version might have written. */
function decodeAcl(value: unknown): Acl {
  const { resourceType, resourceName, patternType, principal, host, operation, permission } = fieldsOf(value)
  if (typeof resourceName !== 'string' || typeof principal !== 'string' || typeof host !== 'string') {
    throw unreadable('an ACL is not whole')
  }
  if (patternType !== 'LITERAL' && patternType !== 'PREFIXED')
    throw unreadable('an ACL has an unknown pattern')
  if (permission !== 'ALLOW' && permission !== 'DENY') throw unreadable('an ACL has an unknown permission')
  if (typeof resourceType !== 'string' || !isOneOf(resourceTypes, resourceType)) {
    throw unreadable('an ACL has an unknown resource type')
  }
  if (typeof operation !== 'string' || !isOneOf(operations, operation)) {
    throw unreadable('an ACL has an unknown operation')
  }
  return { resourceType, resourceName, patternType, principal, host, operation, permission }
}

const resourceTypes: Readonly<Record<AclResourceType, true>> = {
  TOPIC: true,
  GROUP: true,
  CLUSTER: true,
  TRANSACTIONAL_ID: true,
  DELEGATION_TOKEN: true,
  USER: true,
}

const operations: Readonly<Record<AclOperation, true>> = {
  ALL: true,
  READ: true,
  WRITE: true,
  CREATE: true,
  DELETE: true,
  ALTER: true,
  DESCRIBE: true,
  CLUSTER_ACTION: true,
  DESCRIBE_CONFIGS: true,
  ALTER_CONFIGS: true,
  IDEMPOTENT_WRITE: true,
  CREATE_TOKENS: true,
  DESCRIBE_TOKENS: true,
}

function isOneOf<Name extends string>(names: Readonly<Record<Name, true>>, value: string): value is Name {
  return Object.hasOwn(names, value)
}

function isMechanism(value: unknown): value is ScramMechanism {
  return value === 'SCRAM-SHA-256' || value === 'SCRAM-SHA-512'
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw unreadable('something in it is not a map')
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return new Uint8Array(Buffer.from(value, 'base64'))
  throw unreadable('bytes are missing')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function unreadable(what: string): LogdriveError {
  return new LogdriveError('STATE_CORRUPT', `the file "security" of the data folder: ${what}`)
}
