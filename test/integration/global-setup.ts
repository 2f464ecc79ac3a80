// Before the integration tests: a Chromium is here or is installed, so that no browser test is ever skipped.
import { installChromium } from './install-chromium.ts'

/** vitest's globalSetup. Throws what has to be done where Chromium cannot be had. */
export function setup(): void {
  console.info(`browser tests run in ${installChromium()}`)
}
