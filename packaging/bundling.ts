// What the bundles of Logdrive have in common: esbuild's options, and the check of what was put inside.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildOptions } from 'esbuild'

const root = join(import.meta.dirname, '..')

/** Of package.json. */
export const packageVersion: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version

/** For Node, in few bytes, and with the version inside: there is no package.json beside a bundle. */
export const bundling = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
  define: { LOGDRIVE_VERSION: JSON.stringify(packageVersion) },
} as const satisfies BuildOptions
