// Options: what the script tag says.

/** What can be switched off by name in `data-off`. */
export type Capture = 'pages' | 'clicks' | 'searches' | 'errors' | 'vitals'

export interface Options {
  /** Where batches go, with the key in its query: a header would cost a preflight. */
  readonly endpoint: string
  readonly site: string
  /** Query parameters that hold a search term. */
  readonly searchNames: readonly string[]
  /** False: nothing is kept on the device. */
  readonly persistent: boolean
  readonly consent: string
  captures(name: Capture): boolean
}

/** Reads the tag; null when the visitor's Global Privacy Control signal switches tracking off (`data-gpc="off"`). */
export function readOptions(script: HTMLOrSVGScriptElement | null): Options | null {
  const data: DOMStringMap = script ? script.dataset : {}
  const opposed =
    (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl && data.gpc !== 'ignore'
  if (opposed && data.gpc === 'off') return null
  const endpoint = new URL(data.url || 'v1/e', (script && (script as HTMLScriptElement).src) || location.href)
  if (data.key) endpoint.searchParams.set('k', data.key)
  return {
    endpoint: endpoint.href,
    site: (data.site || location.hostname).slice(0, 64),
    searchNames: (data.searchParams || 'q s search query keyword').match(/[^\s,]+/g) || [],
    persistent: !opposed && data.storage !== 'none',
    consent: opposed ? 'gpc' : '',
    captures: (name) => !(data.off || '').includes(name),
  }
}
