// The tracker and the demo site: bytes handed in at start, each a route of its own; no path of a request meets a disk.
import { createHash } from 'node:crypto'
import type { ServerRequest, ServerResponse } from '../../core/runtime.ts'
import { compress } from '../../protocol/compression.ts'
import type { Route } from './router.ts'

/** Paths such as `/t.js`, `/demo/index.html` and their bytes. */
export type Statics = ReadonlyMap<string, Uint8Array>

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  txt: 'text/plain; charset=utf-8',
  map: 'application/json; charset=utf-8',
}

/** Pages run nothing but our own files, and nobody frames them. */
const pagePolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** Below this gzip saves nothing worth a header. */
const gzipBytesMin = 512

/** The routes of all files; `/t.js` also gets its `/t.<hash>.js`, and an index.html its folder. */
export function staticRoutes(statics: Statics): readonly Route[] {
  return [...statics].flatMap(([path, bytes]) => {
    const file = describe(path, bytes)
    const routes = [route(path, file, path === '/t.js' ? 'public, max-age=3600' : 'no-cache')]
    if (path === '/t.js') {
      routes.push(route(`/t.${file.hash}.js`, file, 'public, max-age=31536000, immutable'))
    }
    if (path.endsWith('/index.html')) {
      const folder = path.slice(0, -'index.html'.length)
      if (folder.length > 1) {
        if (!statics.has(folder)) routes.push(route(folder, file, 'no-cache'))
        if (!statics.has(folder.slice(0, -1))) routes.push(redirect(folder))
      }
    }
    return routes
  })
}

interface File {
  readonly bytes: Uint8Array
  readonly packed: Uint8Array | null
  readonly hash: string
  readonly etag: string
  readonly type: string
  readonly isScript: boolean
}

function describe(path: string, bytes: Uint8Array): File {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  const name = path.slice(path.lastIndexOf('/') + 1)
  const extension = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : 'html'
  const type = types[extension] ?? 'application/octet-stream'
  const packs = bytes.length >= gzipBytesMin && !/^image\/(png|x-icon)/.test(type)
  const packed = packs ? compress('gzip', bytes, 9) : null
  return { bytes, packed, hash, etag: `"${hash}"`, type, isScript: extension === 'js' }
}

function route(path: string, file: File, caching: string): Route {
  return {
    method: 'GET',
    path,
    access: 'public',
    about: `The file ${path}.`,
    handle: async ({ request }) => serve(request, file, caching),
  }
}

function redirect(folder: string): Route {
  return {
    method: 'GET',
    path: folder.slice(0, -1),
    access: 'public',
    about: `Leads to ${folder}.`,
    handle: async () => ({ status: 308, headers: { location: folder }, body: '' }),
  }
}

function serve(request: ServerRequest, file: File, caching: string): ServerResponse {
  const headers: Record<string, string> = {
    'content-type': file.type,
    'cache-control': caching,
    etag: file.etag,
    vary: 'Accept-Encoding',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
  }
  if (file.isScript) {
    // A tracker is loaded by other sites, also with integrity checks, which need CORS.
    headers['access-control-allow-origin'] = '*'
    headers['cross-origin-resource-policy'] = 'cross-origin'
  } else headers['content-security-policy'] = pagePolicy
  const known = request.headers['if-none-match']
  if (known !== undefined && (known === '*' || known.includes(file.etag))) {
    return { status: 304, headers, body: '' }
  }
  const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  if (file.packed === null || !takesGzip) return { status: 200, headers, body: file.bytes }
  return { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: file.packed }
}
