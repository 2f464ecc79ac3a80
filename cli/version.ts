// The version of this package.

import { readFileSync } from 'node:fs'

/** Filled in where the sources are bundled: there is no package.json beside a bundle. */
declare const LOGDRIVE_VERSION: string | undefined

/** As package.json says. */
export function version(): string {
  if (typeof LOGDRIVE_VERSION === 'string') return LOGDRIVE_VERSION
  return String(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version)
}
