// The demo's access log: lines as nginx writes them ("combined"), from a made-up shop with made-up visitors.
import type { Clock, Random, Storage, StorageFile } from '../core/runtime.ts'

/** Chance for the generator: uniform in [0, 1). */
export type Dice = Pick<Random, 'next'>

const VISITORS = 2_000
const PRODUCTS = 'mug blanket boots lamp jacket tote kettle socks notebook stool candle apron'.split(' ')
const TERMS = [
  'wool',
  'boots',
  'rain+jacket',
  'candle',
  'caf%C3%A9',
  'green+lamp',
  'B%C3%BCcher',
  'gift',
  'xyzzy',
]
const ASSETS = [
  '/demo/demo.css',
  '/demo/shop.js',
  '/demo/products.js',
  '/t.js',
  '/demo/panel.css',
  '/favicon.ico',
]
/** From the most asked to the least. */
const PATHS = [
  '/demo/',
  '/demo/products',
  ...PRODUCTS.map((id) => `/demo/product?id=${id}`),
  '/demo/cart',
  ...TERMS.map((term) => `/demo/search?q=${term}`),
  '/demo/about',
  '/robots.txt',
  '/sitemap.xml',
  '/demo/size-guide.pdf',
]
const SCANS = [
  'GET /.env HTTP/1.1',
  'GET /wp-login.php HTTP/1.1',
  'POST /xmlrpc.php HTTP/1.1',
  'GET /cgi-bin/luci/;stok=/locale?form=country HTTP/1.1',
  'GET /demo/product?id=%27%20OR%201=1-- HTTP/1.1',
]
const REFERRERS = [
  '-',
  'https://shop.example/demo/',
  'https://shop.example/demo/products',
  'https://www.google.com/',
  'https://duckduckgo.com/',
  'https://news.ycombinator.com/item?id=4211',
  'https://example.org/blog/wolle-f%C3%BCr-den-winter',
]
const BROWSERS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.2 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36 Edg/148.0.0.0',
]
const BOTS = [
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
  'curl/8.14.1',
  'python-requests/2.32.5',
  '-',
]

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

const pathWeights = zipf(PATHS.length)
const visitorWeights = zipf(VISITORS)

/** One line without its newline; the same dice and time (ms since 1970) give the same line. */
export function generateLine(dice: Dice, timeMs: number): string {
  const visitor = draw(dice, visitorWeights)
  return writeLine(visitor, timeMs, exchange(dice, visitor))
}

/** What the visitor asked and got. */
interface Exchange {
  readonly request: string
  readonly status: number
  readonly bytes: number
  readonly referrer: string
  readonly agent: string
  readonly user?: string
}

function exchange(dice: Dice, visitor: number): Exchange {
  const kind = dice.next()
  if (kind < 0.004) return oddExchange(dice)
  const isBot = visitor % 17 === 3
  const agent = agentOf(dice, visitor, isBot ? BOTS : BROWSERS)
  const referrer = isBot ? '-' : oneOf(dice, REFERRERS)
  if (kind < 0.012) {
    return {
      request: oneOf(dice, SCANS),
      status: dice.next() < 0.9 ? 404 : 403,
      bytes: 153,
      referrer: '-',
      agent,
    }
  }
  if (kind < 0.32 && !isBot) {
    const request = `GET ${oneOf(dice, ASSETS)} HTTP/2.0`
    if (dice.next() < 0.45) return { request, status: 304, bytes: 0, referrer, agent }
    return { request, status: 200, bytes: size(dice, 9_000), referrer, agent }
  }
  if (kind < 0.42 && !isBot) {
    const status = dice.next() < 0.995 ? 200 : 503
    return { request: 'POST /v1/e HTTP/2.0', status, bytes: size(dice, 180), referrer, agent }
  }
  const path = PATHS[draw(dice, pathWeights)] as string
  const status = statusOf(dice, path)
  const bytes = status === 200 ? size(dice, 14_000) : status < 400 ? 0 : 153
  return { request: `GET ${path} HTTP/${isBot ? '1.1' : '2.0'}`, status, bytes, referrer, agent }
}

/** What real logs also hold: empty requests, TLS spoken to a plain port, quotes, raw UTF-8, a user, long lines. */
function oddExchange(dice: Dice): Exchange {
  const plain = { status: 200, bytes: 4_211, referrer: '-', agent: BROWSERS[0] as string }
  return oneOf<Exchange>(dice, [
    { ...plain, request: '', status: 400, bytes: 0, agent: '-' },
    { ...plain, request: '\\x16\\x03\\x01\\x00\\xEE\\x01\\x00', status: 400, bytes: 157, agent: '-' },
    { ...plain, request: 'GET /demo/search?q=\\x22quoted\\x22 HTTP/1.1' },
    { ...plain, request: 'GET /demo/search?q=Müller&ort=東京 HTTP/1.1', agent: 'Mozilla/5.0 (日本語; 🦊)' },
    { ...plain, request: 'GET /demo/admin HTTP/1.1', status: 401, user: 'ada' },
    { ...plain, request: `GET /demo/search?q=${'a'.repeat(3_000)} HTTP/1.1`, status: 414 },
  ])
}

