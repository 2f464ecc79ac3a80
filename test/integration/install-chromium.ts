// Finds a Chromium for the browser tests, or installs Debian's: `node test/integration/install-chromium.ts`.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Path of a Chromium that is here: `CHROMIUM_PATH`, else the usual places; null when there is none. */
function findChromium(): string | null {
  const named = process.env.CHROMIUM_PATH
  if (named) return existsSync(named) ? named : null
  return PLACES.find((path) => existsSync(path)) ?? null
}

/** The path of the Chromium that is here. Throws a sentence that says what to do when there is none. */
export function requireChromium(): string {
  const here = findChromium()
  if (here !== null) return here
  throw new Error('no chromium here: run node test/integration/install-chromium.ts, or set CHROMIUM_PATH')
}

/** The path of a Chromium, installed by apt-get where that is possible. Throws a sentence that says what to do. */
export function installChromium(): string {
  const here = findChromium()
  if (here !== null) return here
  if (process.env.CHROMIUM_PATH) {
    throw new Error(`CHROMIUM_PATH is ${process.env.CHROMIUM_PATH}, but nothing is there`)
  }
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    throw new Error('no chromium here: install one and set CHROMIUM_PATH, or run this as root on Debian')
  }
  const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const
  execFileSync('apt-get', ['update'], options)
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], options)
  const installed = findChromium()
  if (installed === null) throw new Error('apt-get installed chromium, but it is in none of the usual places')
  return installed
}

if (import.meta.main) console.log(installChromium())
