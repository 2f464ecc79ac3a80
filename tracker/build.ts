// Builds the browser tracker into tracker/dist/t.js, which the collector serves as it is.
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** What the script may weigh on the wire, in bytes of gzip -9. */
export const SCRIPT_GZIP_BYTES_MAX = 5120

/** Where the built script is kept; it is committed, because esbuild is not there at run time. */
export const SCRIPT_PATH = fileURLToPath(new URL('./dist/t.js', import.meta.url))

export interface BuiltTracker {
  readonly script: Uint8Array
  /** First 16 hex digits of the script's SHA-256, for /t.<hash>.js and ETag. */
  readonly hash: string
}

/**
 * Properties that only the script itself sees; they may be renamed. Nothing of the wire (`id`, `props` …), of the API
 * (`track` …), of the browser or of what is stored (`head`, `json`, `ts`) belongs here.
 */
const PRIVATE_PROPERTIES =
  /^(persistent|captures|searchNames|endpoint|record|settle|watch|takeLost|readUrl|readForm|identity|setUser|hide|view)$/

/** Bundles tracker/browser into one script, in memory. Throws what esbuild has to complain about. */
export async function buildTracker(): Promise<BuiltTracker> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('./browser/main.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2018',
    mangleProps: PRIVATE_PROPERTIES,
    tsconfigRaw: {},
    charset: 'ascii',
    legalComments: 'none',
    write: false,
    logLevel: 'silent',
  })
  const script = result.outputFiles[0]?.contents ?? new Uint8Array(0)
  return { script, hash: createHash('sha256').update(script).digest('hex').slice(0, 16) }
}

/** Bytes of the script as `gzip -9` sends it. */
export function measureGzip(script: Uint8Array): number {
  return gzipSync(script, { level: 9 }).length
}

if (import.meta.main) {
  const { script, hash } = await buildTracker()
  const bytes = measureGzip(script)
  console.log(`t.js ${script.length} bytes, gzip -9 ${bytes} of ${SCRIPT_GZIP_BYTES_MAX}, hash ${hash}`)
  if (bytes > SCRIPT_GZIP_BYTES_MAX) {
    console.error('the tracker is too large; nothing was written')
    process.exit(1)
  }
  await mkdir(fileURLToPath(new URL('./dist/', import.meta.url)), { recursive: true })
  await writeFile(SCRIPT_PATH, script)
}
