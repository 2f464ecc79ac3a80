// Comes before t.js: the stub that keeps early calls, and a look at the tracker's own requests for the panel.
;(() => {
  const KEPT_MAX = 12
  const KEPT_KEY = 'demo.events'

  const logdrive = window.logdrive || { q: [] }
  window.logdrive = logdrive
  for (const method of ['track', 'page', 'search', 'identify', 'metric', 'reset', 'flush']) {
    logdrive[method] = logdrive[method] || ((...values) => logdrive.q.push([method, values, Date.now()]))
  }

  /** id -> { event, state }, the latest of this tab; kept for its next page. */
  const seen = new Map()
  window.demoEvents = seen
  try {
    for (const entry of JSON.parse(sessionStorage.getItem(KEPT_KEY) || '[]')) seen.set(entry.event.id, entry)
  } catch {
    // Without storage the panel starts empty on every page.
  }

  const note = (events, state) => {
    for (const event of events) {
      // Sent again after an answer that the last page did not live to see: what is stored stays stored.
      if (seen.get(event.id)?.state !== 'stored') seen.set(event.id, { event, state })
    }
    // By their time, not by arrival: what earlier pages could not send comes after the events of this one.
    const byTime = [...seen.values()].sort((a, b) => a.event.ts - b.event.ts)
    for (const { event } of byTime.slice(0, -KEPT_MAX)) seen.delete(event.id)
    try {
      sessionStorage.setItem(KEPT_KEY, JSON.stringify([...seen.values()]))
    } catch {
      // As above.
    }
    dispatchEvent(new Event('demo-events'))
  }

  const read = async (body, response) => {
    const { events } = JSON.parse(await body.text())
    note(events, 'sent')
    const { ok, status } = await response.catch(() => ({ status: 503 }))
    if (ok) note(events, 'stored')
    else note(events, status === 429 || status > 499 ? 'will be sent again' : `refused (${status})`)
  }

  const { fetch } = window
  window.fetch = (url, options) => {
    const response = fetch(url, options)
    if (String(url).includes('/v1/e')) void read(options.body, response)
    return response
  }
})()
