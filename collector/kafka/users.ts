// DescribeUserScramCredentials, AlterUserScramCredentials: the users of the data folder (KIP-554).
import type { RequestOf } from '../../protocol/apis/index.ts'
import { KafkaError, kafkaErrors } from '../../protocol/errors.ts'
import type { ScramMechanism, SecurityState, UserCredential } from '../broker/security/security-store.ts'
import type { RequestContext } from './context.ts'
import { scramMechanisms } from './credentials.ts'
import type { Handlers } from './dispatch.ts'
import { credentialOf, isSaltedPassword, iterationsMax, iterationsMin } from './scram.ts'
import { clusterResource } from './security.ts'
import { noTrouble, repeated, type Trouble, troubleOf } from './trouble.ts'

type AlterRequest = RequestOf<'AlterUserScramCredentials'>
type Deletion = AlterRequest['deletions'][number]
type Upsertion = AlterRequest['upsertions'][number]

/** `ScramMechanism` by code. */
const mechanismCodes: Readonly<Record<ScramMechanism, number>> = { 'SCRAM-SHA-256': 1, 'SCRAM-SHA-512': 2 }
const nameBytesMax = 512
const saltBytesMax = 256

export const userHandlers = {
  DescribeUserScramCredentials({ users }, context) {
    const { session } = context
    if (!session.authorize('DESCRIBE', 'CLUSTER', clusterResource))
      return { ...troubleOf(notAllowed('DESCRIBE'), context), results: [] }
    const known = knownUsers(context)
    const asked =
      users === null || users.length === 0 ? [...known.keys()].sort() : users.map((one) => one.name)
    const twice = repeated(asked)
    const results = [...new Set(asked)].map((user) => {
      const credentialInfos = known.get(user) ?? []
      return { user, ...describeTrouble(user, twice.has(user), credentialInfos.length), credentialInfos }
    })
    return { ...noTrouble, results }
  },

  async AlterUserScramCredentials({ deletions, upsertions }, context) {
    const names = [...new Set([...deletions, ...upsertions].map((one) => one.name))]
    const results = []
    for (const user of names) {
      try {
        const mine = { deletions: deletions.filter(isOf(user)), upsertions: upsertions.filter(isOf(user)) }
        await alterUser(user, mine, context)
        results.push({ user, ...noTrouble })
      } catch (error) {
        results.push({ user, ...troubleOf(error, context) })
      }
    }
    return { results }
  },
} satisfies Partial<Handlers>

/** Mechanisms and iterations by user: of the YAML and of the data folder. */
function knownUsers({ session }: RequestContext) {
  const known = new Map<string, { readonly mechanism: number; readonly iterations: number }[]>()
  for (const mechanism of scramMechanisms) {
    for (const [user, iterations] of session.security.credentials.list(mechanism)) {
      const infos = known.get(user) ?? []
      known.set(user, infos)
      infos.push({ mechanism: mechanismCodes[mechanism], iterations })
    }
  }
  return known
}

function describeTrouble(user: string, isTwice: boolean, count: number): Trouble {
  if (isTwice) return { errorCode: kafkaErrors.DUPLICATE_RESOURCE, errorMessage: 'the user is named twice' }
  if (count > 0) return noTrouble
  const errorMessage = `there is no password of a user ${JSON.stringify(user.slice(0, nameBytesMax))}`
  return { errorCode: kafkaErrors.RESOURCE_NOT_FOUND, errorMessage }
}

async function alterUser(
  user: string,
  { deletions, upsertions }: { readonly deletions: Deletion[]; readonly upsertions: Upsertion[] },
  { session, broker }: RequestContext,
): Promise<void> {
  if (!session.authorize('ALTER', 'CLUSTER', clusterResource)) throw notAllowed('ALTER')
  if (user === '' || Buffer.byteLength(user) > nameBytesMax)
    throw unacceptable(`the name of a user has 1 to ${nameBytesMax} bytes`)
  if (session.security.credentials.isFixed(user))
    throw unacceptable('this user is in the YAML: change its password there')
  const codes = [...deletions, ...upsertions].map((one) => one.mechanism)
  if (new Set(codes).size < codes.length)
    throw new KafkaError('DUPLICATE_RESOURCE', 'a mechanism of the user is named twice')
  const gone = deletions.map((one) => mechanismOf(one.mechanism))
  const made = upsertions.map((one) => credentialFrom(user, one))
  await broker.security.change((state) => withUser(state, user, gone, made))
}

function withUser(
  state: SecurityState,
  user: string,
  gone: readonly ScramMechanism[],
  made: readonly UserCredential[],
): SecurityState {
  const mine = state.users.filter((one) => one.user === user)
  const others = state.users.filter((one) => one.user !== user)
  const missing = gone.find((mechanism) => !mine.some((one) => one.mechanism === mechanism))
  if (missing !== undefined)
    throw new KafkaError('RESOURCE_NOT_FOUND', `the user has no password for ${missing}`)
  const replaced = [...gone, ...made.map((one) => one.mechanism)]
  const kept = mine.filter((one) => !replaced.includes(one.mechanism))
  return { ...state, users: [...others, ...kept, ...made] }
}

function credentialFrom(user: string, upsertion: Upsertion): UserCredential {
  const { iterations, salt, saltedPassword } = upsertion
  const mechanism = mechanismOf(upsertion.mechanism)
  if (iterations < iterationsMin) throw unacceptable(`too few iterations: at least ${iterationsMin}`)
  if (iterations > iterationsMax) throw unacceptable(`too many iterations: at most ${iterationsMax}`)
  if (salt.length === 0 || salt.length > saltBytesMax)
    throw unacceptable(`a salt has 1 to ${saltBytesMax} bytes`)
  if (!isSaltedPassword(mechanism, saltedPassword))
    throw unacceptable(`a salted password of ${mechanism} has another length`)
  // The request's bytes are a view into a buffer that is used again.
  const ownSalt = Uint8Array.from(salt)
  return { user, mechanism, ...credentialOf(mechanism, saltedPassword, ownSalt, iterations) }
}

function mechanismOf(code: number): ScramMechanism {
  const found = scramMechanisms.find((mechanism) => mechanismCodes[mechanism] === code)
  if (found !== undefined) return found
  throw new KafkaError('UNSUPPORTED_SASL_MECHANISM', 'there is SCRAM-SHA-256 (1) and SCRAM-SHA-512 (2)')
}

function isOf(user: string): (one: { readonly name: string }) => boolean {
  return (one) => one.name === user
}

function notAllowed(operation: string): KafkaError {
  return new KafkaError('CLUSTER_AUTHORIZATION_FAILED', `${operation} is not allowed`)
}

function unacceptable(what: string): KafkaError {
  return new KafkaError('UNACCEPTABLE_CREDENTIAL', what)
}
