// The demo shop in a real Chromium: every page works under /demo, and what it shows as stored is what arrived.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readStatics } from '../../cli/statics.ts'
import { eventually, launchChromium, type WireBody, type WireEvent } from './world.ts'

const types: Record<string, string> = { html: 'text/html', js: 'text/javascript', css: 'text/css' }
/** What the collector says about its pages: only their own files run. */
const policy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

interface Shop extends AsyncDisposable {
  readonly url: string
  readonly events: WireEvent[]
}

/** Serves the files that a collector serves, at their paths; index.html is /demo/. */
async function openShop(): Promise<Shop> {
  const files = new Map<string, [type: string, bytes: Uint8Array]>()
  for (const [path, bytes] of await readStatics({ demo: true })) {
    const type = types[path.split('.')[1] ?? 'html'] as string
    files.set(path.replace(/index\.html$/, ''), [`${type}; charset=utf-8`, bytes])
  }
  const events: WireEvent[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const path = new URL(request.url ?? '', 'http://x').pathname
      const file = files.get(path)
      if (path === '/v1/e') {
        const body: WireBody = JSON.parse(Buffer.concat(chunks).toString())
        events.push(...body.events.filter(({ id }) => !events.some((event) => event.id === id)))
        response.end(
          JSON.stringify({
            results: Object.fromEntries(body.events.map(({ id }) => [id, { result: 'ok' }])),
          }),
        )
      } else if (file === undefined) response.writeHead(404).end('not found')
      else
        response.writeHead(200, { 'content-type': file[0], 'content-security-policy': policy }).end(file[1])
    })
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

describe('the demo shop', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
  })

  /** Set LOGDRIVE_SCREENSHOTS to a folder to look at the pages. */
  const look = async (page: Page, name: string) => {
    const to = process.env.LOGDRIVE_SCREENSHOTS
    if (to) await page.screenshot({ path: `${to}/${name}.png`, fullPage: true })
  }

  it('walks through the shop and shows each event as stored', async () => {
    await using shop = await openShop()
    const page = await browser.newPage({ viewport: { width: 1200, height: 800 } })
    const problems: string[] = []
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    page.on('pageerror', (error) => problems.push(String(error)))
    const stored = (text: string) =>
      eventually(
        async () => (await page.locator('.events li', { hasText: text }).locator('.stored').count()) > 0,
        () => shop.events.map(({ type, props }) => [type, props]),
      )

    await page.goto(`${shop.url}/demo/`)
    await stored('/demo/')
    await look(page, 'home')
    await page.click('nav a:has-text("Products")')
    await stored('/demo/products')
    await page.locator('.card', { hasText: 'Wool blanket' }).locator('button').click()
    await stored('add_to_cart')
    await look(page, 'products')
    await page.click('.card-link:has-text("Wool blanket")')
    await stored('/demo/product?id=blanket')
    expect(await page.title()).toBe('Wool blanket: Fell & Fen')
    await look(page, 'product')
    await page.fill('input[type=search]', 'wool')
    await page.keyboard.press('Enter')
    await stored('“wool” (url)')
    expect(await page.locator('main .card').count()).toBe(2)
    await look(page, 'search')
    await page.click('nav a:has-text("Cart")')
    await page.click('button:has-text("One more"), button[aria-label="One Wool blanket more"]')
    await page.click('button:has-text("Sign in as Ada")')
    await stored('ada')
    await look(page, 'cart')
    await page.click('button:has-text("Order for € 178")')
    await stored('order')

    const types = new Set(shop.events.map(({ type }) => type))
    expect([...types].sort()).toEqual(['click', 'identify', 'metric', 'page_view', 'search', 'track'])
    const added = shop.events.find(({ props }) => props.action === 'add_to_cart')
    expect(added?.props).toMatchObject({ product: 'blanket', price: '89', el_text: 'Add to cart' })
    expect(shop.events.filter(({ type }) => type === 'search')).toHaveLength(1)
    expect(problems).toEqual([])
    await page.close()
  })

  it('fits a phone without scrolling sideways', async () => {
    await using shop = await openShop()
    const page = await browser.newPage({ viewport: { width: 375, height: 740 } })
    for (const path of ['', 'products', 'product?id=lamp', 'search?q=wool', 'cart']) {
      await page.goto(`${shop.url}/demo/${path}`)
      await page.waitForSelector('.live')
      const width = await page.evaluate('document.documentElement.scrollWidth')
      expect(width, path).toBeLessThanOrEqual(375)
    }
    await page.goto(`${shop.url}/demo/`)
    await eventually(
      async () => (await page.locator('.stored').count()) > 0,
      () => shop.events,
    )
    await look(page, 'phone')
    await page.close()
  })
})
