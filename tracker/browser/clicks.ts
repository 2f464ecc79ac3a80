// Clicks: which element was meant, how to find it again, where it leads. Never what a visitor typed.

import type { Props } from './recorder.ts'
import { cutText, cutUrl } from './text.ts'

const MEANT = '[data-logdrive-action],a,button,input,select,textarea,summary,[role=button]'
const IGNORED = '[data-logdrive-ignore]'
/** Text inside these is typed by the visitor or is no text. */
const SILENT = `${IGNORED},input,textarea,select,[contenteditable],script,style`
const TEXT_CHARACTERS_MAX = 100
const SELECTOR_STEPS_MAX = 5
const DOWNLOAD = /\.(pdf|docx?|xlsx?|pptx?|csv|zip|rar|7z|t?gz|dmg|exe|msi|apk|mp[34])$/i

/** The facts of a click, or null when it hit nothing that is meant to be clicked. */
export function describeClick(event: MouseEvent): Props | null {
  // The path sees into open shadow roots; the target is only their host.
  const target = event.composedPath()[0] as Element
  const element = target.closest(MEANT)
  if (!element || element.closest(IGNORED)) return null
  const { round } = Math
  const action = element.closest<HTMLElement>('[data-logdrive-action]')
  const props: Props = {
    el_tag: element.localName,
    el_id: element.id,
    el_classes: [...element.classList],
    el_role: element.getAttribute('role'),
    el_name: element.getAttribute('name'),
    el_text: readText(element),
    selector: writeSelector(element),
    button: event.button,
    x: round(event.clientX),
    y: round(event.clientY),
    page_x: round(event.pageX),
    page_y: round(event.pageY),
  }
  if (action) {
    // data-logdrive-product-id="7" becomes the property productId.
    for (const name of Object.keys(action.dataset)) {
      const [, first, rest] = /^logdrive(.)(.*)/.exec(name) || []
      if (first) props[first.toLowerCase() + rest] = cutText(action.dataset[name], TEXT_CHARACTERS_MAX)
    }
  }
  const link = element.closest<HTMLAnchorElement>('a[href]')
  return link ? { ...props, ...describeLink(link) } : props
}

function describeLink(link: HTMLAnchorElement): Props {
  const { protocol } = link
  // mailto: and tel: name a person.
  if (!/^http/.test(protocol)) return { href: protocol }
  const extension = (DOWNLOAD.exec(link.pathname) || [])[1]
  return {
    href: cutUrl(link.href),
    is_outbound: link.host !== location.host,
    is_download: extension !== undefined || link.hasAttribute('download'),
    file_extension: extension?.toLowerCase(),
  }
}

function readText(element: Element): string {
  let text = ''
  if (!element.closest(SILENT)) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
    while (text.length < TEXT_CHARACTERS_MAX && walker.nextNode()) {
      const node = walker.currentNode as Text
      if (!(node.parentElement as Element).closest(SILENT))
        text = `${text} ${cutText(node.data, TEXT_CHARACTERS_MAX)}`.trim()
    }
    text = text || element.getAttribute('aria-label') || ''
  }
  return cutText(text, TEXT_CHARACTERS_MAX)
}

/** A CSS selector of up to five steps; it stops at the first id. */
function writeSelector(element: Element): string {
  const steps: string[] = []
  for (let at: Element | null = element; at && steps.length < SELECTOR_STEPS_MAX; at = at.parentElement) {
    if (at.id) {
      steps.unshift(`#${CSS.escape(at.id)}`)
      break
    }
    const { localName, classList, parentElement } = at
    const twins = Array.from(parentElement ? parentElement.children : []).filter(
      (twin) => twin.localName === localName,
    )
    const place = twins.length > 1 ? `:nth-of-type(${twins.indexOf(at) + 1})` : ''
    steps.unshift(localName + (classList[0] ? `.${CSS.escape(classList[0])}` : '') + place)
  }
  return steps.join(' > ').slice(0, 256)
}
