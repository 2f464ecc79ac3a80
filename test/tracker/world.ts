// A small world for the tracker: a shop on one origin, a collector on another, slow wires, a real Chromium.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { SCRIPT_PATH } from '../../tracker/build.ts'
import { requireChromium } from '../integration/install-chromium.ts'

export interface WireEvent {
  readonly id: string
  readonly n: number
  readonly type: string
  readonly ts: number
  readonly page_view_id: string
  readonly url: string
  readonly title: string
  readonly referrer: string
  readonly props: Readonly<Record<string, unknown>>
}

export interface WireBody {
  readonly v: number
  readonly site: string
  readonly source: string
  readonly sent_at: number
  readonly anonymous_id: string
  readonly user_id: string
  readonly session_id: string
  readonly tab_id: string
  readonly context: Record<string, unknown>
  readonly events: readonly WireEvent[]
}

export interface Arrival {
  readonly method: string
  readonly url: string
  readonly contentType: string
  readonly text: string
  readonly body: WireBody
  readonly status: number
}

/** What the collector answers to the next requests, one each; then 200 again. Null: it hangs up. */
export type Answer = {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly results?: object
} | null

export interface World extends AsyncDisposable {
  readonly shop: string
  readonly collector: string
  readonly arrivals: Arrival[]
  /** Everything the collector took with 200, each id once, in order of arrival. */
  kept(): WireEvent[]
  readonly answers: Answer[]
  /** Pages of the shop by path (with the query cut off). */
  readonly pages: Map<string, string>
  /** Attributes of the script tag for the next pages. */
  attributes: string
  open(options?: { readonly script?: string }): Promise<Page>
  readonly browser: Browser
  newContext(): Promise<BrowserContext>
}

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** `without` names arguments of Playwright's own that are not wanted. */
export async function launchChromium(without: string[] = []): Promise<Browser> {
  const executablePath = requireChromium()
  return chromium.launch({ executablePath, headless: true, args: ARGUMENTS, ignoreDefaultArgs: without })
}

/** A page with the tag in its head. */
export function html(world: Pick<World, 'collector' | 'attributes'>, title: string, body: string): string {
  const tag = `<script async src="${world.collector}/t.js" data-site="shop" ${world.attributes}></script>`
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>${tag}</head><body>${body}</body></html>`
}

/** `latencyMs` is added to every piece of data between page and collector, each way. */
export async function openWorld(browser: Browser, latencyMs = 0): Promise<World> {
  const script = readFileSync(SCRIPT_PATH)
  const arrivals: Arrival[] = []
  const answers: Answer[] = []
  const pages = new Map<string, string>()
  const contexts: BrowserContext[] = []

  const collect = async (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? '').split('?')[0]
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-expose-headers', 'retry-after')
    if (path === '/t.js') {
      response.setHeader('content-type', 'text/javascript')
      response.end(script)
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString('utf8')
    const answer = answers.length > 0 ? (answers.shift() as Answer) : { status: 200 }
    const body = text === '' ? null : JSON.parse(text)
    arrivals.push({
      method: request.method ?? '',
      url: request.url ?? '',
      contentType: request.headers['content-type'] ?? '',
      text,
      body,
      status: answer?.status ?? 0,
    })
    if (answer === null) {
      request.socket.destroy()
      return
    }
    const all = (body?.events ?? []).map((event: WireEvent) => [event.id, { result: 'ok' }])
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    response.end(JSON.stringify({ results: { ...Object.fromEntries(all), ...answer.results } }))
  }
  const shopServer = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const page = pages.get(path)
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' })
    request.resume()
    response.end(page ?? '<!doctype html><title>Not found</title>')
  })
  const collectorServer = createServer((request, response) => {
    collect(request, response).catch(() => response.destroy())
  })
  const shopPort = await listen(shopServer)
  const behindPort = await listen(collectorServer)
  const wire = createSlowWire(behindPort, latencyMs)
  const collectorPort = await listen(wire)

  const newContext = async () => {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: 'en-GB' })
    contexts.push(context)
    return context
  }
  return {
    shop: `http://localhost:${shopPort}`,
    collector: `http://127.0.0.1:${collectorPort}`,
    arrivals,
    answers,
    pages,
    attributes: '',
    browser,
    newContext,
    kept() {
      const seen = new Map<string, WireEvent>()
      for (const { body, status } of arrivals) {
        if (status === 200)
          for (const event of body?.events ?? []) seen.set(event.id, seen.get(event.id) ?? event)
      }
      return [...seen.values()]
    },
    async open({ script: initScript } = {}) {
      const context = await newContext()
      if (initScript !== undefined) await context.addInitScript(initScript)
      return context.newPage()
    },
    async [Symbol.asyncDispose]() {
      for (const context of contexts) await context.close()
      for (const server of [shopServer, collectorServer]) server.closeAllConnections()
      for (const server of [wire, shopServer, collectorServer]) server.close()
    },
  }
}

async function listen(server: Server | TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function createSlowWire(port: number, latencyMs: number): TcpServer {
  return createTcpServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), latencyMs))
      from.on('close', () => setTimeout(() => to.destroy(), latencyMs))
      from.on('error', () => to.destroy())
    }
  })
}

/** Polls until the answer is truthy; throws what `describe` says after the deadline. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  describe: () => unknown,
  deadlineMs = 10_000,
): Promise<Exclude<T, false>> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const answer = await ask()
    if (answer) return answer as Exclude<T, false>
    if (performance.now() > end) throw new Error(`not in ${deadlineMs} ms: ${JSON.stringify(describe())}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Lets time pass in which nothing should happen: longer than the tracker's own waits (50 and 250 ms). */
export async function quiet(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 400)))
}
