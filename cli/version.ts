// The version of this package.

import { readFileSync } from 'node:fs'

/** Filled in where the sources are bundled: there is no package.json beside a single executable. */
declare const LOGDRIVE_VERSION: string | undefined

/** As package.json says: beside the sources in a checkout, one folder up from dist/ in the package. */
export function version(): string {
  if (typeof LOGDRIVE_VERSION === 'string') return LOGDRIVE_VERSION
  for (const place of ['../package.json', '../../package.json']) {
    const text = readPackage(new URL(place, import.meta.url))
    if (text !== undefined) return text
  }
  return 'unknown'
}

function readPackage(url: URL): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(url, 'utf8'))
    const known =
      typeof manifest === 'object' && manifest !== null && 'name' in manifest && 'version' in manifest
    return known && manifest.name === 'logdrive' ? String(manifest.version) : undefined
  } catch {
    return undefined
  }
}
