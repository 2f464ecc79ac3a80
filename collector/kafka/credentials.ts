// Credentials: the users of the YAML and those made through Kafka, as SCRAM keeps them; no password stays in memory.
import { createHmac } from 'node:crypto'
import type { ScramCredential, ScramMechanism, SecurityStore } from '../broker/security/security-store.ts'
import { credentialOf, isSame, iterationsMin, saltPassword } from './scram.ts'

/** A credential, and whether there is such a user at all. */
export interface FoundCredential {
  readonly credential: ScramCredential
  readonly isKnown: boolean
}

/** The mechanisms that keep a credential. */
export const scramMechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const satisfies readonly ScramMechanism[]

/** Derives what is kept of the passwords in the YAML: some ms each. */
export async function openCredentials(
  passwords: Readonly<Record<string, string>>,
  store: SecurityStore,
): Promise<Credentials> {
  const fixed = new Map<string, ScramCredential>()
  for (const [user, password] of Object.entries(passwords)) {
    for (const mechanism of scramMechanisms) {
      const salt = saltFor(store, mechanism, user)
      const salted = await saltPassword(mechanism, password, salt, iterationsMin)
      fixed.set(keyOf(mechanism, user), credentialOf(mechanism, salted, salt, iterationsMin))
    }
  }
  return new Credentials(store, fixed)
}

/** Looks users up. Those of the YAML win; the others come from the store and change with it. */
export class Credentials {
  readonly #store: SecurityStore
  readonly #fixed: ReadonlyMap<string, ScramCredential>
  #seen: unknown = null
  #stored: ReadonlyMap<string, ScramCredential> = new Map()
  #deriving: Promise<unknown> = Promise.resolve()

  constructor(store: SecurityStore, fixed: ReadonlyMap<string, ScramCredential>) {
    this.#store = store
    this.#fixed = fixed
  }

  /** True for a user of the YAML: nobody can change it through Kafka. */
  isFixed(user: string): boolean {
    return scramMechanisms.some((mechanism) => this.#fixed.has(keyOf(mechanism, user)))
  }

  /** Every user with a credential for the mechanism, with its count of iterations. */
  list(mechanism: ScramMechanism): ReadonlyMap<string, number> {
    const users = new Map<string, number>()
    const suffix = `${mechanism}\0`
    for (const map of [this.#current(), this.#fixed]) {
      for (const [key, { iterations }] of map) {
        if (key.startsWith(suffix)) users.set(key.slice(suffix.length), iterations)
      }
    }
    return users
  }

  /** For a user that is not there a credential that nobody fits: what is answered looks the same, again and again. */
  find(mechanism: ScramMechanism, user: string): FoundCredential {
    const known = this.#known(mechanism, user)
    if (known !== null) return { credential: known, isKnown: true }
    const salt = saltFor(this.#store, mechanism, user)
    // Of the pepper, not of the salt: that one is told to whoever asks.
    const { pepper } = this.#store.state
    return { credential: credentialOf(mechanism, pepper, salt, iterationsMin), isKnown: false }
  }

  /** Checks a password that came in the clear (PLAIN). It costs as much for users that are not there. */
  async check(user: string, password: string): Promise<boolean> {
    const mechanism = scramMechanisms.find((one) => this.#known(one, user) !== null) ?? scramMechanisms[0]
    const { credential, isKnown } = this.find(mechanism, user)
    const { salt, iterations } = credential
    // One at a time: the background threads belong to the disk.
    const turn = this.#deriving.then(() => saltPassword(mechanism, password, salt, iterations))
    this.#deriving = turn.catch(() => undefined)
    const fits = isSame(credentialOf(mechanism, await turn, salt, iterations).storedKey, credential.storedKey)
    return fits && isKnown
  }

  #known(mechanism: ScramMechanism, user: string): ScramCredential | null {
    const key = keyOf(mechanism, user)
    return this.#fixed.get(key) ?? this.#current().get(key) ?? null
  }

  #current(): ReadonlyMap<string, ScramCredential> {
    const { users } = this.#store.state
    if (users !== this.#seen) {
      this.#seen = users
      this.#stored = new Map(users.map((one) => [keyOf(one.mechanism, one.user), one]))
    }
    return this.#stored
  }
}

/** The same salt for a name each time, so that asking twice tells nothing. */
function saltFor(store: SecurityStore, mechanism: ScramMechanism, user: string): Uint8Array {
  const hash = createHmac('sha256', store.state.pepper).update(keyOf(mechanism, user)).digest()
  return hash.subarray(0, 16)
}

function keyOf(mechanism: ScramMechanism, user: string): string {
  return `${mechanism}\0${user}`
}
