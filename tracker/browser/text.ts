// Text that leaves the page: trimmed, bounded, never ending in half a character.

/** White space collapsed and at most `charactersMax` UTF-16 units; half of a surrogate pair is cut away. */
export function cutText(text: unknown, charactersMax: number): string {
  return String(text)
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, charactersMax)
    .replace(/[\ud800-\udbff]$/, '')
}

/** An address without its fragment, which may hold a token, unless a router keeps the route there. */
export function cutUrl(url: string): string {
  return url.replace(/#(?![!/]).*/, '').slice(0, 2048)
}

/** Listens in the capture phase of the window, before any handler of the page, and quietly. */
export function listen<E extends Event>(type: string, handle: (event: E) => unknown): void {
  addEventListener(type, quietly(handle) as (event: Event) => void, true)
}

/** The function, which may then fail without the page noticing: a tracker must never break its host. */
export function quietly<A extends unknown[]>(run: (...values: A) => unknown): (...values: A) => void {
  return (...values) => {
    try {
      run(...values)
    } catch {
      // Nothing to tell: the page is not ours, and an error event of our own would be recorded as one of its.
    }
  }
}
