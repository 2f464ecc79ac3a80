// What the tracker sees on a page, in a real Chromium: views, clicks, searches, calls, errors.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, html, launchChromium, openWorld, quiet, type WireEvent, type World } from './world.ts'

describe('the tracker on a page', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
  })

  const ofType = (world: World, type: string) => world.kept().filter((event) => event.type === type)
  const arrive = (world: World, type: string, count: number): Promise<WireEvent[]> =>
    eventually(
      () => ofType(world, type).length >= count && ofType(world, type),
      () => world.kept().map(({ type, props }) => ({ type, props })),
    )
  const visit = async (world: World, path: string, body: string): Promise<Page> => {
    world.pages.set(path.split('?')[0] as string, html(world, 'A shop', body))
    const page = await world.open()
    await page.goto(world.shop + path)
    return page
  }

  it('records a page view on load, without a preflight, in the wire format', async () => {
    await using world = await openWorld(browser)
    world.attributes = 'data-key="a key"'
    await visit(world, '/start?utm_source=mail#token=secret', 'hello')
    const [view] = await arrive(world, 'page_view', 1)
    const [arrival] = world.arrivals
    expect(arrival).toMatchObject({ method: 'POST', url: '/v1/e?k=a+key', contentType: 'text/plain' })
    expect(arrival?.body).toMatchObject({
      v: 1,
      site: 'shop',
      user_id: '',
      context: {
        lib: 'logdrive.js',
        screen: [1200, 800],
        viewport: [1200, 800],
        locale: 'en-GB',
        consent: '',
      },
    })
    for (const id of ['source', 'anonymous_id', 'session_id', 'tab_id'] as const) {
      expect(arrival?.body[id]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
    }
    expect(view).toMatchObject({
      n: 1,
      url: `${world.shop}/start?utm_source=mail`,
      title: 'A shop',
      referrer: '',
      props: { navigation_type: 'navigate' },
    })
    const idTime = Number.parseInt((view as WireEvent).id.replace('-', '').slice(0, 12), 16)
    expect(idTime).toBe(view?.ts)
    expect(world.arrivals.some(({ method }) => method === 'OPTIONS')).toBe(false)
  })

  it('records each route of a single-page application once, with the title it gets and the route before', async () => {
    await using world = await openWorld(browser)
    const page = await visit(world, '/', 'app')
    await arrive(world, 'page_view', 1)
    await page.evaluate(`history.pushState({}, '', '/shoes'); document.title = 'Shoes'`)
    await arrive(world, 'page_view', 2)
    await page.evaluate(`history.replaceState({}, '', '/shoes#size')`)
    await page.evaluate(`history.replaceState({}, '', '/shoes?page=2')`)
    await arrive(world, 'page_view', 3)
    await page.goBack()
    await arrive(world, 'page_view', 4)
    await quiet(page)
    const views = ofType(world, 'page_view')
    expect(
      views.map(({ url, props, referrer }) => [
        url.replace(world.shop, ''),
        props.navigation_type,
        referrer.replace(world.shop, ''),
      ]),
    ).toEqual([
      ['/', 'navigate', ''],
      ['/shoes', 'push', '/'],
      ['/shoes?page=2', 'replace', '/shoes'],
      ['/', 'pop', '/shoes?page=2'],
    ])
    expect(views[1]?.title).toBe('Shoes')
    expect(new Set(views.map(({ page_view_id }) => page_view_id)).size).toBe(4)
    expect(views.map(({ n }) => n)).toEqual([1, 2, 3, 4])
  })

  it('records a click with its element, its text and where it leads', async () => {
    await using world = await openWorld(browser)
    const page = await visit(
      world,
      '/',
      `<main id="list"><p>plain text</p>
       <button class="buy big" name="add" data-logdrive-action="add_to_cart" data-logdrive-product-id="p7"><span>  Add <b>to cart</b></span></button>
       <a class="away" href="https://example.org/manual.pdf#page=2" onclick="event.preventDefault()">Manual</a>
       <a class="mail" href="mailto:ada@example.org" onclick="event.preventDefault()">Write</a>
       <div data-logdrive-ignore><button class="secret">Secret</button></div></main>`,
    )
    for (const selector of ['p', '.buy b', '.away', '.mail', '.secret']) await page.click(selector)
    const clicks = await arrive(world, 'click', 3)
    await quiet(page)
    expect(ofType(world, 'click')).toHaveLength(3)
    expect(clicks[0]?.props).toMatchObject({
      action: 'add_to_cart',
      productId: 'p7',
      el_tag: 'button',
      el_name: 'add',
      el_classes: ['buy', 'big'],
      el_text: 'Add to cart',
      selector: '#list > button.buy',
      button: 0,
    })
    expect(clicks[0]?.props.x).toBeGreaterThan(0)
    expect(clicks[1]?.props).toMatchObject({
      href: 'https://example.org/manual.pdf',
      is_outbound: true,
      is_download: true,
      file_extension: 'pdf',
      selector: '#list > a.away:nth-of-type(1)',
    })
    expect(clicks[2]?.props).toMatchObject({ href: 'mailto:', el_text: 'Write' })
    const found = await page.locator(String(clicks[1]?.props.selector)).getAttribute('class')
    expect(found).toBe('away')
  })

  it('never sends what a visitor typed', async () => {
    await using world = await openWorld(browser)
    const page = await visit(
      world,
      '/',
      `<form onsubmit="event.preventDefault()"><input id="a" type="text" name="card"><input id="b" type="password" name="q">
       <textarea id="c">typed-default</textarea><div id="d" contenteditable role="button">typed-editable</div>
       <button id="e">Go <textarea>typed-inside</textarea></button><input id="f" type="submit" value="typed-submit"></form>`,
    )
    for (const id of ['#a', '#b', '#c', '#d']) {
      await page.click(id)
      await page.keyboard.type('typed-4111111111111111')
    }
    await page.click('#e', { position: { x: 4, y: 4 } })
    await page.click('#f')
    await arrive(world, 'click', 6)
    await page.goto('about:blank')
    await eventually(
      () => ofType(world, 'metric').length > 0,
      () => world.kept(),
    )
    expect(world.arrivals.map(({ text }) => text).join('\n')).not.toContain('typed')
    expect(ofType(world, 'click').map(({ props }) => props.el_text)).toEqual(['', '', '', '', 'Go', ''])
  })

  it('records a search in the address once, and again for the next term', async () => {
    await using world = await openWorld(browser)
    const page = await visit(world, '/find?keyword=%20red%20%20shoes%20', '')
    const [search] = await arrive(world, 'search', 1)
    expect(search?.props).toEqual({ search_term: 'red shoes', source: 'url', param: 'keyword' })
    expect(search?.page_view_id).toBe(ofType(world, 'page_view')[0]?.page_view_id)
    await page.evaluate(`history.pushState({}, '', '/find?q=')`)
    await page.evaluate(`history.pushState({}, '', '/find?q=hats')`)
    await arrive(world, 'search', 2)
    await quiet(page)
    expect(ofType(world, 'search').map(({ props }) => props.search_term)).toEqual(['red shoes', 'hats'])
  })

  const form = (attributes: string, name = 'q') =>
    `<form role="search" ${attributes}><input type="search" name="${name}"><button>Search</button></form>`
  const searchFor = async (page: Page, term: string) => {
    await page.fill('input[type=search]', term)
    await page.keyboard.press('Enter')
  }

  it('counts a form that leads to an address with the term once', async () => {
    await using world = await openWorld(browser)
    world.pages.set('/find', html(world, 'Found', 'found'))
    const page = await visit(world, '/', form('action="/find"'))
    await searchFor(page, 'boots')
    await page.waitForURL('**/find?q=boots')
    await arrive(world, 'page_view', 2)
    await quiet(page)
    expect(ofType(world, 'search').map(({ props }) => props)).toEqual([
      { search_term: 'boots', source: 'url', param: 'q' },
    ])
  })

  it('counts a form that is posted, and the address it is redirected to, once', async () => {
    await using world = await openWorld(browser)
    world.pages.set('/find', html(world, 'Found', 'found'))
    const page = await visit(world, '/', form('method="post" action="/find?q=boots"', 'term'))
    await searchFor(page, 'boots')
    await page.waitForURL('**/find?q=boots')
    await arrive(world, 'page_view', 2)
    await quiet(page)
    expect(ofType(world, 'search').map(({ props }) => props)).toEqual([
      { search_term: 'boots', source: 'form', param: 'term' },
    ])
  })

  it('counts a form that a script answers once, with or without a route', async () => {
    await using world = await openWorld(browser)
    const page = await visit(
      world,
      '/',
      form(
        `onsubmit="event.preventDefault(); if (window.route) history.pushState({}, '', '/?q=' + this.q.value)"`,
      ),
    )
    await arrive(world, 'page_view', 1)
    await searchFor(page, 'hats')
    await arrive(world, 'search', 1)
    await page.evaluate('window.route = true')
    await searchFor(page, 'gloves')
    await arrive(world, 'search', 2)
    await quiet(page)
    expect(ofType(world, 'search').map(({ props }) => [props.search_term, props.source])).toEqual([
      ['hats', 'form'],
      ['gloves', 'form'],
    ])
    expect(ofType(world, 'page_view')).toHaveLength(2)
  })

  it('answers calls made before it came, in order and with their time', async () => {
    await using world = await openWorld(browser)
    world.pages.set(
      '/',
      `<!doctype html><title>Early</title><script>
        window.logdrive = window.logdrive || { q: [] };
        'track page search identify metric reset flush'.split(' ').forEach(function (m) {
          logdrive[m] = function () { logdrive.q.push([m, arguments, Date.now() - 5000]) }
        });
        logdrive.track('signup', { plan: 'pro', value: 3, event: 'never this' });
        logdrive.identify('ada', { age: 36 });
        logdrive.metric('queue', '7', { unit: 'jobs' });
      </script>${html(world, 'Early', '')}`,
    )
    const page = await world.open()
    await page.goto(world.shop)
    await arrive(world, 'metric', 1)
    const events = world.kept()
    expect(events.map(({ type, n }) => [type, n])).toEqual([
      ['page_view', 1],
      ['track', 2],
      ['identify', 3],
      ['metric', 4],
    ])
    expect(events[1]?.props).toEqual({ plan: 'pro', value: 3, event: 'signup' })
    expect(events[2]?.props).toEqual({ user_id: 'ada', traits: { age: 36 } })
    expect(events[3]?.props).toEqual({ metric: 'queue', value: 7, unit: 'jobs' })
    expect((events[0] as WireEvent).ts - (events[1] as WireEvent).ts).toBeGreaterThan(3000)
    expect(
      world.arrivals.find(({ body }) => body.events.some(({ type }) => type === 'identify'))?.body.user_id,
    ).toBe('ada')
    await page.evaluate(
      `logdrive.reset(); logdrive.search('api term', { results_count: 0 }); logdrive.flush()`,
    )
    const [search] = await arrive(world, 'search', 1)
    expect(search?.props).toEqual({ source: 'api', results_count: 0, search_term: 'api term' })
    const [first, last] = [world.arrivals[0], world.arrivals[world.arrivals.length - 1]]
    expect(last?.body.user_id).toBe('')
    expect(last?.body.anonymous_id).not.toBe(first?.body.anonymous_id)
    expect(last?.body.session_id).not.toBe(first?.body.session_id)
    expect(last?.body.source).toBe(first?.body.source)
  })

  it('records errors nobody caught, ten a page view at most, and breaks nothing', async () => {
    await using world = await openWorld(browser)
    const page = await visit(
      world,
      '/',
      `<img src="/missing.png"><button id="late" onclick="Promise.reject(new Error('late'))">Reject</button>
       <button id="boom" onclick="setTimeout(() => { throw new TypeError('boom') });
         for (let i = 0; i < 30; i++) setTimeout(() => JSON.parse('{'))">Break</button>`,
    )
    await page.click('#late')
    await arrive(world, 'error', 1)
    await page.click('#boom')
    const errors = await arrive(world, 'error', 10)
    await quiet(page)
    expect(ofType(world, 'error')).toHaveLength(10)
    const boom = errors.find(({ props }) => props.exception_type === 'TypeError')
    expect(boom?.props).toMatchObject({ message: 'boom', mechanism: 'onerror' })
    expect(boom?.props.stacktrace).toContain('TypeError: boom')
    expect(
      errors.some(({ props }) => props.mechanism === 'unhandledrejection' && props.message === 'late'),
    ).toBe(true)
    await page.evaluate(
      `logdrive.track('cycle', (() => { const a = {}; a.a = a; return a })()); logdrive.track('after')`,
    )
    await arrive(world, 'track', 1)
  })

  it('leaves what data-off names alone', async () => {
    await using world = await openWorld(browser)
    world.attributes = 'data-off="clicks, searches errors"'
    const page = await visit(world, '/?q=shoes', '<button>Buy</button>')
    await arrive(world, 'page_view', 1)
    await page.click('button')
    await page.evaluate(`setTimeout(() => { throw new Error('x') }); logdrive.track('mine')`)
    await arrive(world, 'track', 1)
    await quiet(page)
    expect(world.kept().map(({ type }) => type)).toEqual(['page_view', 'track'])
  })
})
