// Searches: terms in the address and in submitted search forms, each counted once.

import type { Props } from './recorder.ts'
import type { Store } from './store.ts'
import { cutText } from './text.ts'

export interface Searches {
  /** Looks for a term in a page's address. */
  readUrl(url: string): void
  /** Looks for a term in a form that is being submitted. */
  readForm(event: Event): void
}

const TERM_CHARACTERS_MAX = 500
/** A term seen in a form and then in the address within this time is one search. */
const SAME_SEARCH_MS = 10_000
const LAST_KEY = 'logdrive.search'

/** `params` are the names of query parameters and fields that hold a term; `found` records a search. */
export function openSearches(
  params: readonly string[],
  store: Store,
  found: (props: Props) => void,
): Searches {
  // The last search by form. Kept in the store too: its address comes with the next page.
  let last = store.read(LAST_KEY) || ''

  const search = (text: string, source: string, param: string) => {
    const term = cutText(text, TERM_CHARACTERS_MAX)
    if (!term) return
    const doubled =
      source === 'url' && last.slice(14) === term && Date.now() - parseInt(last, 10) < SAME_SEARCH_MS
    // 13 digits of time, a space, the term.
    last = source === 'form' ? `${Date.now()} ${term}` : ''
    store.write(LAST_KEY, last)
    if (!doubled) found({ search_term: term, source, param })
  }

  return {
    readUrl(url) {
      // Of the address and of a route in the fragment.
      const query = new URLSearchParams(url.split(/[?#]/).slice(1).join('&'))
      const param = params.find((name) => (query.get(name) || '').trim())
      if (param !== undefined) search(query.get(param) as string, 'url', param)
    },
    readForm(event) {
      const form = event.target as HTMLFormElement
      const field = findField(form, params)
      if (!field) return
      const { value, name } = field
      const submit = () => search(value, 'form', name)
      const { host } = new URL(form.action, location.href)
      if (form.method !== 'get' || host !== location.host || !params.includes(name)) {
        submit()
      } else {
        // The next page will have the term in its address and count it there, unless a script keeps us here.
        setTimeout(() => event.defaultPrevented && submit())
      }
    },
  }
}

/** The field that holds the term: of type search, named like a parameter, or the text field of a search form. */
function findField(form: HTMLFormElement, params: readonly string[]): HTMLInputElement | undefined {
  if (params.length === 0 || form.closest('[data-logdrive-ignore]')) return undefined
  const fields = Array.from(form.querySelectorAll('input'))
  const inSearch = form.closest('[role=search],search')
  return (
    fields.find((field) => field.type === 'search') ||
    fields.find((field) => field.type === 'text' && (inSearch || params.includes(field.name)))
  )
}
