// Batch: events cut and encoded as bodies of POST /v1/e, and as the copy an unfinished page leaves behind.

/** One event, encoded once. `head` is the JSON of the body's other fields, without braces. */
export interface Item {
  readonly id: string
  readonly ts: number
  readonly head: string
  readonly json: string
}

/** Browsers refuse beacons and keepalive requests past 65,536 bytes, all that are under way taken together. */
export const UNLOAD_BYTES_MAX = 48_000
const BATCH_EVENTS_MAX = 100

/** The oldest events that share one head and fit: at least one. */
export function cutBatch(lane: readonly Item[], charactersMax: number): readonly Item[] {
  const { head } = lane[0] as Item
  let room = charactersMax - head.length
  const end = lane.findIndex((item, i) => {
    room -= item.json.length + 1
    return i && (room < 0 || i >= BATCH_EVENTS_MAX || item.head !== head)
  })
  return lane.slice(0, end < 0 ? lane.length : end)
}

/** A body of `POST /v1/e`; a Blob of text/plain needs no preflight, also while the page unloads. */
export function encodeBody(batch: readonly Item[]): Blob {
  const { head } = batch[0] as Item
  const text = `{${head},"sent_at":${Date.now()},"events":[${batch.map(({ json }) => json)}]}`
  return new Blob([text], { type: 'text/plain' })
}

/** The oldest events as JSON of at most `charactersMax`; '[]' when not one fits. */
export function encodeStored(items: readonly Item[], charactersMax: number): string {
  for (let kept = items; ; kept = kept.slice(0, kept.length >> 1)) {
    const text = JSON.stringify(kept)
    if (text.length <= charactersMax || !kept.length) return text
  }
}

/** Reads what `encodeStored` wrote, without events from before `tsMin` (ms). Anything else counts as nothing. */
export function decodeStored(text: string | null, tsMin: number): Item[] {
  try {
    return (JSON.parse(text as string) as Item[]).filter(({ ts }) => ts > tsMin)
  } catch {
    return []
  }
}

export function countCharacters(texts: readonly string[]): number {
  return texts.join('').length
}
