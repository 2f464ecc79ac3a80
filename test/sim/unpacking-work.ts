// What zlib's streams do in other threads, counted: simulated time stands still until they are done, so that seeds repeat.
import type { Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'

const working = new Set<Transform>()
const streams = ownerOfTransform(createGunzip())
const transform = streams._transform
streams._transform = function counted(chunk, encoding, callback) {
  working.add(this)
  transform.call(this, chunk, encoding, (error, data) => {
    working.delete(this)
    callback(error, data)
  })
}

/** Some stream of zlib is at work. */
export function isUnpacking(): boolean {
  // One that failed or was given up never calls back.
  for (const stream of working) if (stream.destroyed) working.delete(stream)
  return working.size > 0
}

/** The prototype that all streams of zlib have their work from. */
function ownerOfTransform(stream: Transform): Transform {
  let owner = stream
  while (!Object.hasOwn(owner, '_transform')) owner = Object.getPrototypeOf(owner)
  return owner
}
