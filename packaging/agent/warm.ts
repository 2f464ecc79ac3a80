// Runs the bundle once and keeps the compiled code of all that ran: node warm.ts BUNDLE CACHE WORD...
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Script } from 'node:vm'
import { wrapped } from './wrapped.ts'

const [node = '', , bundle = '', cache = '', ...words] = process.argv
const script = new Script(wrapped(readFileSync(bundle, 'latin1')), { filename: bundle })
process.argv = [node, bundle, ...words]
process.on('exit', () => writeFileSync(cache, script.createCachedData()))
script.runInThisContext()(createRequire(bundle), bundle)
