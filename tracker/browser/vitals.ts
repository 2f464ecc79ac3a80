// Web vitals of the page load, in a simple version: largest contentful paint, layout shift, slowest interaction.

import type { Props } from './recorder.ts'

interface Shift extends PerformanceEntry {
  readonly value: number
  readonly hadRecentInput: boolean
}

interface Interaction extends PerformanceEntry {
  readonly interactionId: number
}

/** Good up to the first, poor above the second (web.dev/articles/vitals). */
const BOUNDS: Record<string, readonly [number, number]> = {
  lcp: [2500, 4000],
  cls: [0.1, 0.25],
  inp: [200, 500],
}

/** Starts to measure; call the answer when the page is first hidden: then the figures stand. */
export function watchVitals(found: (props: Props) => void): () => void {
  const values: Record<string, number> = {}
  let windowValue = 0
  let windowStart = 0
  let windowEnd = 0

  // A page that was opened in the background has no figures worth keeping.
  if (document.hidden) return () => {}
  const observe = <E extends PerformanceEntry>(type: string, options: object, use: (entry: E) => void) => {
    if (PerformanceObserver.supportedEntryTypes.includes(type)) {
      const observer = new PerformanceObserver((list) => (list.getEntries() as E[]).forEach(use))
      observer.observe({ type, buffered: true, ...options })
      if (type === 'layout-shift') values.cls = 0
    }
  }

  observe('largest-contentful-paint', {}, (entry) => {
    values.lcp = entry.startTime
  })
  observe<Shift>('layout-shift', {}, (entry) => {
    if (entry.hadRecentInput) return
    // The worst session window: shifts less than 1 s apart, 5 s at most.
    const { startTime, value } = entry
    if (startTime - windowEnd > 1000 || startTime - windowStart > 5000) {
      windowStart = startTime
      windowValue = 0
    }
    windowEnd = startTime
    windowValue += value
    values.cls = Math.max(values.cls as number, windowValue)
  })
  observe<Interaction>('event', { durationThreshold: 40 }, (entry) => {
    if (entry.interactionId) values.inp = Math.max(values.inp || 0, entry.duration)
  })

  return () => {
    for (const metric of Object.keys(values)) {
      const value = values[metric] as number
      const [good, poor] = BOUNDS[metric] as readonly [number, number]
      found({
        metric,
        value: Number(value.toFixed(4)),
        unit: metric === 'cls' ? '' : 'ms',
        kind: 'web_vital',
        rating: value <= good ? 'good' : value <= poor ? 'needs-improvement' : 'poor',
      })
      delete values[metric]
    }
  }
}
