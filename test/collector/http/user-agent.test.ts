// User agents of today are told apart, and of a header no more than its beginning is looked at.
import { expect, test } from 'vitest'
import { classifyUserAgent } from '../../../collector/http/user-agent.ts'

test.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36',
    'Chrome 147 Windows 10.0 desktop',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0',
    'Edge 147 Windows 10.0 desktop',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15',
    'Safari 19 macOS 10.15 desktop',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1',
    'Safari 19 iOS 19 mobile',
  ],
  [
    'Mozilla/5.0 (iPad; CPU OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/147.0.1 Mobile/15E148 Safari/604.1',
    'Chrome 147 iOS 17 tablet',
  ],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0', 'Firefox 150 Linux  desktop'],
  [
    'Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Mobile Safari/537.36',
    'Chrome 147 Android 16 mobile',
  ],
  [
    'Mozilla/5.0 (Linux; Android 14; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Safari/537.36',
    'Samsung Internet 29 Android 14 tablet',
  ],
  [
    'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36',
    'Chrome 147 ChromeOS 14541 desktop',
  ],
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 OPR/130.0.0.0',
    'Opera 130 Linux  desktop',
  ],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', '    bot'],
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/147.0.0.0 Safari/537.36',
    'Chrome 147 Linux  bot',
  ],
  ['curl/8.5.0', '    bot'],
  ['', '    bot'],
])('%s', (header, expected) => {
  const { browser, browser_version, os, os_version, device_type, is_bot } = classifyUserAgent(header)
  const shown = `${browser} ${browser_version} ${os} ${os_version} ${device_type}`
  expect(shown).toBe(expected)
  expect(is_bot).toBe(device_type === 'bot')
})

test.each(['Mac OS X ', 'Version/1', 'Trident/', 'Version/1 Mobile/x ', 'iPhone ', 'CrOS '])(
  'of a megabyte of nearly matching text, "%s" again and again, only the beginning is looked at',
  (piece) => {
    const { browser, is_bot } = classifyUserAgent(`${piece.repeat(100_000)} Firefox/150 curl/8`)
    expect({ browser, is_bot }).toEqual({ browser: '', is_bot: false })
  },
)
