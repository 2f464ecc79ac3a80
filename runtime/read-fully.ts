// Reading from a descriptor until the buffer is full: one call of the system may give less than there is.
import fs from 'node:fs'

/** Fills `target` from the position on; resolves to the bytes read, fewer only at the end of the file. Rejects with Node's error. */
export async function readFully(fd: number, position: number, target: Uint8Array): Promise<number> {
  let filled = 0
  while (filled < target.byteLength) {
    const count = await readOnce(fd, position + filled, target, filled)
    if (count === 0) break
    filled += count
  }
  return filled
}

function readOnce(fd: number, position: number, target: Uint8Array, filled: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, target, filled, target.byteLength - filled, position, (error, count) => {
      if (error !== null) reject(error)
      else resolve(count)
    })
  })
}
