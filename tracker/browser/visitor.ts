// Visitor: who is here, as far as this device may remember it: anonymous id, user id, session, tab.

import { uuid } from './ids.ts'
import type { Store } from './store.ts'

export interface Visitor {
  /** The body's identity fields now; asking counts as activity of the session. */
  identity(): Record<string, string>
  setUser(userId: string): void
  /** Forgets the person: new anonymous id, no user, new session. */
  reset(): void
}

const SESSION_IDLE_MS = 30 * 60_000
const ANONYMOUS_KEY = 'logdrive.anonymous'
const USER_KEY = 'logdrive.user'
const SESSION_KEY = 'logdrive.session'
const TAB_KEY = 'logdrive.tab'

/** Without a persistent store there is no anonymous id, and the other ids live as long as the page. */
export function openVisitor(store: Store, tabStore: Store, persistent: boolean): Visitor {
  // Memory stands in where the browser refuses to store, so one page load stays one visitor and one session.
  let anonymousId = persistent ? uuid() : ''
  let userId = ''
  let session = ''
  const tabId = tabStore.read(TAB_KEY) || uuid()
  tabStore.write(TAB_KEY, tabId)

  /** The value that all tabs share, else ours. */
  const share = (key: string, value: string) => {
    const shared = store.read(key)
    if (shared === null && value) store.write(key, value)
    return shared === null ? value : shared
  }

  return {
    identity() {
      anonymousId = share(ANONYMOUS_KEY, anonymousId)
      userId = share(USER_KEY, userId)
      // Read at every event: another tab may have kept the session alive while this one was idle.
      const [id, seenMs] = (store.read(SESSION_KEY) || session).split(' ')
      const idleMs = Date.now() - Number(seenMs)
      const sessionId = id && idleMs < SESSION_IDLE_MS ? id : uuid()
      session = `${sessionId} ${Date.now()}`
      store.write(SESSION_KEY, session)
      return { anonymous_id: anonymousId, user_id: userId, session_id: sessionId, tab_id: tabId }
    },
    setUser(id) {
      userId = id
      store.write(USER_KEY, id)
    },
    reset() {
      anonymousId = anonymousId && uuid()
      userId = session = ''
      store.write(ANONYMOUS_KEY, anonymousId)
      store.write(USER_KEY, null)
      store.write(SESSION_KEY, null)
    },
  }
}
