// The event heap of the simulated world: earliest first, ties by a seeded coin, so order is chance but repeatable.

/** Something that will happen. */
export interface ScheduledEvent {
  readonly at: number
  readonly tie: number
  readonly label: string
  /** Null once cancelled. */
  action: (() => void) | null
}

/** A binary heap by time, then tie. */
export class EventHeap {
  readonly #events: ScheduledEvent[] = []

  get size(): number {
    return this.#events.length
  }

  push(event: ScheduledEvent): void {
    const events = this.#events
    let index = events.length
    events.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = events[parent]
      if (above === undefined || !before(event, above)) break
      events[index] = above
      index = parent
    }
    events[index] = event
  }

  /** The next one, left in place. */
  peek(): ScheduledEvent | undefined {
    return this.#events[0]
  }

  pop(): ScheduledEvent | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (first === undefined || last === undefined || events.length === 0) return first
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      const left = events[child]
      const right = events[child + 1]
      if (left === undefined) break
      let least = left
      if (right !== undefined && before(right, left)) {
        least = right
        child += 1
      }
      if (!before(least, last)) break
      events[index] = least
      index = child
    }
    events[index] = last
    return first
  }
}

function before(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.tie < b.tie)
}
