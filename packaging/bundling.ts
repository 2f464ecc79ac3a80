// What the bundles of Logdrive have in common: esbuild's options.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'

const root = join(import.meta.dirname, '..')

const packageVersion: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version

/** zod has its messages in 50 languages, 340 KB that cannot be shaken off; ours are English. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup({ onLoad }) {
    const contents = "export { default as en } from './en.js'"
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents }))
  },
}

/** For Node, in few bytes, and with the version inside: there is no package.json beside a bundle. */
export const bundling = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
  define: { LOGDRIVE_VERSION: JSON.stringify(packageVersion) },
  plugins: [englishOnly],
} as const satisfies BuildOptions
