// Recorder: turns what happened into the wire's events and numbers them within their source.

import { uuid } from './ids.ts'
import type { Options } from './options.ts'
import type { Queue } from './queue.ts'
import { cutText, cutUrl } from './text.ts'
import type { Visitor } from './visitor.ts'

export type Props = Record<string, unknown>

export type EventType = 'page_view' | 'click' | 'search' | 'track' | 'metric' | 'error' | 'identify'

export interface Page {
  readonly page_view_id: string
  readonly url: string
  readonly referrer: string
}

export interface Recorder {
  /** The page view that events belong to now. */
  page: Page
  /** `ts` is when it happened, in ms. */
  record(type: EventType, props: Props, ts: number, page?: Page): void
}

const VERSION = '0.1.0'

/** `source` must be new for every document load: positions 1, 2, 3 … start again with it. */
export function openRecorder(options: Options, source: string, visitor: Visitor, queue: Queue): Recorder {
  // Read once: one body holds events of one head only, and on phones the viewport changes with every scroll.
  const shared = {
    v: 1,
    site: options.site,
    source,
    context: {
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      screen: [screen.width, screen.height],
      viewport: [innerWidth, innerHeight],
      lib: 'logdrive.js',
      lib_version: VERSION,
      consent: options.consent,
    },
  }
  let position = 0
  const recorder: Recorder = {
    page: { page_view_id: uuid(), url: cutUrl(location.href), referrer: document.referrer },
    record(type, props, ts, page = recorder.page) {
      const id = uuid(ts)
      const head = JSON.stringify({ ...shared, ...visitor.identity() }).slice(1, -1)
      const title = cutText(document.title, 256)
      const json = JSON.stringify({ id, n: position + 1, type, ts, ...page, title, props })
      // A refused event takes no position.
      if (queue.push({ id, ts, head, json })) position++
    },
  }
  return recorder
}
