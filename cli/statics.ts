// The files a collector serves: the tracker's script, and the demo shop when it is asked for. Read once, at start.

import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Statics } from '../collector/http/statics.ts'

const script = new URL('../tracker/dist/t.js', import.meta.url)
const demoFolder = new URL('../tracker/demo/', import.meta.url)

/** Paths and bytes; a page such as demo/cart.html is also there as /demo/cart. */
export async function readStatics(options: { readonly demo: boolean }): Promise<Statics> {
  const statics = new Map<string, Uint8Array>([['/t.js', await readFile(script)]])
  if (!options.demo) return statics
  for (const name of await readdir(fileURLToPath(demoFolder))) {
    const bytes = await readFile(new URL(name, demoFolder))
    statics.set(`/demo/${name}`, bytes)
    if (name.endsWith('.html') && name !== 'index.html') statics.set(`/demo/${name.slice(0, -5)}`, bytes)
  }
  return statics
}
