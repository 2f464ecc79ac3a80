// In a bundle: the two implementations that protocol/crc32c.ts asks for, one from inside, one from beside the executable.
import { lstatSync } from 'node:fs'
import { dirname, join } from 'node:path'
import portable from 'crc-32/crc32c.js'

/** Takes the place of node:module for protocol/crc32c.ts. */
export function createRequire(): (name: string) => unknown {
  return (name) => (name === '@node-rs/crc32' ? loadNative() : portable)
}

/**
 * The native module of a package, ../lib/logdrive-agent/crc32.node from the executable. Throws when it is not there, or
 * when somebody could have put it there who could not have replaced the executable: then the portable one does the work.
 */
function loadNative(): unknown {
  const path = join(dirname(process.execPath), '../lib/logdrive-agent/crc32.node')
  const owner = lstatSync(process.execPath).uid
  for (const place of [path, dirname(path)]) {
    const { uid, mode } = lstatSync(place)
    if ((uid !== 0 && uid !== owner) || (mode & 0o022) !== 0) throw new Error(`${place} is not to be trusted`)
  }
  const module = { exports: {} }
  process.dlopen(module, path)
  return module.exports
}
