// What the single executable runs first: loads the agent's bundle with the compiled code of what is about to start.
import { createRequire } from 'node:module'
import { getAsset, getRawAsset } from 'node:sea'
import { Script } from 'node:vm'
import { wrapped } from './wrapped.ts'

const cache = process.argv[2] === 'read-config' ? 'config.cache' : 'agent.cache'
const script = new Script(wrapped(getAsset('bundle', 'latin1')), {
  filename: process.execPath,
  cachedData: new Uint8Array(getRawAsset(cache)),
})
script.runInThisContext()(createRequire(process.execPath), process.execPath)
