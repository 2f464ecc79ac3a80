// User agents: browser, system, device and bot out of the header, by a short list instead of a database.

/** What a user agent says about itself; empty where it does not. */
export interface UserAgent {
  readonly browser: string
  /** Major version. */
  readonly browser_version: string
  readonly os: string
  readonly os_version: string
  readonly device_type: 'desktop' | 'mobile' | 'tablet' | 'bot' | ''
  readonly is_bot: boolean
  /** Why it counts as a bot. */
  readonly bot_reason: string
}

/** What lies behind this is not looked at. */
const lengthMax = 512

/** Order counts: nearly everybody says Safari, most say Chrome. All patterns are linear. */
const browsers: readonly (readonly [string, RegExp])[] = [
  ['Edge', /\b(?:Edg|EdgA|EdgiOS|Edge)\/(\d{1,4})/],
  ['Opera', /\b(?:OPR|OPT|OPiOS)\/(\d{1,4})/],
  ['Samsung Internet', /\bSamsungBrowser\/(\d{1,4})/],
  ['Yandex', /\bYaBrowser\/(\d{1,4})/],
  ['Vivaldi', /\bVivaldi\/(\d{1,4})/],
  ['UC Browser', /\bUCBrowser\/(\d{1,4})/],
  ['DuckDuckGo', /\b(?:DuckDuckGo|Ddg)\/(\d{1,4})/],
  ['Firefox', /\b(?:Firefox|FxiOS)\/(\d{1,4})/],
  ['Chrome', /\b(?:Headless)?(?:Chrome|CriOS|Chromium)\/(\d{1,4})/],
  ['Safari', /\bVersion\/(\d{1,4})[\d.]* (?:Mobile\/\S{1,20} )?Safari\//],
  ['Internet Explorer', /\b(?:MSIE |Trident\/.{1,40}rv:)(\d{1,4})/],
]

const systems: readonly (readonly [string, RegExp])[] = [
  ['Android', /\bAndroid ?(\d{1,3})?/],
  ['iOS', /\b(?:iPhone|iPad|iPod)\b(?:.{1,40}OS (\d{1,3})[_.])?/],
  ['Windows', /\bWindows NT (\d{1,3}\.\d)/],
  ['ChromeOS', /\bCrOS \S{1,20} (\d{1,6})/],
  ['macOS', /\bMac OS X (\d{1,3}[_.]\d{1,3})?/],
  ['Linux', /\bLinux\b()/],
]

const bots =
  /bot\b|bot[/_-]|crawl|spider|slurp|preview|facebookexternalhit|embedly|pingdom|uptime|lighthouse|pagespeed|headless|phantomjs|puppeteer|playwright|selenium|curl\/|wget\/|python-|java\/|go-http-client|okhttp|node-fetch|axios|undici|scrapy|httpclient|libwww|monitor/i

/** Reads a User-Agent header. */
export function classifyUserAgent(header: string): UserAgent {
  const text = header.slice(0, lengthMax)
  const [browser, browserVersion] = first(browsers, text)
  const [os, osVersion] = first(systems, text)
  const bot = text === '' ? 'no user agent' : (bots.exec(text)?.[0].toLowerCase() ?? '')
  return {
    browser,
    browser_version: browserVersion,
    os,
    os_version: osVersion.replace('_', '.'),
    device_type: bot === '' ? deviceOf(text, os) : 'bot',
    is_bot: bot !== '',
    bot_reason: bot === '' || text === '' ? bot : `user agent says ${bot}`,
  }
}

function first(list: readonly (readonly [string, RegExp])[], text: string): readonly [string, string] {
  for (const [name, pattern] of list) {
    const match = pattern.exec(text)
    if (match !== null) return [name, match[1] ?? '']
  }
  return ['', '']
}

function deviceOf(text: string, os: string): UserAgent['device_type'] {
  if (/\biPad\b|\bTablet\b/.test(text)) return 'tablet'
  // Android phones say Mobile, Android tablets do not.
  if (os === 'Android') return /\bMobile\b/.test(text) ? 'mobile' : 'tablet'
  if (os === 'iOS' || /\bMobile\b/.test(text)) return 'mobile'
  return os === '' ? '' : 'desktop'
}
