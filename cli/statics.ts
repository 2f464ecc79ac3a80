// The files a collector serves: the tracker's script, and the demo shop when it is asked for. Read once, at start.

import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Statics } from '../collector/http/statics.ts'

const script = new URL('../tracker/dist/t.js', import.meta.url)
const demoFolder = new URL('../tracker/demo/', import.meta.url)
const frameName = 'frame.html'

/** Paths and bytes; a page such as demo/cart.html is also there as /demo/cart. */
export async function readStatics(options: { readonly demo: boolean }): Promise<Statics> {
  const statics = new Map<string, Uint8Array>([['/t.js', await readFile(script)]])
  if (!options.demo) return statics
  const frame = await readFile(new URL(frameName, demoFolder), 'utf8')
  for (const name of await readdir(fileURLToPath(demoFolder))) {
    if (name === frameName) continue
    const bytes = await readFile(new URL(name, demoFolder))
    if (!name.endsWith('.html')) {
      statics.set(`/demo/${name}`, bytes)
      continue
    }
    const page = Buffer.from(framed(bytes.toString(), frame))
    statics.set(`/demo/${name}`, page)
    if (name !== 'index.html') statics.set(`/demo/${name.slice(0, -5)}`, page)
  }
  return statics
}

/** A page of the demo in what all of them have in common: its title into the head, what follows into the body. */
function framed(page: string, frame: string): string {
  const end = page.indexOf('</title>') + '</title>'.length
  const title = page.slice(page.indexOf('<title>'), end)
  // By functions: a `$` in a page is no pattern.
  return frame
    .replace('<slot name="title"></slot>', () => title)
    .replace('<slot name="main"></slot>', () => page.slice(end).trim())
}
