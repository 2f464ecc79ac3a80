// What becomes of an event when pages are left, collectors fail and storage is forbidden, in a real Chromium.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, html, launchChromium, openWorld, quiet, type World } from './world.ts'

/** On loopback without latency even a plain fetch survives its page, and a test would prove nothing. */
const LATENCY_MS = 150

describe('delivery', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
  })

  const tracked = (world: World) =>
    world
      .kept()
      .filter(({ type }) => type === 'track')
      .map(({ props }) => props.event)
  const visit = async (world: World, page?: Page): Promise<Page> => {
    const to = page ?? (await world.open())
    await to.goto(`${world.shop}/`)
    await to.waitForFunction('window.logdrive && window.logdrive.started')
    return to
  }
  const start = async (latencyMs = 0): Promise<World> => {
    const world = await openWorld(browser, latencyMs)
    world.pages.set('/', html(world, 'Home', '<a href="/next">Next</a>'))
    world.pages.set('/next', '<!doctype html><title>A page without a tracker</title>')
    return world
  }

  it('sends one batch 250 ms after the first event, or at once from 20', async () => {
    await using world = await start()
    const page = await visit(world)
    await eventually(
      () => world.arrivals.length === 1,
      () => world.arrivals,
    )
    // The answer must be in too: what is recorded while a batch is under way leaves right behind it.
    await quiet(page)
    await page.evaluate(`for (const n of [1, 2, 3]) logdrive.track('few' + n)`)
    await eventually(
      () => tracked(world).length === 3,
      () => tracked(world),
    )
    expect(world.arrivals).toHaveLength(2)
    await page.evaluate(`for (let n = 0; n < 20; n++) logdrive.track('many' + n)`)
    await eventually(
      () => tracked(world).length === 23,
      () => tracked(world),
    )
    const lags = world.arrivals.map(({ body }) => body.sent_at - (body.events[0]?.ts ?? 0))
    expect(lags[1]).toBeGreaterThanOrEqual(240)
    expect(lags[2]).toBeLessThan(200)
  })

  it('delivers the click that leaves the page, over a slow wire, once', async () => {
    await using world = await start(LATENCY_MS)
    const page = await visit(world)
    await eventually(
      () => world.arrivals.length === 1,
      () => world.arrivals,
    )
    await page.click('a')
    await page.waitForURL('**/next')
    await eventually(
      () => world.kept().some(({ type }) => type === 'click'),
      () => world.arrivals,
    )
    const click = world.kept().find(({ type }) => type === 'click')
    expect(click?.props).toMatchObject({ el_text: 'Next', href: `${world.shop}/next`, is_outbound: false })
    expect(
      world.arrivals.every(({ contentType, method }) => method === 'POST' && contentType === 'text/plain'),
    ).toBe(true)
    await eventually(
      () => world.kept().filter(({ type }) => type === 'metric').length >= 2,
      () => world.kept(),
    )
    const metrics = world.kept().filter(({ type }) => type === 'metric')
    expect(metrics.map(({ props }) => props.metric)).toEqual(expect.arrayContaining(['lcp', 'cls']))
    expect(metrics.every(({ props }) => props.kind === 'web_vital' && props.rating === 'good')).toBe(true)
  })

  it('never lets an event overtake another of its source, however pages end', async () => {
    await using world = await start(LATENCY_MS)
    for (let i = 0; i < 3; i++) {
      const page = await visit(world)
      await page.evaluate(`for (let n = 0; n < 45; n++) logdrive.track('e' + n, { text: 'x'.repeat(300) })`)
      await page.goto(`${world.shop}/next`)
      await visit(world, page)
      await eventually(
        () => new Set(tracked(world)).size === 45 && tracked(world).length === 45 * (i + 1),
        () => tracked(world).length,
      )
    }
    // As the collector sees it: whatever is not above the last kept position of its source is a duplicate.
    const last = new Map<string, number>()
    const kept: string[] = []
    for (const { body } of world.arrivals) {
      for (const { n, id } of body.events) {
        if (n <= (last.get(body.source) ?? 0)) continue
        expect(n).toBe((last.get(body.source) ?? 0) + 1)
        last.set(body.source, n)
        kept.push(id)
      }
    }
    expect(kept).toHaveLength(world.kept().length)
  })

  it('repeats after 503 and after a lost answer with the same ids and positions, and waits as it is told', async () => {
    await using world = await start()
    world.answers.push({ status: 503, headers: { 'retry-after': '2' } }, null)
    const page = await visit(world)
    await eventually(
      () => world.arrivals.length >= 1,
      () => world.arrivals,
    )
    await page.evaluate(`logdrive.track('later')`)
    const from = performance.now()
    await eventually(
      () => world.arrivals.length >= 3,
      () => world.arrivals,
    )
    expect(performance.now() - from).toBeGreaterThan(1800)
    await quiet(page)
    const sent = world.arrivals.map(({ body }) => body.events.map(({ id, n }) => `${n} ${id}`))
    expect(sent).toHaveLength(3)
    expect(sent[0]).toHaveLength(1)
    expect(sent[1]).toHaveLength(2)
    expect(sent[1]?.[0]).toBe(sent[0]?.[0])
    expect(sent[2]).toEqual(sent[1])
  })

  it('repeats only what the collector asks for, and counts what it refuses', async () => {
    await using world = await start()
    world.answers.push({ status: 200 })
    const page = await visit(world)
    await eventually(
      () => world.arrivals.length === 1,
      () => world.arrivals,
    )
    world.answers.push({ status: 422 })
    await page.evaluate(`logdrive.track('refused')`)
    await eventually(
      () => world.arrivals.length === 2,
      () => world.arrivals,
    )
    await page.evaluate(`logdrive.track('good')`)
    await eventually(
      () => world.arrivals.length === 3,
      () => world.arrivals,
    )
    await quiet(page)
    expect(world.arrivals.map(({ body }) => body.events.map(({ n }) => n))).toEqual([[1], [2], [3]])
    await page.goto('about:blank')
    const lost = () => world.kept().find(({ props }) => props.metric === 'logdrive_lost')
    await eventually(lost, () => world.kept())
    expect(lost()?.props.value).toBe(1)
  })

  it('keeps what a closed page could not deliver for the next visit, under its old source', async () => {
    await using world = await start()
    for (let i = 0; i < 30; i++) world.answers.push({ status: 503 })
    const page = await visit(world)
    await page.evaluate(`for (let n = 0; n < 5; n++) logdrive.track('kept' + n)`)
    await page.goto(`${world.shop}/next`)
    const stored = await page.evaluate(() =>
      Object.keys(localStorage).filter((key) => key.startsWith('logdrive.queue.')),
    )
    expect(stored).toHaveLength(1)
    await eventually(
      () => world.arrivals.some(({ body }) => body.events.length >= 6),
      () => world.arrivals,
    )
    world.answers.length = 0
    const source = world.arrivals[0]?.body.source
    await visit(world, page)
    await eventually(
      () => tracked(world).length === 5,
      () => world.arrivals.map(({ status }) => status),
    )
    const again = world.arrivals.find(({ body, status }) => status === 200 && body.source === source)
    expect(again?.body.events.slice(0, 6).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6])
    const left = () =>
      page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('logdrive.queue.')))
    await eventually(
      async () => (await left()).length === 0,
      () => world.arrivals,
    )
  })

  it('bounds what waits in memory, and sends it in bodies a leaving page may send', async () => {
    await using world = await start()
    world.answers.push({ status: 503 })
    const page = await visit(world)
    await page.evaluate(`for (let n = 0; n < 1000; n++) logdrive.track('e' + n, { text: 'ü'.repeat(1000) })
      logdrive.track('giant', { text: 'x'.repeat(40000) })`)
    await page.goto(`${world.shop}/next`)
    await visit(world, page)
    await eventually(
      () => tracked(world).length > 25,
      () => tracked(world).length,
    )
    expect(tracked(world)).toEqual(tracked(world).map((_, n) => `e${n}`))
    for (const { text } of world.arrivals) expect(Buffer.byteLength(text)).toBeLessThan(65_536)
  })

  it('counts what had no room, even when nothing else has room any more', async () => {
    await using world = await start()
    world.answers.push({ status: 503 })
    const page = await visit(world)
    await page.evaluate(`for (let n = 0; n < 1000; n++) logdrive.track('e' + n, { text: 'x'.repeat(1000) })
      logdrive.track('giant', { text: 'x'.repeat(40000) })
      Object.defineProperty(document, 'hidden', { value: true })
      document.dispatchEvent(new Event('visibilitychange'))`)
    const lost = () => world.kept().find(({ props }) => props.metric === 'logdrive_lost')
    await eventually(lost, () => world.kept().length)
    await eventually(
      () => tracked(world).length + (lost()?.props.value as number) === 1001,
      () => [tracked(world).length, lost()?.props.value],
    )
    expect(tracked(world)).toEqual(tracked(world).map((_, n) => `e${n}`))
  })

  it('bounds what it stores, over all tabs', async () => {
    await using world = await start()
    for (let i = 0; i < 100; i++) world.answers.push({ status: 503 })
    const context = await world.newContext()
    for (let tab = 0; tab < 3; tab++) {
      const page = await visit(world, await context.newPage())
      await page.evaluate(`for (let n = 0; n < 60; n++) logdrive.track('e' + n, { text: 'ü'.repeat(1000) })`)
      await page.goto(`${world.shop}/next`)
      const size = await page.evaluate(() =>
        JSON.stringify(Object.entries(localStorage).map(([, value]) => value.length)),
      )
      const characters = JSON.parse(size).reduce((sum: number, length: number) => sum + length, 0)
      expect(characters).toBeGreaterThan(20_000)
      expect(characters).toBeLessThan(101_000)
    }
  })

  it.each([
    [
      'forbidden',
      `for (const area of ['localStorage', 'sessionStorage']) Object.defineProperty(window, area, { get() { throw new DOMException('no', 'SecurityError') } })`,
    ],
    ['full', `Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }`],
    [
      'poisoned',
      `for (const key of ['anonymous', 'session', 'user', 'search', 'queue.x', 'queue.y']) localStorage.setItem('logdrive.' + key, '[null,{"ts":9e15}]')`,
    ],
  ])('works where storage is %s, with one visitor and session for the page', async (_, script) => {
    await using world = await start()
    const page = await world.open({ script })
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(String(error)))
    await visit(world, page)
    await page.evaluate(`logdrive.track('one'); logdrive.identify('ada')`)
    await eventually(
      () => tracked(world).length === 1,
      () => world.arrivals,
    )
    await page.evaluate(`logdrive.track('two')`)
    await eventually(
      () => tracked(world).length === 2,
      () => world.arrivals,
    )
    const good = world.arrivals.filter(({ body }) => body.site === 'shop')
    for (const name of ['anonymous_id', 'session_id', 'tab_id', 'source'] as const) {
      expect(new Set(good.map(({ body }) => body[name])).size).toBe(1)
    }
    expect(good[good.length - 1]?.body.user_id).toBe('ada')
    expect(problems).toEqual([])
  })

  const launchWithPageCache = async () => {
    const cached = await launchChromium(['--disable-back-forward-cache'])
    return { browser: cached, [Symbol.asyncDispose]: () => cached.close() }
  }

  const withSignal = `Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })`

  it('keeps nothing on the device of a visitor who sends Global Privacy Control', async () => {
    await using world = await start()
    const page = await visit(world, await world.open({ script: withSignal }))
    await page.evaluate(`logdrive.track('one')`)
    await eventually(
      () => tracked(world).length === 1,
      () => world.arrivals,
    )
    expect(world.arrivals[0]?.body).toMatchObject({ anonymous_id: '', context: { consent: 'gpc' } })
    expect(await page.evaluate(() => localStorage.length + sessionStorage.length)).toBe(0)
  })

  it('is silent for such a visitor with data-gpc="off", and its calls do nothing', async () => {
    await using world = await start()
    world.attributes = 'data-gpc="off"'
    world.pages.set('/', html(world, 'Home', '<button>Buy</button>'))
    const page = await visit(world, await world.open({ script: withSignal }))
    await page.click('button')
    await page.evaluate(`logdrive.track('one'); logdrive.q.push(['track', ['two']]); logdrive.flush()`)
    await quiet(page)
    expect(world.arrivals).toEqual([])
  })

  it('shares a session between tabs and starts a new one after 30 minutes without activity', async () => {
    await using world = await start()
    const context = await world.newContext()
    const one = await visit(world, await context.newPage())
    const two = await visit(world, await context.newPage())
    await eventually(
      () => world.arrivals.length >= 2,
      () => world.arrivals,
    )
    const [first, second] = world.arrivals.map(({ body }) => body)
    expect(second?.session_id).toBe(first?.session_id)
    expect(second?.anonymous_id).toBe(first?.anonymous_id)
    expect(second?.tab_id).not.toBe(first?.tab_id)
    const old = await one.evaluate(() => {
      const [id] = (localStorage.getItem('logdrive.session') as string).split(' ')
      localStorage.setItem('logdrive.session', `${id} ${Date.now() - 31 * 60_000}`)
      return localStorage.getItem('logdrive.session')
    })
    // A tab with a process of its own sees a while later what another one stored.
    await two.waitForFunction((value) => localStorage.getItem('logdrive.session') === value, old)
    await two.evaluate(`logdrive.track('back')`)
    await eventually(
      () => tracked(world).length === 1,
      () => world.arrivals,
    )
    const last = world.arrivals.find(({ text }) => text.includes('"back"'))?.body
    expect(last).toBeDefined()
    expect(last?.session_id).not.toBe(first?.session_id)
    expect(last?.anonymous_id).toBe(first?.anonymous_id)
  })

  it('records a view when a page comes back from the back/forward cache, as the same source', async () => {
    await using world = await start()
    world.pages.set('/next', html(world, 'Next', ''))
    // Playwright switches the cache off in its own Chromium.
    await using other = await launchWithPageCache()
    const page = await other.browser.newPage()
    await visit(world, page)
    await eventually(
      () => world.kept().length >= 1,
      () => world.arrivals,
    )
    await page.goto(`${world.shop}/next`)
    await page.evaluate('history.back()')
    const back = () => world.kept().find(({ props }) => props.navigation_type === 'back_forward_cache')
    await eventually(back, () => world.kept())
    expect(back()?.url).toBe(`${world.shop}/`)
    expect(back()?.page_view_id).not.toBe(world.kept()[0]?.page_view_id)
    const bodyOf = (id: string | undefined) =>
      world.arrivals.find(({ body }) => body.events.some((event) => event.id === id))
    expect(bodyOf(back()?.id)?.body.source).toBe(world.arrivals[0]?.body.source)
  })

  it('runs once on a page that loads it twice', async () => {
    await using world = await start()
    world.pages.set('/', html(world, 'Home', `<script src="${world.collector}/t.js"></script>`))
    const page = await visit(world)
    await quiet(page)
    expect(world.kept().map(({ type }) => type)).toEqual(['page_view'])
  })
})
