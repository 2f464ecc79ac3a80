// The browser tracker: reads its tag, listens to the page, and answers what was called before it came.

import { describeClick } from './clicks.ts'
import { watchErrors } from './errors.ts'
import { uuid } from './ids.ts'
import { type Options, readOptions } from './options.ts'
import { openPages } from './pages.ts'
import { openQueue } from './queue.ts'
import { type EventType, openRecorder, type Props } from './recorder.ts'
import { openSearches } from './searches.ts'
import { openStore } from './store.ts'
import { listen, quietly } from './text.ts'
import { openVisitor } from './visitor.ts'
import { watchVitals } from './vitals.ts'

/** A call made before the script came: method, arguments, and when (ms). */
type Call = readonly [name: string, values: Iterable<unknown>, ts?: number]

interface Api {
  track(name: string, props?: Props): void
  page(props?: Props): void
  search(term: string, props?: Props): void
  identify(id: string, traits?: Props): void
  metric(name: string, value: number, props?: Props): void
  reset(): void
  flush(): void
}

const METHODS = ['track', 'page', 'search', 'identify', 'metric', 'reset', 'flush'] as const

/** Starts everything; null options make an API that does nothing. `time` says when the current call was made. */
function start(options: Options | null, time: () => number): Partial<Api> {
  if (!options) return {}
  const source = uuid()
  const store = openStore(options.persistent, 'localStorage')
  const visitor = openVisitor(store, openStore(options.persistent, 'sessionStorage'), options.persistent)
  const queue = openQueue(options.endpoint, source, store)
  const recorder = openRecorder(options, source, visitor, queue)

  const record = (type: EventType, props: Props) => {
    pages.settle()
    recorder.record(type, props, time())
  }
  const found = (type: EventType) => (props: Props) => record(type, props)
  const searches = openSearches(options.searchNames, store, found('search'))
  const pages = openPages(recorder, options.captures('searches') ? searches.readUrl : () => {})
  if (options.captures('pages')) pages.watch()

  if (options.captures('searches')) listen('submit', searches.readForm)
  if (options.captures('errors')) watchErrors(recorder, found('error'))
  if (options.captures('clicks')) {
    const onClick = (event: MouseEvent) => {
      const props = describeClick(event)
      if (props) record('click', props)
    }
    listen('click', onClick)
    listen('auxclick', onClick)
  }

  const loadedPage = recorder.page
  let takeVitals = () => {}
  if (options.captures('vitals')) {
    // Quietly: browsers without these observers can still do everything else.
    quietly(() => {
      takeVitals = watchVitals((props) => recorder.record('metric', props, Date.now(), loadedPage))
    })()
  }
  const hide = () => {
    pages.settle()
    takeVitals()
    const value = queue.takeLost()
    if (value) record('metric', { metric: 'logdrive_lost', value })
    queue.hide()
  }
  listen('visibilitychange', () => document.hidden && hide())
  listen('pagehide', hide)

  return {
    track: (event, props) => record('track', { ...props, event }),
    page: pages.view,
    search: (term, props) => record('search', { source: 'api', ...props, search_term: term }),
    identify(id, traits = {}) {
      visitor.setUser(String(id))
      record('identify', { user_id: String(id), traits })
    },
    metric: (metric, value, props) => record('metric', { ...props, metric, value: Number(value) }),
    reset: visitor.reset,
    flush: queue.flush,
  }
}

/** Takes the place of the stub, which may hold calls; does nothing on a page that has a tracker already. */
function install(script: HTMLOrSVGScriptElement | null): void {
  const page = window as { logdrive?: Partial<Api> & { q?: unknown; started?: boolean } }
  const logdrive = page.logdrive || {}
  page.logdrive = logdrive
  if (logdrive.started) return
  logdrive.started = true
  let replayedMs: number | undefined
  const api = start(readOptions(script), () => replayedMs || Date.now())
  for (const name of METHODS) logdrive[name] = quietly((api[name] || (() => {})) as () => void)
  const call = quietly(([name, values, ts]: Call) => {
    const method = logdrive[name as keyof Api] as ((...values: unknown[]) => void) | undefined
    replayedMs = ts
    if (method) method(...values)
    replayedMs = undefined
  })
  const calls = (logdrive.q || []) as Call[]
  logdrive.q = { push: call }
  calls.forEach(call)
}

const script = document.currentScript
const begin = () => install(script)
// A page that is rendered ahead has no visitor yet, and may never have one.
if ((document as { prerendering?: boolean }).prerendering) listen('prerenderingchange', begin)
else quietly(begin)()
