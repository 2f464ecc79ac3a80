// Page addresses: an URL and a referrer split into the columns that reports group by.
import { cutText } from './event-fields.ts'

/** Columns of where an event happened. */
export interface PageColumns {
  readonly url: string
  readonly hostname: string
  readonly path: string
  readonly query: string
  readonly title: string
  readonly referrer: string
  readonly referrer_domain: string
}

const urlLengthMax = 2_048
const titleLengthMax = 512

const utmNames = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'] as const

/** Query parameters that ad networks add, and the name of the network. */
const clickIds: ReadonlyMap<string, string> = new Map([
  ['gclid', 'gclid'],
  ['gbraid', 'gclid'],
  ['wbraid', 'gclid'],
  ['fbclid', 'fbclid'],
  ['msclkid', 'msclkid'],
  ['ttclid', 'ttclid'],
  ['twclid', 'twclid'],
  ['li_fat_id', 'li_fat_id'],
])

/** Columns of the page; an URL that cannot be parsed is kept as it is and leaves the rest empty. */
export function pageColumns(url: string, title: string, referrer: string): PageColumns {
  const parsed = parse(url)
  const from = parse(referrer)
  return {
    url: cutText(parsed?.href ?? url, urlLengthMax),
    hostname: cutText(parsed?.hostname ?? '', 255),
    path: cutText(parsed?.pathname ?? '', urlLengthMax),
    query: cutText(parsed?.search.slice(1) ?? '', urlLengthMax),
    title: cutText(title, titleLengthMax),
    referrer: cutText(from?.href ?? referrer, urlLengthMax),
    referrer_domain: cutText(from?.hostname ?? '', 255),
  }
}

/** Campaign columns that the query names; only the ones that are there. */
export function campaignColumns(query: string): Readonly<Record<string, string>> {
  const columns: Record<string, string> = {}
  // Most pages have no such query: the parser is not asked for nothing.
  if (!/utm_|cl(?:k|)id|braid|li_fat/.test(query)) return columns
  const params = new URLSearchParams(query)
  for (const name of utmNames) {
    const value = params.get(name)
    if (value !== null && value !== '') columns[name] = cutText(value, 256)
  }
  for (const [name, network] of clickIds) {
    if (columns.click_id_type === undefined && params.has(name)) columns.click_id_type = network
  }
  return columns
}

function parse(url: string): URL | null {
  if (url === '') return null
  const parsed = URL.parse(url.slice(0, urlLengthMax * 2))
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return null
  // Somebody's password is not ours to keep.
  parsed.username = ''
  parsed.password = ''
  return parsed
}