function statusOf(dice: Dice, path: string): number {
  if (path.endsWith('.pdf') || path === '/demo/about') return 404
  const chance = dice.next()
  if (chance < 0.955) return 200
  if (chance < 0.98) return 301
  if (chance < 0.993) return 404
  return chance < 0.998 ? 500 : 502
}

/** `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"` */
function writeLine(visitor: number, timeMs: number, done: Exchange): string {
  const { request, status, bytes, referrer, agent, user = '-' } = done
  const who = `${addressOf(visitor)} - ${user} [${formatTime(timeMs)}]`
  return `${who} "${request}" ${status} ${bytes} "${referrer}" "${agent}"`
}

/** Documentation addresses only (RFC 5737, RFC 3849) and private ones: nobody real is in this log. */
function addressOf(visitor: number): string {
  if (visitor % 9 === 4)
    return `2001:db8:${((visitor * 2_654_435_761) % 65_536).toString(16)}::${(visitor + 1).toString(16)}`
  const net = ['203.0.113', '198.51.100', '192.0.2'][visitor % 3] as string
  return visitor < 600
    ? `${net}.${(visitor % 254) + 1}`
    : `10.${visitor % 200}.${visitor % 7}.${(visitor % 251) + 1}`
}

function formatTime(timeMs: number): string {
  const time = new Date(timeMs)
  const two = (value: number) => (value < 10 ? `0${value}` : String(value))
  const day = `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}`
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`
}

/** A visitor mostly stays with one browser. */
function agentOf(dice: Dice, visitor: number, agents: readonly string[]): string {
  const own = dice.next() < 0.98 ? visitor : visitor + 1
  return agents[own % agents.length] as string
}

function oneOf<T>(dice: Dice, choices: readonly T[]): T {
  return choices[Math.floor(dice.next() * choices.length)] as T
}

/** Bytes around the middle, with a long tail. */
function size(dice: Dice, middle: number): number {
  return Math.floor(middle * (0.5 + dice.next() ** 4 * 8))
}

/** Cumulative weights 1/1, 1/2, 1/3 … up to 1. */
function zipf(count: number): Float64Array {
  const weights = Float64Array.from({ length: count }, (_, i) => 1 / (i + 1))
  for (let i = 1; i < count; i++) weights[i] = (weights[i] as number) + (weights[i - 1] as number)
  return weights.map((weight) => weight / (weights[count - 1] as number))
}

function draw(dice: Dice, weights: Float64Array): number {
  const chance = dice.next()
  let low = 0
  let high = weights.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((weights[middle] as number) > chance) high = middle
    else low = middle + 1
  }
  return low
}

export interface DemoLogOptions {
  /** The file; its folder is made. An existing file is appended to. */
  readonly path: string
  readonly linesPerSecond: number
  /** After so many lines the file is renamed to `<path>.1` and a new one begun. */
  readonly rotateLines: number
}

export interface DemoLogWorld {
  readonly clock: Clock
  readonly random: Random
  readonly storage: Storage
}

/** How often lines are appended: a few at a time looks like a server, and costs next to nothing. */
const TICK_MS = 100
/** After a pause of the machine at most so many ms of lines are made up for. */
const CATCH_UP_MS_MAX = 1_000

/** Appends lines steadily until the signal aborts, and rotates. Resolves when the file is closed; throws what storage throws. */
export async function writeDemoLog(
  options: DemoLogOptions,
  world: DemoLogWorld,
  signal: AbortSignal,
): Promise<void> {
  const { path, linesPerSecond, rotateLines } = options
  const { clock, random, storage } = world
  const folder = path.slice(0, path.lastIndexOf('/'))
  if (folder !== '') await storage.makeDirectory(folder)
  let file: StorageFile = await storage.open(path, 'write')
  let lines = 0
  let owed = 0
  let before = clock.monotonic()
  try {
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal)
      const now = clock.monotonic()
      owed += (Math.min(now - before, CATCH_UP_MS_MAX) * linesPerSecond) / 1000
      before = now
      const count = Math.min(Math.floor(owed), rotateLines - lines)
      if (count === 0 || signal.aborted) continue
      owed -= count
      lines += count
      const text = Array.from({ length: count }, () => `${generateLine(random, clock.now())}\n`).join('')
      await file.write(file.size, [Buffer.from(text)])
      if (lines < rotateLines) continue
      await file[Symbol.asyncDispose]()
      await storage.rename(path, `${path}.1`)
      file = await storage.open(path, 'write')
      lines = 0
    }
  } finally {
    await file[Symbol.asyncDispose]()
  }
}
