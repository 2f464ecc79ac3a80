// Page views: the load, routes of a single-page application, and pages that come back from the back/forward cache.

import { uuid } from './ids.ts'
import type { Props, Recorder } from './recorder.ts'
import { cutUrl, listen, quietly } from './text.ts'

export interface Pages {
  /** Records the load and from now on every change of the route. */
  watch(): void
  /** Records a view of what the address bar shows. */
  view(props?: Props): void
  /** Records the route change that waits for its title, if there is one. */
  settle(): void
}

/** Routers set the title after they change the address: this long a view waits for it, or until the next event. */
const TITLE_WAIT_MS = 50

/** `onView` runs after each view: a search may be in its address. */
export function openPages(recorder: Recorder, onView: (url: string) => void): Pages {
  let seen: string | undefined
  let pending: (() => void) | undefined

  const settle = () => {
    const run = pending
    pending = undefined
    if (run) run()
  }

  const view = (props: Props) => {
    recorder.record('page_view', props, Date.now())
    onView(recorder.page.url)
  }

  const start = (props: Props) => {
    const url = cutUrl(location.href)
    recorder.page = { page_view_id: uuid(), url, referrer: seen || document.referrer }
    seen = url
    pending = () => view(props)
  }

  const route = (type: string) => {
    if (cutUrl(location.href) === seen) return
    settle()
    start({ navigation_type: type })
    setTimeout(quietly(settle), TITLE_WAIT_MS)
  }

  const begin = (props: Props) => {
    settle()
    start(props)
    settle()
  }

  return {
    watch() {
      for (const name of ['pushState', 'replaceState'] as const) {
        const original = history[name]
        history[name] = function (...values) {
          original.apply(this, values)
          quietly(route)(name.slice(0, -5))
        }
      }
      // Also fired when only the fragment changes.
      listen('popstate', () => route('pop'))
      listen<PageTransitionEvent>('pageshow', (event) => {
        if (event.persisted) begin({ navigation_type: 'back_forward_cache' })
      })
      const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
      begin({ navigation_type: navigation ? navigation.type : 'navigate' })
    },
    view: (props) => begin({ navigation_type: 'manual', ...props }),
    settle,
  }
}
