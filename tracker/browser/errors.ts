// Errors: what the page's scripts threw and nobody caught, a few a page view at most.

import type { Props, Recorder } from './recorder.ts'
import { cutText, listen } from './text.ts'

const ERRORS_MAX = 10
const STACK_CHARACTERS_MAX = 4000

/** Reports uncaught errors and unhandled rejections. */
export function watchErrors(recorder: Recorder, found: (props: Props) => void): void {
  let page = recorder.page
  let count = 0
  const report = (thrown: unknown, message: unknown, props: Props) => {
    if (page !== recorder.page) count = 0
    page = recorder.page
    if (++count > ERRORS_MAX) return
    const error = (thrown || {}) as Partial<Error>
    found({
      message: cutText(error.message || message, 500),
      exception_type: cutText(error.name || '', 100),
      stacktrace: String(error.stack || '').slice(0, STACK_CHARACTERS_MAX),
      ...props,
    })
  }
  listen<ErrorEvent>('error', ({ error, message, filename, lineno, colno }) => {
    // An image that does not load is an error event too, without a message.
    if (message) report(error, message, { mechanism: 'onerror', file: filename, line: lineno, col: colno })
  })
  listen<PromiseRejectionEvent>('unhandledrejection', ({ reason }) =>
    report(reason, reason, { mechanism: 'unhandledrejection' }),
  )
}
