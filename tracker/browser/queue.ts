// Queue: events wait here until the collector has answered for them, one batch in flight, always in order.
//
// The collector keeps, per source, the position of the last event and takes an older one for a duplicate. So no
// event may overtake another of its source: every body begins with the oldest unanswered event, a beacon repeats
// what is in flight, and a beacon is never taken for an answer. Repeating is free of doubles, overtaking loses.

import {
  countCharacters,
  cutBatch,
  decodeStored,
  encodeBody,
  encodeStored,
  type Item,
  UNLOAD_BYTES_MAX,
} from './batch.ts'
import { post } from './post.ts'
import type { Store } from './store.ts'
import { listen } from './text.ts'

export interface Queue {
  /** False when there is no room: the event is counted as lost. */
  push(item: Item): boolean
  /** Sends now, unless a retry is waiting for its time. */
  flush(): void
  /** The page goes away or is hidden: hands over what it can and keeps a copy for the next visit. */
  hide(): void
  /** Events lost since the last call. The next event, which reports them, may use a reserve. */
  takeLost(): number
}

const FLUSH_AFTER_MS = 250
const FLUSH_EVENTS = 20
const BATCH_CHARACTERS_MAX = 32_000
const QUEUE_EVENTS_MAX = 500
const QUEUE_CHARACTERS_MAX = 90_000
const STORED_CHARACTERS_MAX = 100_000
/** The collector forgets positions after 7 days: by then a repeated event would be a double. */
const STORED_MS_MAX = 3 * 86_400_000
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000
const STORED_PREFIX = 'logdrive.queue.'

/** Opens the queue of a source and adopts what earlier pages of this site could not deliver. */
export function openQueue(endpoint: string, source: string, store: Store): Queue {
  const own: Item[] = []
  const earlier = adoptStored(store)
  const storedKey = STORED_PREFIX + source
  let busy = false
  let stored = false
  let failures = 0
  let lost = 0
  let timer = 0
  let reserve = 1
  let beaconed: Item | undefined

  const save = () => {
    const others = store.keys(STORED_PREFIX).filter((key) => key !== storedKey)
    const room = STORED_CHARACTERS_MAX - countCharacters(others.map((key) => store.read(key) || ''))
    const text = encodeStored(own.concat(earlier), room)
    stored = text !== '[]'
    store.write(storedKey, stored ? text : null)
  }

  const schedule = (waitMs: number) => {
    if (!timer) timer = setTimeout(send, waitMs)
  }

  const send = async () => {
    clearTimeout(timer)
    timer = 0
    const lane = own.length ? own : earlier
    if (busy || !lane.length) return
    busy = true
    const batch = cutBatch(lane, BATCH_CHARACTERS_MAX)
    const [again, dropped, retryAfterMs] = await post(endpoint, encodeBody(batch), batch, !failures)
    lane.splice(0, batch.length, ...again)
    lost += dropped
    failures = again.length ? failures + 1 : 0
    busy = false
    if (failures || stored) save()
    if (failures) {
      const backoffMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (failures - 1))
      schedule(Math.max(backoffMs * (0.5 + Math.random() / 2), retryAfterMs))
    } else if (own.length + earlier.length) schedule(0)
  }

  const flush = () => {
    if (!failures) void send()
  }

  listen('online', send)
  if (earlier.length) {
    save()
    schedule(FLUSH_AFTER_MS)
  }

  return {
    push(item) {
      const items = own.concat(earlier)
      const characters = countCharacters(items.map(({ json }) => json))
      const { length } = item.json
      const room = reserve
      reserve = 1
      if (
        length > BATCH_CHARACTERS_MAX ||
        items.length >= QUEUE_EVENTS_MAX * room ||
        characters + length > QUEUE_CHARACTERS_MAX * room
      ) {
        lost++
        return false
      }
      own.push(item)
      if (own.length >= FLUSH_EVENTS || characters > BATCH_CHARACTERS_MAX) flush()
      if (!busy) schedule(FLUSH_AFTER_MS)
      return true
    },
    flush,
    hide() {
      const last = own[own.length - 1]
      // Hidden and then gone are two events: the second has nothing to add.
      if (!last || last === beaconed) return
      beaconed = last
      save()
      sendBeacon(endpoint, own)
    },
    takeLost() {
      const count = lost
      lost = 0
      reserve = 1.1
      return count
    },
  }
}

/** Takes over what earlier pages left, as long as it is young. Another tab may do the same: doubles are harmless. */
function adoptStored(store: Store): Item[] {
  const items: Item[] = []
  for (const key of store.keys(STORED_PREFIX)) {
    items.push(...decodeStored(store.read(key), Date.now() - STORED_MS_MAX))
    store.write(key, null)
  }
  return items
}

/** One beacon and no second: two might overtake one another. What does not fit waits in the store. */
function sendBeacon(endpoint: string, items: readonly Item[]): void {
  let batch = cutBatch(items, UNLOAD_BYTES_MAX)
  while (batch.length) {
    const body = encodeBody(batch)
    if (body.size <= UNLOAD_BYTES_MAX && navigator.sendBeacon(endpoint, body)) return
    batch = batch.slice(0, batch.length >> 1)
  }
}
